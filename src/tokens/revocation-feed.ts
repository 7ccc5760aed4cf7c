/** Sessions that were ended while access tokens of theirs may live: all of them in memory, at most a second behind. */
import type { Logger } from '../core/log.ts';
import { type Clock, MINUTE_MS, type Scheduler, SECOND_MS } from '../core/time.ts';
import type { Revocations } from './ports.ts';
import type { Store } from './store.ts';
import { watchStore } from './store-watch.ts';

/** Half of the second that a revocation may take to be known everywhere. */
const POLL_MS = SECOND_MS / 2;
/**
 * A commit becomes visible after the instant that it carries, and clocks of instances differ: each look goes back so
 * far behind the newest revocation known. What is read twice is kept once.
 */
const OVERLAP_MS = MINUTE_MS;
/** Without an answer of the store for so long, nobody knows who was revoked. */
const BLIND_MAX_MS = 5 * SECOND_MS;
/** Ended entries are dropped from memory and table this often. */
const SWEEP_MS = MINUTE_MS;

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
  #sweptInstant: number;
  #isClosed = false;

  constructor(options: RevocationFeedOptions) {
    this.#options = options;
    this.#reachedInstant = options.clock();
    this.#sweptInstant = options.clock();
    const { store, schedule } = options;
    this.#endWatch = watchStore({ store, schedule, everyMs: POLL_MS, look: () => this.#look() });
  }

  get size(): number {
    return this.#untilBySid.size;
  }

  isRevoked(sid: string): boolean {
    return this.#untilBySid.has(sid);
  }

  isCurrent(): boolean {
    return this.#options.clock() - this.#reachedInstant <= BLIND_MAX_MS;
  }

  async refresh(): Promise<void> {
    const { store, clock } = this.#options;
    const now = clock();
    // A clock that was set back writes instants that are older than the newest one.
    const from = Math.min(this.#newestInstant, now) - OVERLAP_MS;
    for (const { sid, until, revokedInstant } of await store.revocations.since(from, now)) {
      this.#untilBySid.set(sid, until);
      this.#newestInstant = Math.max(this.#newestInstant, revokedInstant);
    }
    this.#reachedInstant = now;
    if (now - this.#sweptInstant >= SWEEP_MS) await this.#sweep(now);
  }

  close(): void {
    this.#isClosed = true;
    this.#endWatch();
  }

  async #sweep(now: number): Promise<void> {
    this.#sweptInstant = now;
    for (const [sid, until] of this.#untilBySid) if (until <= now) this.#untilBySid.delete(sid);
    await this.#options.store.revocations.deleteEnded(now);
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
