/** Sends the body of a request, as fast as the upstream takes it, and never a byte more or less than was announced. */
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';

export interface BodyWriterEvents {
  /** Bytes were handed to the connection. */
  readonly onProgress: () => void;
  /** The body could not be read to its end: the request stays incomplete. */
  readonly onBroken: (error: Error) => void;
}

const LAST_CHUNK = '0\r\n\r\n';
/** Bytes that wait in the socket before the body has to wait: what the system took at once does not count. */
const UNSENT_BYTES_MAX = 64 * 1024;

export class BodyWriter {
  readonly #body: Readable;
  readonly #socket: Socket;
  readonly #events: BodyWriterEvents;
  /** Bytes that are still to come; null: the body is sent in chunks. */
  #bytesLeft: number | null;
  #isStopped = false;
  /** All of it was handed to the connection. */
  isDone = false;

  readonly #onData = (piece: Buffer) => this.#write(piece);
  readonly #onEnd = () => this.#finish();
  readonly #onError = (error: Error) => this.#break(error);
  readonly #onClose = () => this.#break(new Error('the request body went away'));

  constructor(body: Readable, framing: number | 'chunked', socket: Socket, events: BodyWriterEvents) {
    this.#body = body;
    this.#socket = socket;
    this.#events = events;
    this.#bytesLeft = framing === 'chunked' ? null : framing;
  }

  start(): void {
    if (this.#body.destroyed || this.#body.readableEnded) {
      this.#break(new Error('the request body went away'));
      return;
    }
    this.#body
      .on('end', this.#onEnd)
      .on('error', this.#onError)
      .on('close', this.#onClose)
      .on('data', this.#onData);
  }

  /** The connection takes bytes again. */
  resume(): void {
    if (!this.#isStopped) this.#body.resume();
  }

  /** Nobody wants the rest. Destroys the body: what it was begun with cannot be sent again. */
  stop(): void {
    if (this.#isStopped) return;
    this.#detach();
    this.#body.destroy();
  }

  #write(piece: Buffer): void {
    if (piece.length === 0) return; // an empty chunk would be the last one
    if (this.#bytesLeft !== null && piece.length > this.#bytesLeft) {
      this.#break(new Error('the request body is longer than announced'));
      return;
    }
    if (this.#bytesLeft === null) this.#writeChunk(piece);
    else {
      this.#socket.write(piece);
      this.#bytesLeft -= piece.length;
    }
    if (this.#socket.writableLength > UNSENT_BYTES_MAX) this.#body.pause();
    this.#events.onProgress();
  }

  #writeChunk(piece: Buffer): void {
    this.#socket.cork();
    this.#socket.write(`${piece.length.toString(16)}\r\n`, 'latin1');
    this.#socket.write(piece);
    this.#socket.write('\r\n', 'latin1');
    this.#socket.uncork();
  }

  #finish(): void {
    if (this.#bytesLeft !== null && this.#bytesLeft > 0) {
      this.#break(new Error('the request body is shorter than announced'));
      return;
    }
    if (this.#bytesLeft === null) this.#socket.write(LAST_CHUNK, 'latin1');
    this.isDone = true;
    this.#detach();
    this.#events.onProgress();
  }

  #break(error: Error): void {
    this.stop();
    this.#events.onBroken(error);
  }

  #detach(): void {
    this.#isStopped = true;
    this.#body
      .off('end', this.#onEnd)
      .off('error', this.#onError)
      .off('close', this.#onClose)
      .off('data', this.#onData);
  }
}
