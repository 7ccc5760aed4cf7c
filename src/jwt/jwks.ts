/**
 * The key-set engine: keeps one remote key set loaded. Requests never cause a fetch each; they read what is there,
 * or wait for the one fetch in flight. States: loading → fresh → stale → expired, and back to fresh.
 */

import type { DocumentFetcher } from '../core/document.ts';
import { CountersignError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { type Clock, type Scheduler, SECOND_MS } from '../core/time.ts';
import { backOffMs, refreshDelayMs } from './fetch-schedule.ts';
import { KeySetLocation, type KeySetSource, sourceName } from './key-set-location.ts';
import { describe, type LoadedKeySet, loadKeySet } from './loaded-key-set.ts';
import type { KeySet, KeySetState, KeySetStatus, VerificationKey } from './verification-key.ts';

export interface KeySetSettings {
  readonly source: KeySetSource;
  /** For one fetch, discovery included. Also the longest time that a request waits for a first set. */
  readonly timeoutMs: number;
  /** Longest time for which a set counts as fresh; Cache-Control may shorten it, to no less than 30 s. */
  readonly cacheTtlMs: number;
  /** Between two fetches that unknown kids cause; at least 1 s. */
  readonly cooldownMs: number;
  /** Age from which a set that could not be refreshed is not used any more. */
  readonly maxStaleMs: number;
}

/** Callbacks for metrics. `source`: the configured URL or issuer. */
export interface KeySetObserver {
  /** `shared`: another process had fetched it. */
  fetched(source: string, result: 'ok' | 'unchanged' | 'failed' | 'shared'): void;
}

export interface KeySetPorts {
  readonly fetchDocument: DocumentFetcher;
  readonly clock: Clock;
  /** In [0, 1). Spreads refreshes and retries. */
  readonly random: () => number;
  readonly schedule: Scheduler;
  readonly log: Logger;
  readonly observe?: KeySetObserver;
  /** What another engine of the same source has loaded: used until the first fetch of this one, or for as long as it may be. */
  readonly initial?: LoadedKeySet | null;
}

/** A key set that looks after itself from `start` to `close`. */
export interface RemoteKeySet extends KeySet {
  /** What it has, for an engine that takes its place; null before the first good fetch. */
  readonly loaded: LoadedKeySet | null;
  /** Begins to fetch. Resolves after the first attempt, good or not; never rejects. */
  start(): Promise<void>;
  /** Fetches now, whatever the schedule; joins a fetch in flight. Never rejects: `status` tells the outcome. */
  refresh(): Promise<void>;
  /** Stops refreshing. What was loaded can still be read until it is too old. */
  close(): void;
}

export function createKeySet(options: KeySetSettings & KeySetPorts): RemoteKeySet {
  return new KeySetEngine(options);
}

/** Bounds the rate at which a configured `cooldown` lets unknown kids make the gateway fetch. */
const COOLDOWN_MS_MIN = SECOND_MS;
/** A set that was old when another process shared it is not asked for without a pause. */
const REFRESH_MS_MIN = SECOND_MS / 2;

class KeySetEngine implements RemoteKeySet {
  readonly #options: KeySetSettings & KeySetPorts;
  #loaded: LoadedKeySet | null;
  #generation = 0;
  #flight: Promise<void> | null = null;
  #started: Promise<void> | null = null;
  #isClosed = false;
  #cancelNextFetch: (() => void) | null = null;
  #nextFetchAtMs: number | null = null;
  /** In a row. */
  #failures = 0;
  #lastError: string | null = null;
  /** The last fetch that an unknown kid has caused. */
  #unknownKidFetchAtMs = -Infinity;
  readonly #location: KeySetLocation;

  constructor(options: KeySetSettings & KeySetPorts) {
    this.#options = options;
    this.#location = new KeySetLocation(options);
    this.#loaded = options.initial ?? null;
  }

  get loaded(): LoadedKeySet | null {
    return this.#loaded;
  }

  get url(): string {
    return this.#location.url;
  }

  get generation(): number {
    return this.#generation;
  }

  start(): Promise<void> {
    this.#started ??= this.#fetch();
    return this.#started;
  }

  refresh(): Promise<void> {
    return this.#fetch();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelNextFetch?.();
    this.#nextFetchAtMs = null;
  }

  find(kid: string | null): readonly VerificationKey[] | Promise<readonly VerificationKey[]> {
    const loaded = this.#usable();
    if (loaded === null) return this.#findOnceLoaded(kid);
    if (kid !== null) return loaded.byKid.get(kid) ?? this.#findAfterFetch(kid);
    if (loaded.keys.length === 1) return loaded.keys;
    throw new CountersignError('unknown_kid', 'token without kid, and the key set has more than one key');
  }

  requireUsable(): void {
    if (this.#usable() === null) throw this.#unavailable();
  }

  status(): KeySetStatus {
    return {
      url: this.url,
      state: this.#state(),
      kids: [...(this.#loaded?.byKid.keys() ?? [])],
      rejected: this.#loaded?.rejected ?? [],
      fetchedAtMs: this.#loaded?.fetchedAtMs ?? null,
      nextFetchAtMs: this.#nextFetchAtMs,
      lastError: this.#lastError,
    };
  }

  #state(): KeySetState {
    if (this.#loaded === null) return 'loading';
    const ageMs = this.#options.clock() - this.#loaded.fetchedAtMs;
    if (ageMs < this.#loaded.freshForMs) return 'fresh';
    return ageMs < this.#options.maxStaleMs ? 'stale' : 'expired';
  }

  #usable(): LoadedKeySet | null {
    return this.#state() === 'expired' ? null : this.#loaded;
  }

  /** Without a usable set: joins the fetch in flight, where there is one. A failed one is not repeated per request. */
  async #findOnceLoaded(kid: string | null): Promise<readonly VerificationKey[]> {
    await this.#flight;
    this.requireUsable();
    return await this.find(kid);
  }

  /**
   * A fetch in flight may have been answered before the kid was published, so one more may follow it. No memory of
   * absent kids is kept: the cooldown alone bounds the fetches, and whoever guesses a kid before its publication
   * could otherwise delay its first use.
   */
  async #findAfterFetch(kid: string): Promise<readonly VerificationKey[]> {
    for (let fetches = 0; fetches < 2; fetches += 1) {
      const flight = this.#flight ?? this.#fetchForUnknownKid();
      if (flight === null) break;
      await flight;
      const found = this.#usable()?.byKid.get(kid);
      if (found !== undefined) return found;
    }
    // While fetches fail nobody knows whether the issuer has published the kid: that is no fault of the token.
    if (this.#failures > 0) throw this.#unavailable();
    throw new CountersignError('unknown_kid', 'kid is not in the key set');
  }

  #fetchForUnknownKid(): Promise<void> | null {
    const { clock, cooldownMs } = this.#options;
    const nowMs = clock();
    const sinceMs = nowMs - this.#unknownKidFetchAtMs;
    // A clock that was set back has no say for how long.
    const isCooling = sinceMs >= 0 && sinceMs < Math.max(cooldownMs, COOLDOWN_MS_MIN);
    if (this.#failures > 0 || this.#isClosed || isCooling) return null;
    this.#unknownKidFetchAtMs = nowMs;
    return this.#fetch(0);
  }

  /** The one fetch in flight, begun where there is none. Never rejects. */
  #fetch(maxAgeMs = Infinity): Promise<void> {
    this.#flight ??= this.#fetchOnce(maxAgeMs).finally(() => {
      this.#flight = null;
    });
    return this.#flight;
  }

  async #fetchOnce(maxAgeMs: number): Promise<void> {
    this.#cancelNextFetch?.();
    this.#nextFetchAtMs = null;
    try {
      this.#succeed(await this.#load(maxAgeMs));
    } catch (error) {
      this.#fail(error);
    }
  }

  async #load(maxAgeMs: number): Promise<LoadedKeySet> {
    const { clock, cacheTtlMs, timeoutMs } = this.#options;
    const fetchDocument = withDeadline(this.#options);
    const place = await this.#location.find(fetchDocument, maxAgeMs);
    const { url } = place;
    const previous = this.#loaded?.url === url ? this.#loaded : null;
    const document = await fetchDocument({ ...place, etag: previous?.etag ?? null, timeoutMs, maxAgeMs });
    return loadKeySet({ url, document, nowMs: clock(), cacheTtlMs, previous });
  }

  #succeed(loaded: LoadedKeySet): void {
    const { clock, log, random, observe } = this.#options;
    const isChanged = loaded.fingerprint !== this.#loaded?.fingerprint;
    const rejected = describe(loaded.rejected);
    if (isChanged) {
      this.#generation += 1;
      log.info('Key set changed', { url: loaded.url, kids: [...loaded.byKid.keys()] });
    } else if (this.#failures > 0) log.info('Key set can be fetched again', { url: loaded.url });
    if (rejected !== '' && rejected !== describe(this.#loaded?.rejected ?? []))
      log.warn('Keys of the key set are not used', { url: loaded.url, rejected });
    this.#loaded = loaded;
    this.#failures = 0;
    this.#lastError = null;
    observe?.fetched(sourceName(this.#options.source), resultOf(loaded, isChanged));
    const ageMs = clock() - loaded.fetchedAtMs;
    this.#fetchIn(Math.max(REFRESH_MS_MIN, refreshDelayMs(loaded.freshForMs, random()) - ageMs));
  }

  #fail(error: unknown): void {
    const { log, random, observe } = this.#options;
    this.#failures += 1;
    this.#lastError = error instanceof Error ? error.message : String(error);
    const delayMs = backOffMs(this.#failures, random());
    log.warn('Key set could not be fetched', {
      url: this.url,
      cause: this.#lastError,
      state: this.#state(),
      retryInSeconds: Math.ceil(delayMs / SECOND_MS),
    });
    this.#location.forget();
    observe?.fetched(sourceName(this.#options.source), 'failed');
    this.#fetchIn(delayMs);
  }

  #fetchIn(delayMs: number): void {
    if (this.#isClosed) return;
    const { clock, schedule } = this.#options;
    this.#nextFetchAtMs = clock() + delayMs;
    this.#cancelNextFetch = schedule(() => void this.#fetch(), delayMs);
  }

  #unavailable(): CountersignError {
    const waitMs = (this.#nextFetchAtMs ?? 0) - this.#options.clock();
    return new CountersignError('keys_unavailable', `${this.url}: ${this.#lastError ?? 'not loaded yet'}`, {
      retryAfterSeconds: Math.max(1, Math.ceil(waitMs / SECOND_MS)),
    });
  }
}

function resultOf({ isShared }: LoadedKeySet, isChanged: boolean): 'ok' | 'unchanged' | 'shared' {
  if (isShared) return 'shared';
  return isChanged ? 'ok' : 'unchanged';
}

/** Discovery and key set share one time limit: each request is given what is left of it. */
function withDeadline({ fetchDocument, clock, timeoutMs }: KeySetSettings & KeySetPorts): DocumentFetcher {
  const deadlineMs = clock() + timeoutMs;
  return (wanted) => fetchDocument({ ...wanted, timeoutMs: Math.max(1, deadlineMs - clock()) });
}
