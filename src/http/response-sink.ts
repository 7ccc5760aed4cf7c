/** A node:http response as the upstream side sees it: a sink with backpressure that counts what it took. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CountersignError } from '../core/errors.ts';
import type { Clock } from '../core/time.ts';
import type { ResponseSink } from '../forward/upstream.ts';
import { drain } from './request-body.ts';
import { isTls } from './upstream-request.ts';

export interface SinkOptions {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  /** Added to every response. */
  readonly requestId: string;
  /** A client that takes nothing for so long is cut off. */
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
}

/** A first piece up to this may wait for its end: copying a longer one costs more than a second buffer to write. */
const HELD_BYTES_MAX = 16 * 1024;

export class ServerResponseSink implements ResponseSink {
  readonly #options: SinkOptions;
  /** True until what came with the head has been handed over. */
  #isStarting = false;
  /** The first piece, while its end may come with it. */
  #held: Buffer | null = null;
  #stalled: NodeJS.Timeout | undefined;
  #closeListener: (() => void) | undefined;
  #drainListener: (() => void) | undefined;
  bytes = 0;
  /** When the head of the upstream's answer came; null: not yet. */
  startedAtMs: number | null = null;

  constructor(options: SinkOptions) {
    this.#options = options;
    options.response.on('close', () => this.#onClosed());
  }

  get isClosed(): boolean {
    return this.#options.response.destroyed;
  }

  start(status: number, headers: string[]): void {
    const { response, requestId, clock } = this.#options;
    this.startedAtMs = clock();
    headers.push('X-Request-Id', requestId);
    try {
      response.writeHead(status, headers);
    } catch (cause) {
      throw new CountersignError('upstream_protocol_error', 'the response head cannot be passed on', {
        cause,
      });
    }
    // What comes with the head leaves with it; a head that comes alone (server-sent events) does not wait.
    this.#isStarting = true;
    queueMicrotask(() => this.#release());
  }

  write(chunk: Buffer): boolean {
    this.bytes += chunk.length;
    if (this.#isStarting && this.#held === null && chunk.length <= HELD_BYTES_MAX) {
      this.#held = chunk;
      return true;
    }
    this.#release();
    return this.#send(chunk);
  }

  end(): void {
    const { response, message } = this.#options;
    const held = this.#held;
    this.#held = null;
    this.#isStarting = false;
    // Text of one byte a character is joined to the head and written at once; node:http gathers buffers.
    if (held === null) response.end();
    else response.end(held.toString('latin1'), 'latin1');
    // An upstream may answer before it has the whole body: what is left must not block the connection.
    drain(message, () => {});
  }

  abort(): void {
    const { response, message } = this.#options;
    // HTTP/1.0 has no chunks: a close would be the end of the body (RFC 9112 §6.3). TLS tells the two apart by itself.
    if (message.httpVersion === '1.0' && !isTls(message)) message.socket.resetAndDestroy();
    response.destroy();
  }

  /** The last listener counts, as a request may be tried more than once. */
  onDrain(listener: () => void): void {
    this.#drainListener = listener;
  }

  /** The last listener counts. */
  onClose(listener: () => void): void {
    this.#closeListener = listener;
  }

  #release(): void {
    const { response } = this.#options;
    const held = this.#held;
    const isHeadAlone = this.#isStarting && this.bytes === 0;
    this.#held = null;
    this.#isStarting = false;
    if (held !== null) this.#send(held);
    else if (isHeadAlone) response.flushHeaders();
  }

  #send(chunk: Buffer): boolean {
    const { response, idleTimeoutMs } = this.#options;
    if (response.write(chunk)) return true;
    if (this.#stalled === undefined) {
      this.#stalled = setTimeout(() => this.#cutStalled(), idleTimeoutMs);
      response.once('drain', () => this.#onDrained());
    }
    return false;
  }

  #onDrained(): void {
    clearTimeout(this.#stalled);
    this.#stalled = undefined;
    this.#drainListener?.();
  }

  #onClosed(): void {
    clearTimeout(this.#stalled);
    if (!this.#options.response.writableFinished) this.#closeListener?.();
  }

  /** A pipelined response that waits for its turn emits no `close`: its upstream is told here. */
  #cutStalled(): void {
    this.abort();
    this.#options.message.socket.destroy();
    this.#closeListener?.();
  }
}
