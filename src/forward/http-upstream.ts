/** An upstream of one or several targets: each request goes to one of them, and to another where that loses nothing. */
import { CountersignError } from '../core/errors.ts';
import { SECOND_MS } from '../core/time.ts';
import type { UpstreamSettings } from '../core/upstream.ts';
import { bestCandidates, pickTarget } from './balance.ts';
import type { FailedAttempt } from './http.ts';
import { RetryBudget, type RetryReason, retryReason } from './retry.ts';
import { Target, type UpstreamPorts } from './target.ts';
import type { ResponseSink, TargetStatus, UpgradeRequest, Upstream, UpstreamRequest } from './upstream.ts';

const NONE: ReadonlySet<Target> = new Set();

export class HttpUpstream implements Upstream {
  readonly name: string;
  readonly authority: string;
  readonly #settings: UpstreamSettings;
  readonly #ports: UpstreamPorts;
  readonly #targets: readonly Target[];
  /** Null: there are several. */
  readonly #only: Target | null;
  readonly #budget: RetryBudget;
  #turn = 0;

  /** @throws TypeError without targets. Configuration refuses that earlier. */
  constructor(settings: UpstreamSettings, ports: UpstreamPorts) {
    const targets = settings.targets.map((target) => new Target(target, settings, ports));
    const [first] = targets;
    if (first === undefined) throw new TypeError(`upstream ${settings.name} has no target`);
    this.name = settings.name;
    this.authority = first.authority;
    this.#settings = settings;
    this.#ports = ports;
    this.#targets = targets;
    this.#only = targets.length === 1 ? first : null;
    this.#budget = new RetryBudget(ports.clock);
  }

  startChecks(): void {
    for (const target of this.#targets) target.startChecks();
  }

  stopChecks(): void {
    for (const target of this.#targets) target.stopChecks();
  }

  status(): readonly TargetStatus[] {
    return this.#targets.map((target) => target.status());
  }

  forward(request: UpstreamRequest, sink: ResponseSink): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#budget.countRequest();
      // Between two attempts nobody else listens to the body, and an error without a listener ends the process.
      request.body?.on('error', () => {});
      const target = this.#choose(NONE, false) ?? this.#unavailable();
      target.send(request, sink, (failure) => {
        if (failure === null) resolve();
        else this.#forwardAgain(request, sink, target, failure).then(resolve, reject);
      });
    });
  }

  /** Not tried again: http-proxy has the client's socket by the time the connection fails. */
  async upgrade(request: UpgradeRequest, sink: ResponseSink): Promise<void> {
    const target = this.#choose(NONE, false) ?? this.#unavailable();
    await target.upgrade(request, sink);
  }

  async close(): Promise<void> {
    await Promise.all(this.#targets.map((target) => target.close()));
  }

  async #forwardAgain(
    request: UpstreamRequest,
    sink: ResponseSink,
    first: Target,
    firstFailure: FailedAttempt,
  ): Promise<void> {
    const tried = new Set([first]);
    let failure = firstFailure;
    for (let attempt = 0; attempt < this.#settings.retry.attempts; attempt += 1) {
      const next = sink.isClosed ? null : this.#nextAttempt(failure, request, tried);
      if (next === null) break;
      this.#ports.observe.retried(this.name, next.reason);
      const outcome = await outcomeOf(next.target, request, sink);
      if (outcome === null) return;
      tried.add(next.target);
      failure = outcome;
    }
    throw failure.error;
  }

  /** Where to try again, and why; null: the failure is the answer. A target that refused is not asked twice. */
  #nextAttempt(
    failure: FailedAttempt,
    request: UpstreamRequest,
    tried: ReadonlySet<Target>,
  ): { readonly target: Target; readonly reason: RetryReason } | null {
    const reason = retryReason(failure, request, this.#settings.retry.methods);
    if (reason === null) return null;
    const target = this.#choose(tried, reason === 'reset');
    return target !== null && this.#budget.take() ? { target, reason } : null;
  }

  #choose(tried: ReadonlySet<Target>, mayRepeat: boolean): Target | null {
    if (this.#only !== null && tried.size === 0) return this.#only.waitMs() === 0 ? this.#only : null;
    const available = this.#targets.filter((target) => target.waitMs() === 0);
    const candidates = bestCandidates(available, tried, mayRepeat);
    // A second attempt is nobody's turn: it would always give the first one to the same target of two.
    if (tried.size === 0) this.#turn = (this.#turn + 1) % Number.MAX_SAFE_INTEGER;
    return pickTarget(this.#settings.balance, candidates, this.#turn) ?? null;
  }

  #unavailable(): never {
    const waitMs = Math.min(...this.#targets.map((target) => target.waitMs()));
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / SECOND_MS));
    const message = `upstream ${this.name}: no target takes connections`;
    throw new CountersignError('upstream_unavailable', message, { retryAfterSeconds });
  }
}

function outcomeOf(
  target: Target,
  request: UpstreamRequest,
  sink: ResponseSink,
): Promise<FailedAttempt | null> {
  return new Promise((resolve) => target.send(request, sink, resolve));
}
