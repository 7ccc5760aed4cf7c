/** One exchange at the edge: its identity, its answer when it is refused, and its line in the access log. */
import type { Decision } from '../core/decision.ts';
import type { CountersignError } from '../core/errors.ts';
import { COMMON_METHODS } from '../core/method.ts';
import type { Clock } from '../core/time.ts';
import type { AccessRecord } from './access.ts';
import { type ClientOrigin, clientOrigin, type TrustedProxies } from './client-address.ts';
import type { AnswerWriter } from './http1/answer-writer.ts';
import type { IncomingRequest } from './http1/incoming-request.ts';
import { loggedPath } from './logged-path.ts';
import { problemOf } from './problem.ts';
import { AnswerSink } from './response-sink.ts';

export interface ExchangeOptions {
  readonly clock: Clock;
  readonly onRequestDone: (record: AccessRecord) => void;
}

/** nginx's number for a client that left before the answer. Log only, never sent. */
const CLIENT_CLOSED_STATUS = 499;
const SWITCHING_PROTOCOLS_STATUS = 101;

/** What is answered to `OPTIONS *` (RFC 9110 §9.3.7). Which route takes what, it does not tell. */
const ALLOWED_METHODS = COMMON_METHODS.join(', ');

export class Exchange {
  readonly origin: ClientOrigin;
  readonly sink: AnswerSink;
  readonly #options: ExchangeOptions;
  readonly #request: IncomingRequest;
  readonly #answer: AnswerWriter;
  readonly #startedAtMs: number;
  #decision: Decision | null = null;
  #error: CountersignError | null = null;
  #upstream: string | null = null;
  #forwardedAtMs = 0;
  #isClientGone = false;
  #isTunnel = false;

  constructor(
    options: ExchangeOptions,
    trusted: TrustedProxies,
    request: IncomingRequest,
    answer: AnswerWriter,
  ) {
    this.#options = options;
    this.#request = request;
    this.#answer = answer;
    this.#startedAtMs = options.clock();
    this.origin = clientOrigin(request.peer.address, request.headers, trusted);
    this.sink = new AnswerSink(answer, request.id, options.clock);
  }

  decided(decision: Decision): void {
    this.#decision = decision;
  }

  forwardingTo(upstream: string): void {
    this.#upstream = upstream;
    this.#forwardedAtMs = this.#options.clock();
  }

  answerOptions(): void {
    this.#answer.send(204, ['Allow', ALLOWED_METHODS, 'X-Request-Id', this.#request.id]);
  }

  /** Sends the problem; cuts the connection where another answer has begun. */
  fail(error: CountersignError): void {
    this.#error = error;
    this.#isClientGone = this.sink.isClosed;
    if (this.#isClientGone) return;
    if (this.#answer.isBegun) {
      this.sink.abort();
      return;
    }
    const { status, headers, body } = problemOf(error, this.#request.id);
    // What could not be read is not followed by another request on its connection.
    if (this.#decision === null || !this.#request.isDrainable) this.#answer.closeAfter();
    this.#answer.send(status, headers, body);
  }

  /** What was to be sent went through a tunnel, unless it failed or another answer was sent. */
  tunnelled(): void {
    this.#isTunnel = this.#error === null && !this.#answer.isBegun;
  }

  /** Called once, when nothing more will be sent. */
  finish(): void {
    this.#settle();
    const { sink } = this;
    const nowMs = this.#options.clock();
    const token = this.#decision?.token;
    this.#options.onRequestDone({
      timeMs: this.#startedAtMs,
      requestId: this.#request.id,
      method: this.#request.method,
      path: loggedPath(this.#request.target),
      status: this.#status(),
      durationMs: nowMs - this.#startedAtMs,
      upstreamMs: sink.startedAtMs === null ? null : sink.startedAtMs - this.#forwardedAtMs,
      verdict: this.#verdict(),
      reason: this.#reason(),
      detail: this.#error?.message ?? null,
      route: this.#decision?.route?.name ?? null,
      realm: token?.realm.name ?? null,
      user: token?.principal.subject ?? null,
      upstream: this.#upstream,
      clientAddress: this.origin.address,
      responseBytes: sink.bytes,
    });
  }

  /** What the connection has answered, or not sent any more, counts before what the handler made of it. */
  #settle(): void {
    const { refusal, isDone } = this.#answer;
    if (refusal !== null) {
      this.#error = refusal;
      this.#isClientGone = false;
    } else if (this.#error === null && !isDone && !this.#isTunnel) this.#isClientGone = true;
  }

  #status(): number {
    if (this.#isTunnel) return SWITCHING_PROTOCOLS_STATUS;
    return this.#answer.isBegun ? this.#answer.status : CLIENT_CLOSED_STATUS;
  }

  #verdict(): AccessRecord['verdict'] {
    const decision = this.#decision;
    if (decision === null) return 'none';
    if (decision.verdict === 'deny') return 'deny';
    return decision.shadowed === null ? 'allow' : 'shadow_deny';
  }

  #reason(): AccessRecord['reason'] {
    if (this.#isClientGone) return 'client_closed';
    if (this.#error !== null) return this.#error.code;
    return this.#decision?.verdict === 'allow' ? (this.#decision.shadowed?.code ?? null) : null;
  }
}
