/** Reads a body in chunks (RFC 9112 §7.1). Extensions and trailers are read as strictly as the rest, and dropped. */
import type { HeaderList } from '../core/headers.ts';
import { MessageError } from './errors.ts';
import { FieldSection, type SectionRules } from './field-section.ts';

/** Size and extensions of one chunk: the longest extensions in use are signatures of about 90 bytes. */
const LINE_BYTES_MAX = 1024;

/**
 * 16 digits hold 2^64, which is refused as a number; more are leading zeros without an end. Each part begins with a
 * character that cannot go on the one before, so that there is one way to read a line.
 */
const CHUNK_LINE =
  /^([0-9A-Fa-f]{1,16})(?:;[!#$%&'*+\-.^_`|~\w]+(?:=(?:[!#$%&'*+\-.^_`|~\w]+|"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)*\r$/;

/** What would frame the message, had it stood in the head. RFC 9110 §6.5.1 forbids it here; some readers heed it. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding']);

/** Trailers may be as long as the head of an answer. */
const TRAILERS: SectionRules = {
  hasStartLine: false,
  emptyLinesMax: 0,
  bytesMax: 32 * 1024,
  linesMax: 200,
};

/** Bytes that are read as text at once: what stands behind the trailers is none of theirs. */
const WINDOW_BYTES = 4096;

const CR = 13;
const LF = 10;

export class ChunkedBody {
  readonly #onData: (piece: Buffer) => void;
  readonly #trailers = new FieldSection(TRAILERS);
  #state: 'line' | 'data' | 'dataReturn' | 'dataLineFeed' | 'trailers' | 'done' = 'line';
  /** The line of a chunk, as far as it came. */
  #line = '';
  /** Bytes of the chunk that are still to come. */
  #bytesLeft = 0;

  /** `onData`: called with pieces of the body, in order. */
  constructor(onData: (piece: Buffer) => void) {
    this.#onData = onData;
  }

  get isDone(): boolean {
    return this.#state === 'done';
  }

  /** Takes the bytes from `start` on. Returns where the body ends in the piece, or its length. @throws MessageError */
  read(piece: Buffer, start: number): number {
    let at = start;
    while (at < piece.length && this.#state !== 'done') at = this.#readPart(piece, at);
    return at;
  }

  #readPart(piece: Buffer, at: number): number {
    switch (this.#state) {
      case 'line':
        return this.#readLine(piece, at);
      case 'data':
        return this.#readData(piece, at);
      case 'dataReturn':
        this.#state = 'dataLineFeed';
        return behind(piece, at, CR);
      case 'dataLineFeed':
        this.#state = 'line';
        return behind(piece, at, LF);
      case 'trailers':
        return this.#readTrailers(piece, at);
      case 'done':
        return at;
    }
  }

  #readLine(piece: Buffer, at: number): number {
    const lineFeed = piece.indexOf(LF, at);
    const end = lineFeed === -1 ? piece.length : lineFeed;
    if (this.#line.length + end - at > LINE_BYTES_MAX)
      throw new MessageError('the line of a chunk is too long');
    this.#line += piece.toString('latin1', at, end);
    if (lineFeed === -1) return end;
    this.#beginChunk(this.#line);
    this.#line = '';
    return end + 1;
  }

  #beginChunk(line: string): void {
    const digits = CHUNK_LINE.exec(line)?.[1];
    if (digits === undefined) throw new MessageError('the line of a chunk is none of HTTP');
    this.#bytesLeft = Number.parseInt(digits, 16);
    if (!Number.isSafeInteger(this.#bytesLeft)) throw new MessageError('the size of a chunk is too large');
    this.#state = this.#bytesLeft === 0 ? 'trailers' : 'data';
  }

  #readData(piece: Buffer, at: number): number {
    const end = Math.min(piece.length, at + this.#bytesLeft);
    this.#bytesLeft -= end - at;
    if (this.#bytesLeft === 0) this.#state = 'dataReturn';
    this.#onData(piece.subarray(at, end));
    return end;
  }

  #readTrailers(piece: Buffer, at: number): number {
    const used = this.#trailers.read(piece.toString('latin1', at, at + WINDOW_BYTES));
    if (this.#trailers.isComplete) {
      refuseFraming(this.#trailers.fields);
      this.#state = 'done';
    }
    return at + used;
  }
}

function behind(piece: Buffer, at: number, expected: number): number {
  if (piece[at] !== expected) throw new MessageError('a chunk that does not end where it should');
  return at + 1;
}

function refuseFraming(fields: HeaderList): void {
  for (let index = 0; index < fields.length; index += 2)
    if (FRAMING.has((fields[index] ?? '').toLowerCase()))
      throw new MessageError(`${fields[index]} in a trailer`);
}
