/** Sends one HTTP request to an upstream and streams the answer back, as fast as the slower side reads. */
import type { Dispatcher, Pool } from 'undici';
import { CountersignError } from '../core/errors.ts';
import type { HeaderPolicy } from '../core/headers.ts';
import { upstreamFailure } from './failure.ts';
import { responseHeaders } from './headers.ts';
import type { ResponseSink, UpstreamRequest } from './upstream.ts';

/** One try that did not end with a whole response. */
export interface FailedAttempt {
  readonly error: CountersignError;
  /** A connection stood, and the request was given to it. False: no byte of it left. */
  readonly isSent: boolean;
  /** Bytes of an answer came. */
  readonly isAnswered: boolean;
}

export interface AttemptOptions {
  readonly pool: Pool;
  /** Name for messages. */
  readonly upstream: string;
  /** Called when a connection stands, before the request is written to it. */
  readonly onConnected: () => void;
}

/** Null: the response has been handed to the sink whole. Never rejects. */
export function attemptHttp(
  { pool, upstream, onConnected }: AttemptOptions,
  request: UpstreamRequest,
  sink: ResponseSink,
): Promise<FailedAttempt | null> {
  return new Promise((resolve) => {
    const relay: Relay = new Relay(sink, request.headerPolicy, onConnected, (thrown) => {
      if (thrown === null) resolve(null);
      else resolve({ error: upstreamFailure(thrown, upstream), ...relay.progress });
    });
    try {
      pool.dispatch(dispatchOptions(request, upstream), relay);
    } catch (thrown) {
      relay.onResponseError(undefined, thrown);
    }
  });
}

/** The name is the same for every request of a pool: undici reconnects when it changes with the Host header. */
type DispatchOptions = Dispatcher.DispatchOptions & { readonly servername: string };

function dispatchOptions(request: UpstreamRequest, upstream: string): DispatchOptions {
  return {
    path: request.target,
    method: request.method,
    headers: request.headers,
    body: request.body,
    servername: upstream,
  };
}

/** Informational responses (1xx) are not passed on: no Expect goes out, and early hints are only a hint. */
const FINAL_STATUS_MIN = 200;
const STATUS_MIN = 100;

/** Hands a response to the sink. Trailers are dropped (RFC 9110 §6.5.1), content coding is left as it is. */
class Relay implements Dispatcher.DispatchHandler {
  readonly #sink: ResponseSink;
  readonly #policy: HeaderPolicy;
  readonly #connected: () => void;
  readonly #done: (thrown: unknown) => void;
  #controller: Dispatcher.DispatchController | null = null;
  readonly progress = { isSent: false, isAnswered: false };

  constructor(
    sink: ResponseSink,
    policy: HeaderPolicy,
    connected: () => void,
    done: (thrown: unknown) => void,
  ) {
    this.#sink = sink;
    this.#policy = policy;
    this.#connected = connected;
    this.#done = done;
    sink.onClose(() => this.#abort());
    sink.onDrain(() => this.#controller?.resume());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.progress.isSent = true;
    this.#connected();
    if (this.#sink.isClosed) this.#abort();
  }

  onResponseStarted(): void {
    this.progress.isAnswered = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < STATUS_MIN) throw new CountersignError('upstream_protocol_error', `status ${status}`);
    if (status < FINAL_STATUS_MIN) return;
    this.#sink.start(status, responseHeaders(rawList(controller.rawHeaders), this.#policy, status));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#sink.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.#sink.end();
    this.#done(null);
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, thrown: unknown): void {
    this.#done(thrown);
  }

  #abort(): void {
    this.#controller?.abort(new CountersignError('upstream_unreachable', 'the client went away'));
  }
}

function rawList(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
}
