/**
 * Sessions that were ended while access tokens of theirs may live: all of them in memory, at most a second behind; half a
 * minute where so many ended at once that it took longer than a minute.
 */
import type { Logger } from '../core/log.ts';
import { type Clock, DAY_MS, MINUTE_MS, type Scheduler, SECOND_MS } from '../core/time.ts';
import type { Revocations } from './ports.ts';
import { LONG_STATEMENT_MAX_MS, type Store } from './store.ts';
import { watchStore } from './store-watch.ts';

/** Half of the second that a revocation may take to be known everywhere. */
const POLL_MS = SECOND_MS / 2;
/**
 * A commit becomes visible after the instant that it carries, and clocks of instances differ: each look goes back so
 * far behind the newest revocation known. What is read twice is kept once.
 */
const OVERLAP_MS = MINUTE_MS;
/** Of an application's million sessions it becomes visible much later: so far back goes a deep look. */
const DEEP_OVERLAP_MS = LONG_STATEMENT_MAX_MS + 2 * OVERLAP_MS;
/** It may read those million again, each time. */
const DEEP_EVERY_MS = MINUTE_MS / 2;
/** Without an answer of the store for so long, nobody knows who was revoked. */
const BLIND_MAX_MS = 5 * SECOND_MS;
/** Ended entries are dropped from memory and table this often. */
const SWEEP_MS = MINUTE_MS;
/** Entries stay in the table for so long after their end: one process with a fast clock takes away none that others need. */
const KEPT_MS = DAY_MS;

export interface RevocationFeedOptions {
  readonly store: Pick<Store, 'revocations' | 'onNotice'>;
  readonly clock: Clock;
  readonly schedule: Scheduler;
  readonly log: Logger;
}

export interface RevocationFeed extends Revocations {
  /** Entries in memory. */
  readonly size: number;
  close(): void;
}

class Feed implements RevocationFeed {
  readonly #options: RevocationFeedOptions;
  /** `until` by `sid`, in milliseconds. */
  readonly #untilBySid = new Map<string, number>();
  readonly #endWatch: () => void;
  #newestInstant = 0;
  #reachedInstant: number;
  #deepInstant: number;
  #sweptInstant: number;
  /** The clock, since the last look. */
  #isSetBack = false;
  #isClosed = false;

  constructor(options: RevocationFeedOptions) {
    this.#options = options;
    const now = options.clock();
    this.#reachedInstant = now;
    this.#deepInstant = now;
    this.#sweptInstant = now;
    const { store, schedule } = options;
    this.#endWatch = watchStore({ store, schedule, everyMs: POLL_MS, look: () => this.#look() });
  }

  get size(): number {
    return this.#untilBySid.size;
  }

  isRevoked(sid: string): boolean {
    return this.#untilBySid.has(sid);
  }

  /** Of a clock that was set back nobody knows how long ago the last look was. */
  isCurrent(): boolean {
    return !this.#isSetBack && distance(this.#options.clock(), this.#reachedInstant) <= BLIND_MAX_MS;
  }

  async refresh(sinceInstant = Number.POSITIVE_INFINITY): Promise<void> {
    const { store, clock } = this.#options;
    const now = clock();
    this.#isSetBack ||= this.#reachedInstant - now > BLIND_MAX_MS;
    const isDeep = distance(now, this.#deepInstant) >= DEEP_EVERY_MS;
    const from = Math.min(this.#from(now, isDeep), sinceInstant - OVERLAP_MS);
    for (const { sid, until, revokedInstant } of await store.revocations.since(from, now)) {
      this.#untilBySid.set(sid, until);
      this.#newestInstant = Math.max(this.#newestInstant, revokedInstant);
    }
    this.#isSetBack = false;
    this.#reachedInstant = now;
    if (isDeep) this.#deepInstant = now;
    if (distance(now, this.#sweptInstant) >= SWEEP_MS) await this.#sweep(now);
  }

  #from(now: number, isDeep: boolean): number {
    // While the clock was ahead, what had ended by it was dropped and passed over.
    if (this.#isSetBack) return 0;
    // A clock that was set back writes instants that are older than the newest one.
    return Math.min(this.#newestInstant, now) - (isDeep ? DEEP_OVERLAP_MS : OVERLAP_MS);
  }

  close(): void {
    this.#isClosed = true;
    this.#endWatch();
  }

  async #sweep(now: number): Promise<void> {
    this.#sweptInstant = now;
    for (const [sid, until] of this.#untilBySid) if (until <= now) this.#untilBySid.delete(sid);
    await this.#options.store.revocations.deleteEnded(now - KEPT_MS);
  }

  /** Never rejects: a store that is away shows in `isCurrent`. */
  async #look(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      const cause = error instanceof Error ? error.message : 'unknown';
      if (!this.#isClosed) this.#options.log.warn('Revocations cannot be read from the store', { cause });
    }
  }
}

function distance(oneInstant: number, otherInstant: number): number {
  return Math.abs(oneInstant - otherInstant);
}

/** @throws StoreUnavailableError where the store does not answer at first */
export async function openRevocationFeed(options: RevocationFeedOptions): Promise<RevocationFeed> {
  const feed = new Feed(options);
  try {
    await feed.refresh();
    return feed;
  } catch (error) {
    feed.close();
    throw error;
  }
}
