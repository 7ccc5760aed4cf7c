/** Reads the body of a request out of the bytes of its connection, in either framing. */
import { ChunkedBody } from '../../http1/chunked-body.ts';
import type { BodyFraming } from './request-framing.ts';

export interface BodyReader {
  /** No byte that comes belongs to the body any more. */
  readonly isDone: boolean;
  /** Takes the bytes from `start` on. Returns where the body ends in the piece, or its length. @throws MessageError */
  read(piece: Buffer, start: number): number;
}

/** `onData`: called with pieces of the body, in order. Null: there is no body. */
export function createBodyReader(framing: BodyFraming, onData: (piece: Buffer) => void): BodyReader | null {
  if (framing === 0) return null;
  return framing === 'chunked' ? new ChunkedBody(onData) : new CountedBody(framing, onData);
}

class CountedBody implements BodyReader {
  readonly #onData: (piece: Buffer) => void;
  #bytesLeft: number;

  constructor(bytes: number, onData: (piece: Buffer) => void) {
    this.#bytesLeft = bytes;
    this.#onData = onData;
  }

  get isDone(): boolean {
    return this.#bytesLeft === 0;
  }

  read(piece: Buffer, start: number): number {
    const end = Math.min(piece.length, start + this.#bytesLeft);
    this.#bytesLeft -= end - start;
    this.#onData(piece.subarray(start, end));
    return end;
  }
}
