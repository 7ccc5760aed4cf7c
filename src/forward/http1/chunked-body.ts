/** Reads a body in chunks (RFC 9112 §7.1), byte by byte where it is syntax. Extensions and trailers are dropped. */
import { isFieldName } from '../../core/headers.ts';
import { AnswerError } from './errors.ts';
import { FieldSection } from './field-section.ts';

/** Extensions of one chunk, in bytes: the longest in use are signatures of about 90. */
const EXTENSION_BYTES_MAX = 1024;
/** 16 digits hold 2^64, which is refused as a number; more are leading zeros without an end. */
const SIZE_DIGITS_MAX = 16;

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const SEMICOLON = 59;
const DELETE = 127;

/** What the next byte is taken for, where it is syntax. */
type SyntaxState =
  | 'size'
  | 'blankBehindSize'
  | 'extensionName'
  | 'extension'
  | 'sizeLineFeed'
  | 'dataReturn'
  | 'dataLineFeed';
type State = SyntaxState | 'data' | 'trailers' | 'done';

export class ChunkedBody {
  readonly #onData: (piece: Buffer) => void;
  readonly #trailers = new FieldSection(false);
  #state: State = 'size';
  #size = 0;
  #digits = 0;
  #extensionBytes = 0;

  /** `onData`: called with pieces of the body, in order. */
  constructor(onData: (piece: Buffer) => void) {
    this.#onData = onData;
  }

  get isDone(): boolean {
    return this.#state === 'done';
  }

  /** Takes the bytes from `start` on. Returns where the body ends in the piece, or its length. @throws AnswerError */
  read(piece: Buffer, start: number): number {
    let at = start;
    while (at < piece.length) {
      const state = this.#state;
      if (state === 'done') break;
      if (state === 'data') at = this.#readData(piece, at);
      else if (state === 'trailers') at = this.#readTrailers(piece, at);
      else {
        this.#state = this.#next(state, piece[at] ?? 0);
        at += 1;
      }
    }
    return at;
  }

  #next(state: SyntaxState, byte: number): State {
    switch (state) {
      case 'size':
        return this.#sizeByte(byte);
      case 'blankBehindSize':
        return this.#blankByte(byte);
      case 'extensionName':
        return this.#extensionNameByte(byte);
      case 'extension':
        return this.#extensionByte(byte);
      case 'sizeLineFeed':
        return expected(byte, LF, this.#size === 0 ? 'trailers' : 'data');
      case 'dataReturn':
        return expected(byte, CR, 'dataLineFeed');
      case 'dataLineFeed':
        return this.#nextChunk(byte);
    }
  }

  #sizeByte(byte: number): State {
    const digit = hexDigit(byte);
    if (digit === -1) {
      if (this.#digits === 0) throw new AnswerError('a chunk without a size');
      return this.#behindSize(byte);
    }
    this.#digits += 1;
    this.#size = this.#size * 16 + digit;
    if (this.#digits > SIZE_DIGITS_MAX || !Number.isSafeInteger(this.#size))
      throw new AnswerError('the size of a chunk is too large');
    return 'size';
  }

  #behindSize(byte: number): State {
    if (byte === CR) return 'sizeLineFeed';
    return this.#blankByte(byte);
  }

  /** RFC 9112 §7.1.1 allows white space before the semicolon, and before nothing else. */
  #blankByte(byte: number): State {
    this.#countExtension();
    if (byte === SEMICOLON) return 'extensionName';
    if (byte === SPACE || byte === TAB) return 'blankBehindSize';
    throw new AnswerError('the size of a chunk is no number');
  }

  /** A semicolon announces a name: without one the line is none of HTTP. */
  #extensionNameByte(byte: number): State {
    if (byte === SPACE || byte === TAB) {
      this.#countExtension();
      return 'extensionName';
    }
    if (!isFieldName(String.fromCharCode(byte))) throw new AnswerError('a chunk extension without a name');
    return 'extension';
  }

  #extensionByte(byte: number): State {
    this.#countExtension();
    if (byte === CR) return 'sizeLineFeed';
    if ((byte < SPACE && byte !== TAB) || byte === DELETE)
      throw new AnswerError('an invalid character in a chunk extension');
    return 'extension';
  }

  #countExtension(): void {
    this.#extensionBytes += 1;
    if (this.#extensionBytes > EXTENSION_BYTES_MAX) throw new AnswerError('chunk extensions are too long');
  }

  #nextChunk(byte: number): State {
    this.#size = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
    return expected(byte, LF, 'size');
  }

  #readData(piece: Buffer, at: number): number {
    const end = Math.min(piece.length, at + this.#size);
    this.#size -= end - at;
    if (this.#size === 0) this.#state = 'dataReturn';
    this.#onData(piece.subarray(at, end));
    return end;
  }

  #readTrailers(piece: Buffer, at: number): number {
    const used = this.#trailers.read(piece.toString('latin1', at));
    if (this.#trailers.isComplete) this.#state = 'done';
    return at + used;
  }
}

function expected(byte: number, wanted: number, next: State): State {
  if (byte !== wanted) throw new AnswerError('a chunk that does not end where it should');
  return next;
}

/** -1 where the byte is no hexadecimal digit. */
function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
