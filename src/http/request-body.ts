/** Request bodies: handed to an upstream with backpressure, and got rid of when nobody wants them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { hasBody } from './request.ts';

/** Chunks kept between the two sides, in bytes. */
const BUFFER_BYTES = 64 * 1024;

/**
 * The body of a request as a stream of its own. Destroying it leaves the client's connection alone, so that an
 * answer can still be sent; a client that goes away, or breaks its framing, turns into an error (security row S07).
 */
export class RequestBody extends Readable {
  readonly #message: IncomingMessage;
  readonly #onData = (chunk: Buffer) => {
    if (!this.push(chunk)) this.#message.pause();
  };
  readonly #onEnd = () => this.push(null);
  readonly #onCut = () => {
    if (!this.#message.complete) this.destroy(new Error('the request body is incomplete'));
  };

  constructor(message: IncomingMessage) {
    super({ highWaterMark: BUFFER_BYTES });
    this.#message = message;
    // A client may also leave when nobody reads any more, and an error without a listener ends the process.
    this.on('error', () => {});
    message.on('end', this.#onEnd).on('error', this.#onCut).on('close', this.#onCut);
  }

  override _read(): void {
    if (this.#message.listenerCount('data') === 0) this.#message.on('data', this.#onData);
    this.#message.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#message.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onCut);
    if (this.#message.listenerCount('data') === 0) this.#message.pause();
    callback(error);
  }
}

/** True where nothing more of the request can come. */
function isRead(message: IncomingMessage): boolean {
  return message.complete || !hasBody(message.rawHeaders);
}

/** What is read of an unwanted body before the connection is closed instead. */
const DRAIN_BYTES_MAX = 64 * 1024;
const DRAIN_MS_MAX = 1000;

/** True where an unwanted body is small enough to be read, so that the connection can be kept. */
export function isDrainable(message: IncomingMessage): boolean {
  if (isRead(message)) return true;
  const length = message.headers['content-length'];
  return length !== undefined && Number(length) <= DRAIN_BYTES_MAX && message.headers.expect === undefined;
}

/**
 * Reads the rest of a body nobody wants, within bounds, and closes the connection where they do not suffice.
 * Either way its bytes are never taken for a next request. `onDone` runs before a close, once.
 */
export function drain(message: IncomingMessage, onDone: () => void): void {
  if (isRead(message) || message.destroyed) {
    onDone();
    return;
  }
  let bytes = 0;
  const finish = (isWhole: boolean) => {
    clearTimeout(timer);
    message.off('data', count).off('end', onEnd).off('close', onCut);
    onDone();
    if (!isWhole) message.socket.destroySoon();
  };
  const count = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > DRAIN_BYTES_MAX) finish(false);
  };
  const onEnd = () => finish(true);
  const onCut = () => finish(false);
  const timer = setTimeout(onCut, DRAIN_MS_MAX);
  message.on('data', count).on('end', onEnd).on('close', onCut).resume();
}

/** Responses that are whole but wait for the rest of their request. */
const ANSWERED = new WeakSet<ServerResponse>();

/** True where the response is whole, although its end waits for a body nobody wants. */
export function isAnsweredEarly(response: ServerResponse): boolean {
  return ANSWERED.has(response);
}

/** Answers before the body was read, without cutting off a client that is still sending it. */
export function answerEarly(message: IncomingMessage, response: ServerResponse, body: string): void {
  if (isRead(message)) {
    response.end(body);
    return;
  }
  ANSWERED.add(response);
  response.write(body);
  drain(message, () => response.end());
}
