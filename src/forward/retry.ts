/**
 * What may be tried again. Twice is asked only what has not been asked yet, or what may be asked twice: a request that
 * no connection took, or one of an idempotent method that was lost without a byte of an answer (RFC 9110 §9.2.2).
 */
import type { ErrorCode } from '../core/errors.ts';
import { type Clock, SECOND_MS } from '../core/time.ts';
import { IDEMPOTENT_METHODS } from '../core/upstream.ts';
import type { FailedAttempt } from './http.ts';
import type { UpstreamRequest } from './upstream.ts';

/** `connect`: nothing was sent. `reset`: the connection was lost before any answer. */
export type RetryReason = 'connect' | 'reset';

const IDEMPOTENT: ReadonlySet<string> = new Set(IDEMPOTENT_METHODS);
/** What an attempt to connect ends with. Others are defects of the request, and no target likes it better. */
const CONNECT_FAILURES: ReadonlySet<ErrorCode> = new Set(['upstream_unreachable', 'upstream_timeout']);

/** True where the target gave no connection, whatever was to be sent over it. */
export function isConnectFailure({ error, isSent }: FailedAttempt, request: UpstreamRequest): boolean {
  // A body that is gone is the client's doing: it says nothing about the target.
  return !isSent && request.body?.destroyed !== true && CONNECT_FAILURES.has(error.code);
}

/**
 * Why the request may be tried again; null: it may not. `methods`: those that may reach a target twice. A body that
 * was begun cannot be sent again: what has one is tried again only where no connection took it.
 */
export function retryReason(
  failure: FailedAttempt,
  request: UpstreamRequest,
  methods: ReadonlySet<string>,
): RetryReason | null {
  if (isConnectFailure(failure, request)) return 'connect';
  const { error, isSent, isAnswered } = failure;
  const isLost = isSent && !isAnswered && error.code === 'upstream_unreachable';
  const isRepeatable = request.body === null && methods.has(request.method) && IDEMPOTENT.has(request.method);
  return isLost && isRepeatable ? 'reset' : null;
}

/** The time over which requests and retries are compared. */
export const BUDGET_WINDOW_MS = 10 * SECOND_MS;
/** Retries for each request: an upstream that loses everything gets a fifth more load, not twice as much. */
export const BUDGET_RATIO = 0.2;
/** Retries in a window that need no requests beside them, so that a quiet upstream has some. */
export const BUDGET_RETRIES_MIN = 10;

interface Slot {
  second: number;
  requests: number;
  retries: number;
}

/** Bounds the retries of one upstream over the last ten seconds. */
export class RetryBudget {
  readonly #clock: Clock;
  readonly #slots: readonly Slot[];

  constructor(clock: Clock) {
    this.#clock = clock;
    const count = BUDGET_WINDOW_MS / SECOND_MS;
    this.#slots = Array.from({ length: count }, () => ({ second: -1, requests: 0, retries: 0 }));
  }

  countRequest(): void {
    this.#slot().requests += 1;
  }

  /** False: the budget is spent, and the failure is the answer. */
  take(): boolean {
    const current = this.#slot();
    let requests = 0;
    let retries = 0;
    for (const slot of this.#slots) {
      if (current.second - slot.second >= this.#slots.length) continue;
      requests += slot.requests;
      retries += slot.retries;
    }
    if (retries >= Math.max(BUDGET_RETRIES_MIN, Math.floor(requests * BUDGET_RATIO))) return false;
    current.retries += 1;
    return true;
  }

  #slot(): Slot {
    const second = Math.floor(this.#clock() / SECOND_MS);
    const slot = this.#slots[second % this.#slots.length];
    if (slot === undefined) throw new RangeError('the clock stands before 1970');
    if (slot.second !== second) Object.assign(slot, { second, requests: 0, retries: 0 });
    return slot;
  }
}
