/** When a signing key may sign, be published and be forgotten. Pure: entries in, entries out. */
import { JWKS_MAX_AGE_MS } from '../core/published-keys.ts';
import type { KeyEntry } from './key-index.ts';

/** How often every instance reads the generated keys again. */
export const KEYS_RELOAD_MS = 30_000;
/**
 * Beyond the life of the last assertion: instances that still sign until they read the keys again, clocks that
 * differ, and backends that allow some leeway.
 */
export const RETIRED_MARGIN_MS = 5 * 60_000;

/** First instant at which the key is of no use to anybody; Infinity while it is not retired. */
export function deadFromMs({ retiredAtMs, longestTtlMs }: KeyEntry): number {
  return retiredAtMs === null ? Infinity : retiredAtMs + longestTtlMs + RETIRED_MARGIN_MS;
}

/** First instant at which every backend that honours `max-age` has seen the key. */
export function seenByAllFromMs({ createdAtMs }: KeyEntry): number {
  return createdAtMs + KEYS_RELOAD_MS + JWKS_MAX_AGE_MS;
}

export function activated(entry: KeyEntry, nowMs: number, longestTtlMs: number): KeyEntry {
  return { ...entry, state: 'active', activatedAtMs: nowMs, longestTtlMs };
}

export function retired(entry: KeyEntry, nowMs: number): KeyEntry {
  return { ...entry, state: 'retired', retiredAtMs: nowMs };
}
