/** The body of a request as a stream: filled by its connection, which waits where nobody reads. */
import { Readable } from 'node:stream';

/** Bytes kept between the two sides. */
const BUFFER_BYTES = 64 * 1024;

/**
 * Destroying it leaves the client's connection alone, so that an answer can still be sent; a client that goes away, or
 * breaks its framing, turns into an error (security row S07).
 */
export class RequestBody extends Readable {
  readonly #onWanted: () => void;

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
}
