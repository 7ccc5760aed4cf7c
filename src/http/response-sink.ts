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

export class ServerResponseSink implements ResponseSink {
  readonly #options: SinkOptions;
  #stalled: NodeJS.Timeout | undefined;
  #closeListener: (() => void) | undefined;
  bytes = 0;
  /** When the head of the upstream's answer came; null: not yet. */
  startedAtMs: number | null = null;

  constructor(options: SinkOptions) {
    this.#options = options;
    options.response.once('close', () => clearTimeout(this.#stalled));
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
    // A head that comes with its body leaves in one packet; one that comes alone (server-sent events) does not wait.
    queueMicrotask(() => {
      if (this.bytes === 0 && !response.writableEnded) response.flushHeaders();
    });
  }

  write(chunk: Buffer): boolean {
    const { response, idleTimeoutMs } = this.#options;
    this.bytes += chunk.length;
    if (response.write(chunk)) return true;
    this.#stalled ??= setTimeout(() => this.#cutStalled(), idleTimeoutMs);
    return false;
  }

  end(): void {
    const { response, message } = this.#options;
    response.end();
    // An upstream may answer before it has the whole body: what is left must not block the connection.
    drain(message, () => {});
  }

  abort(): void {
    const { response, message } = this.#options;
    // HTTP/1.0 has no chunks: a close would be the end of the body (RFC 9112 §6.3). TLS tells the two apart by itself.
    if (message.httpVersion === '1.0' && !isTls(message)) message.socket.resetAndDestroy();
    response.destroy();
  }

  onDrain(listener: () => void): void {
    this.#options.response.on('drain', () => {
      clearTimeout(this.#stalled);
      this.#stalled = undefined;
      listener();
    });
  }

  onClose(listener: () => void): void {
    const { response } = this.#options;
    this.#closeListener = listener;
    response.once('close', () => {
      if (!response.writableFinished) listener();
    });
  }

  /** A pipelined response that waits for its turn emits no `close`: its upstream is told here. */
  #cutStalled(): void {
    this.abort();
    this.#options.message.socket.destroy();
    this.#closeListener?.();
  }
}
