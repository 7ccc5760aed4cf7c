/** The body of a request as a stream: filled by its connection, which waits where nobody reads. */
import { Readable } from 'node:stream';

/** Bytes kept between the two sides. */
const BUFFER_BYTES = 64 * 1024;
/** Pieces below this are joined while nobody reads: one of a single byte costs some hundred times as much as its byte. */
const JOINED_BYTES = 1024;

/**
 * Destroying it leaves the client's connection alone, so that an answer can still be sent; a client that goes away, or
 * breaks its framing, turns into an error (security row S07).
 */
export class RequestBody extends Readable {
  readonly #onWanted: () => void;
  /** Small pieces, joined. Only behind others that wait: who reads those gets these with them. */
  #joined: Buffer | null = null;
  #joinedBytes = 0;

  /** `onWanted`: called when there is room for more. */
  constructor(onWanted: () => void) {
    super({ highWaterMark: BUFFER_BYTES });
    this.#onWanted = onWanted;
    // A client may also leave when nobody reads any more, and an error without a listener ends the process.
    this.on('error', () => {});
  }

  override _read(): void {
    this.#onWanted();
  }

  override read(size?: number): unknown {
    // With 0 the stream asks itself for more, and nobody reads.
    if (size !== 0) this.#release();
    return super.read(size);
  }

  /** What came of it. False: it waits until more is wanted. */
  receive(piece: Buffer): boolean {
    if (this.readableLength > 0 && piece.length < JOINED_BYTES) return this.#join(piece);
    this.#release();
    return this.push(piece);
  }

  /** All of it was received. */
  finish(): void {
    this.#release();
    this.push(null);
  }

  #join(piece: Buffer): boolean {
    if (this.#joinedBytes + piece.length > JOINED_BYTES) this.#release();
    this.#joined ??= Buffer.allocUnsafeSlow(JOINED_BYTES);
    this.#joinedBytes += piece.copy(this.#joined, this.#joinedBytes);
    return this.readableLength + this.#joinedBytes < BUFFER_BYTES || this.#release();
  }

  /** False: wait until more is wanted. */
  #release(): boolean {
    if (this.#joined === null) return true;
    const joined = this.#joined.subarray(0, this.#joinedBytes);
    this.#joined = null;
    this.#joinedBytes = 0;
    return this.push(joined);
  }
}
