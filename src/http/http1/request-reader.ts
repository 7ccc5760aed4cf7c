/**
 * Reads the heads of the requests of one connection. It is pushed bytes as they come; what it takes does not depend on how
 * they were cut. What is not exactly HTTP/1.1 is refused, never repaired, and as soon as a line of it is there.
 */
import type { HeaderList } from '../../core/headers.ts';
import { FieldSection, type SectionRules } from '../../http1/field-section.ts';
import { parseRequestLine, type RequestLine, requireBegunLine } from './request-line.ts';

export interface RequestHead extends RequestLine {
  readonly headers: HeaderList;
}

/** Bytes that are read as text at once: most heads are shorter, and bodies are not to be read as text. */
const WINDOW_BYTES = 4096;
/** Old clients end a body with a line end that belongs to nothing (RFC 9112 §2.2). */
const EMPTY_LINES_MAX = 1;

export class RequestReader {
  readonly #rules: SectionRules;
  #section: FieldSection;
  /** The first line of the head, once it is complete. */
  #line: RequestLine | null = null;

  constructor(headerBytes: number, headerCount: number) {
    this.#rules = {
      hasStartLine: true,
      emptyLinesMax: EMPTY_LINES_MAX,
      bytesMax: headerBytes,
      linesMax: headerCount,
    };
    this.#section = new FieldSection(this.#rules);
  }

  /** Bytes came of a head that is not complete. An empty line before it is none of them: nothing may follow it. */
  get hasBegun(): boolean {
    const line = this.#section.begunStartLine;
    return line === null || (line !== '' && line !== '\r');
  }

  /**
   * Takes the bytes from `start` on. Returns where the head ends in the piece, or its length.
   *
   * @throws MessageError, CountersignError not_implemented
   */
  read(piece: Buffer, start: number): number {
    const section = this.#section;
    let at = start;
    while (at < piece.length && !section.isComplete) {
      const end = Math.min(piece.length, at + WINDOW_BYTES);
      at += section.read(piece.toString('latin1', at, end));
    }
    const begun = section.begunStartLine;
    if (begun !== null) requireBegunLine(begun);
    else this.#line ??= parseRequestLine(section.startLine ?? '');
    return at;
  }

  /** What was read of a head that is not complete; null: not even its first line. */
  get begun(): RequestHead | null {
    const line = this.#line ?? readableLine(this.#section.startLine);
    return line === null ? null : { ...line, headers: this.#section.fields };
  }

  /** The head, where it is complete; what is read then is another. */
  take(): RequestHead | null {
    const section = this.#section;
    const line = this.#line;
    if (!section.isComplete || line === null) return null;
    this.#section = new FieldSection(this.#rules);
    this.#line = null;
    const { method, target, httpVersion } = line;
    return { method, target, httpVersion, headers: section.fields };
  }
}

/** Null: it is not that of a request. What is wrong behind it may be found before it is looked at. */
function readableLine(line: string | null): RequestLine | null {
  try {
    return line === null ? null : parseRequestLine(line);
  } catch {
    return null;
  }
}
