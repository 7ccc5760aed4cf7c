/**
 * Reads the heads of the requests of one connection. It is pushed bytes as they come; what it says does not depend on how
 * they were cut. What is not exactly HTTP/1.1 is refused, never repaired.
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

  constructor(headerBytes: number, headerCount: number) {
    this.#rules = {
      hasStartLine: true,
      emptyLinesMax: EMPTY_LINES_MAX,
      bytesMax: headerBytes,
      linesMax: headerCount,
    };
    this.#section = new FieldSection(this.#rules);
  }

  /** Bytes came of a head that is not complete. */
  get hasBegun(): boolean {
    return !this.#section.isEmpty;
  }

  /** Takes the bytes from `start` on. Returns where the head ends in the piece, or its length. @throws MessageError */
  read(piece: Buffer, start: number): number {
    const section = this.#section;
    let at = start;
    while (at < piece.length && !section.isComplete) {
      const end = Math.min(piece.length, at + WINDOW_BYTES);
      at += section.read(piece.toString('latin1', at, end));
    }
    const begun = section.begunStartLine;
    if (begun !== null) requireBegunLine(begun);
    return at;
  }

  /** The head, where it is complete; what is read then is another. @throws MessageError */
  take(): RequestHead | null {
    const section = this.#section;
    if (!section.isComplete) return null;
    this.#section = new FieldSection(this.#rules);
    const { method, target, httpVersion } = parseRequestLine(section.startLine ?? '');
    return { method, target, httpVersion, headers: section.fields };
  }
}
