/** Sends one HTTP request to an upstream and streams the answer back, as fast as the slower side reads. */
import { CountersignError } from '../core/errors.ts';
import type { HeaderList } from '../core/headers.ts';
import { upstreamFailure } from './failure.ts';
import { responseHeaders } from './headers.ts';
import type { AnswerHandler, Connection } from './http1/connection.ts';
import type { Claimant, ConnectionPool } from './http1/connection-pool.ts';
import { type RequestHead, requestHead } from './http1/request-head.ts';
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
  readonly pool: ConnectionPool;
  /** Name for messages. */
  readonly upstream: string;
  /** Called when a connection stands, before the request is written to it. */
  readonly onConnected: () => void;
}

/** Told how an attempt ended; null: the response has been handed to the sink whole. */
export type OnAttempted = (failure: FailedAttempt | null) => void;

/** Calls back once, at once or later. */
export function attemptHttp(
  options: AttemptOptions,
  request: UpstreamRequest,
  sink: ResponseSink,
  done: OnAttempted,
): void {
  const { method, target, headers, body } = request;
  let head: RequestHead;
  try {
    head = requestHead({ method, target, headers, hasBody: body !== null });
  } catch (thrown) {
    done({ error: upstreamFailure(thrown, options.upstream), isSent: false, isAnswered: false });
    return;
  }
  options.pool.acquire(new Attempt(options, request, head, sink, done));
}

/** Hands a response to the sink. Trailers are dropped (RFC 9110 §6.5.1), content coding is left as it is. */
class Attempt implements Claimant, AnswerHandler {
  readonly #options: AttemptOptions;
  readonly #request: UpstreamRequest;
  readonly #head: RequestHead;
  readonly #sink: ResponseSink;
  readonly #done: OnAttempted;
  #connection: Connection | null = null;
  #isSent = false;
  #isAnswered = false;

  constructor(
    options: AttemptOptions,
    request: UpstreamRequest,
    head: RequestHead,
    sink: ResponseSink,
    done: OnAttempted,
  ) {
    this.#options = options;
    this.#request = request;
    this.#head = head;
    this.#sink = sink;
    this.#done = done;
    sink.onClose(() => this.#leave());
  }

  onConnected(connection: Connection): void {
    this.#isSent = true;
    this.#options.onConnected();
    const { method, body } = this.#request;
    if (this.#sink.isClosed || body?.destroyed === true) {
      connection.rest();
      this.onFailure(clientGone());
      return;
    }
    this.#connection = connection;
    connection.send({ method, head: this.#head, body }, this);
  }

  onUnconnected(thrown: unknown): void {
    this.onFailure(thrown);
  }

  onBegun(): void {
    this.#isAnswered = true;
  }

  onHead(status: number, fields: HeaderList): void {
    this.#sink.start(status, responseHeaders(fields, this.#request.headerPolicy, status));
  }

  onBody(piece: Buffer): boolean {
    const isTaken = this.#sink.write(piece);
    if (!isTaken) this.#sink.onDrain(() => this.#connection?.resume());
    return isTaken;
  }

  onEnd(): void {
    this.#connection = null;
    this.#sink.end();
    this.#done(null);
  }

  onFailure(thrown: unknown): void {
    this.#connection = null;
    const error = upstreamFailure(thrown, this.#options.upstream);
    this.#done({ error, isSent: this.#isSent, isAnswered: this.#isAnswered });
  }

  #leave(): void {
    if (this.#connection === null) this.#options.pool.leave(this, goneWhileWaiting());
    else this.#connection.abort(clientGone());
  }
}

/** Nobody sees it: the client that it would be told to has gone. */
function clientGone(): CountersignError {
  return new CountersignError('upstream_unreachable', 'the client went away');
}

/** Of a target that is busy. No breaker may count it as one that gives no connections. */
function goneWhileWaiting(): CountersignError {
  return new CountersignError('upstream_unavailable', 'the client went away while it waited');
}
