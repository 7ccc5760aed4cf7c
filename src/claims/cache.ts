/** Claims found before, so that a user costs the source one question for a while. Concurrent questions share one answer. */
import type { Clock } from '../core/time.ts';

export interface ClaimsCacheOptions {
  /** Age at which an answer is asked for again; 0: nothing is remembered. */
  readonly ttlMs: number;
  /** Answers remembered at most; 0: none. */
  readonly max: number;
  readonly clock: Clock;
}

interface Entry<T> {
  readonly value: T;
  readonly expiresAtMs: number;
}

/** Least recently used answers go first. By hand: a Map keeps its order, and that is all there is to it. */
export class ClaimsCache<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #underWay = new Map<string, Promise<T>>();
  readonly #options: ClaimsCacheOptions;

  constructor(options: ClaimsCacheOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The remembered answer at once, or the one that `ask` gives. Failures are not remembered. */
  get(key: string, ask: () => Promise<T>): T | Promise<T> {
    const entry = this.#entries.get(key);
    if (entry !== undefined && this.#options.clock() < entry.expiresAtMs) {
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      return entry.value;
    }
    return this.#underWay.get(key) ?? this.#ask(key, ask);
  }

  /** Forgets everything, answers under way included: those who wait get them, nobody else does. */
  clear(): void {
    this.#entries.clear();
    this.#underWay.clear();
  }

  #ask(key: string, ask: () => Promise<T>): Promise<T> {
    const isWanted = () => this.#underWay.get(key) === flight;
    const flight: Promise<T> = ask()
      .then((value) => {
        if (isWanted()) this.#remember(key, value);
        return value;
      })
      .finally(() => {
        if (isWanted()) this.#underWay.delete(key);
      });
    this.#underWay.set(key, flight);
    return flight;
  }

  #remember(key: string, value: T): void {
    const { ttlMs, max, clock } = this.#options;
    if (ttlMs === 0 || max === 0) return;
    this.#entries.delete(key);
    this.#entries.set(key, { value, expiresAtMs: clock() + ttlMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > max && oldest !== undefined) this.#entries.delete(oldest);
  }
}
