/**
 * The circuit breaker of one target. Only connections that cannot be had count against it: an answer that is slow, or
 * a connection that is lost under a request, is what one client can provoke, and must not shut out the others.
 */
import { type Clock, SECOND_MS } from '../core/time.ts';

export type BreakerState = 'closed' | 'half-open' | 'open';

/** Failures in a row that open the breaker: a restart refuses one or two, an outage refuses all. */
const FAILURES_MAX = 5;
/** A target that comes back is found within this time, and a dead one costs one connection in it. */
const OPEN_MS = 5 * SECOND_MS;
/** What clients wait while the one trial runs: it ends with `timeouts.connect` at the latest. */
const TRIAL_MS = SECOND_MS;

export class Breaker {
  readonly #clock: Clock;
  readonly #onChange: (isClosed: boolean) => void;
  #state: BreakerState = 'closed';
  #failures = 0;
  #openUntilMs = 0;

  /** `onChange`: called when it opens, and when it has closed again after an outage. */
  constructor(clock: Clock, onChange: (isClosed: boolean) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** What to wait before the next try, in milliseconds; 0: none. */
  waitMs(): number {
    if (this.#state === 'closed') return 0;
    if (this.#state === 'half-open') return TRIAL_MS;
    const nowMs = this.#clock();
    // A clock that was set back would keep it open for as long as that.
    this.#openUntilMs = Math.min(this.#openUntilMs, nowMs + OPEN_MS);
    return Math.max(0, this.#openUntilMs - nowMs);
  }

  /** Called when a request is given to the target after `waitMs()` was 0: the first one after an outage is the trial. */
  begin(): void {
    if (this.#state === 'open') this.#change('half-open');
  }

  /** A connection stands. */
  connected(): void {
    this.#failures = 0;
    this.#change('closed');
  }

  /** No connection could be had. */
  failed(): void {
    this.#failures += 1;
    if (this.#state === 'half-open' || this.#failures >= FAILURES_MAX) this.#open(OPEN_MS);
  }

  /** The request went away before it was known whether there is a connection: the next one may be the trial. */
  abandoned(): void {
    if (this.#state === 'half-open') this.#open(0);
  }

  #open(durationMs: number): void {
    if (this.#state === 'open') return;
    this.#openUntilMs = this.#clock() + durationMs;
    this.#change('open');
  }

  #change(state: BreakerState): void {
    const wasClosed = this.#state === 'closed';
    this.#state = state;
    if (wasClosed !== (state === 'closed')) this.#onChange(!wasClosed);
  }
}
