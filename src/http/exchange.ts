/** One exchange at the edge: its identity, its answer when it is refused, and its line in the access log. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Decision } from '../core/decision.ts';
import type { CountersignError } from '../core/errors.ts';
import { headerValues } from '../core/headers.ts';
import type { ListenerLimits } from '../core/limits.ts';
import type { Clock } from '../core/time.ts';
import type { AccessRecord } from './access.ts';
import { type ClientOrigin, clientOrigin, type TrustedProxies } from './client-address.ts';
import { problemOf } from './problem.ts';
import { peerAddress } from './proxied-connections.ts';
import { answerEarly, isDrainable } from './request-body.ts';
import { ServerResponseSink } from './response-sink.ts';

export interface ExchangeOptions {
  readonly limits: ListenerLimits;
  readonly clock: Clock;
  readonly randomId: () => string;
  readonly onRequestDone: (record: AccessRecord) => void;
}

/** Request ids are taken over from clients only where they can do no harm in a log or a header. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** nginx's number for a client that left before the answer. Log only, never sent. */
const CLIENT_CLOSED_STATUS = 499;
const SWITCHING_PROTOCOLS_STATUS = 101;

/** Methods that a gateway serves at all, for `OPTIONS *` (RFC 9110 §9.3.7). */
const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

export class Exchange {
  readonly requestId: string;
  readonly origin: ClientOrigin;
  readonly sink: ServerResponseSink;
  readonly #options: ExchangeOptions;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #startedAtMs: number;
  #decision: Decision | null = null;
  #error: CountersignError | null = null;
  #upstream: string | null = null;
  #forwardedAtMs = 0;
  #isClientGone = false;

  constructor(
    options: ExchangeOptions,
    trusted: TrustedProxies,
    message: IncomingMessage,
    response: ServerResponse,
  ) {
    this.#options = options;
    this.#message = message;
    this.#response = response;
    this.#startedAtMs = options.clock();
    this.requestId = requestIdOf(message) ?? options.randomId();
    this.origin = clientOrigin(peerAddress(message.socket), message.rawHeaders, trusted);
    const { clock, limits } = options;
    const { requestId } = this;
    this.sink = new ServerResponseSink({
      message,
      response,
      requestId,
      clock,
      idleTimeoutMs: limits.idleTimeoutMs,
    });
  }

  decided(decision: Decision): void {
    this.#decision = decision;
  }

  forwardingTo(upstream: string): void {
    this.#upstream = upstream;
    this.#forwardedAtMs = this.#options.clock();
  }

  answerOptions(): void {
    this.#response.writeHead(204, ['Allow', ALLOWED_METHODS, 'X-Request-Id', this.requestId]).end();
  }

  /** Sends the problem; cuts the connection where another answer has begun. */
  fail(error: CountersignError): void {
    this.#error = error;
    this.#isClientGone = this.sink.isClosed;
    if (this.#isClientGone) return;
    if (this.#response.headersSent) {
      this.sink.abort();
      return;
    }
    const { status, headers, body } = problemOf(error, this.requestId);
    // What could not be read is not followed by another request on its connection.
    if (this.#decision === null || !isDrainable(this.#message)) headers.push('Connection', 'close');
    this.#response.writeHead(status, headers);
    answerEarly(this.#message, this.#response, body);
  }

  /** Called once, when nothing more will be sent. */
  finish(): void {
    const { requestId, sink } = this;
    const nowMs = this.#options.clock();
    const token = this.#decision?.token;
    this.#options.onRequestDone({
      timeMs: this.#startedAtMs,
      requestId,
      method: this.#message.method ?? '',
      path: withoutQuery(this.#message.url ?? ''),
      status: this.#status(),
      durationMs: nowMs - this.#startedAtMs,
      upstreamMs: sink.startedAtMs === null ? null : sink.startedAtMs - this.#forwardedAtMs,
      ...this.#verdict(),
      detail: this.#error?.message ?? null,
      route: this.#decision?.route?.name ?? null,
      realm: token?.realm.name ?? null,
      user: token?.principal.subject ?? null,
      upstream: this.#upstream,
      clientAddress: this.origin.address,
      responseBytes: sink.bytes,
    });
  }

  #status(): number {
    if (this.#response.headersSent) return this.#response.statusCode;
    return this.#error === null ? SWITCHING_PROTOCOLS_STATUS : CLIENT_CLOSED_STATUS;
  }

  #verdict(): Pick<AccessRecord, 'verdict' | 'reason'> {
    const failure = this.#isClientGone ? 'client_closed' : (this.#error?.code ?? null);
    const decision = this.#decision;
    if (decision === null) return { verdict: 'none', reason: failure };
    if (decision.verdict === 'deny') return { verdict: 'deny', reason: failure };
    if (decision.shadowed === null) return { verdict: 'allow', reason: failure };
    return { verdict: 'shadow_deny', reason: failure ?? decision.shadowed.code };
  }
}

function withoutQuery(target: string): string {
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

/** The id that the client sent, where it can do no harm. */
export function requestIdOf(message: IncomingMessage): string | null {
  const given = headerValues(message.rawHeaders, 'x-request-id');
  return given.length === 1 && given[0] !== undefined && REQUEST_ID.test(given[0]) ? given[0] : null;
}
