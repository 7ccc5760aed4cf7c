/** When a key set is fetched again: how long a good one stays fresh, and how long to wait after a failure. */
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../core/time.ts';

/** An issuer that says `max-age=0` is not asked on every request (K13). */
const MAX_AGE_MS_MIN = 30 * SECOND_MS;
/** An issuer that says ten years would keep removed keys alive as long; also far below the limit of timers. */
const MAX_AGE_MS_MAX = DAY_MS;
/** Bounds the rate at which a configured `cacheTtl` can make the gateway fetch. */
const TTL_MS_MIN = SECOND_MS;

/**
 * Cache-Control may shorten the configured time, but never lengthens it: `cacheTtl` is the longest time that a key
 * removed by the issuer goes on working. The issuer cannot shorten it below 30 s.
 */
export function freshForMs(cacheTtlMs: number, cacheMaxAgeMs: number | null): number {
  const askedMs = Math.max(cacheMaxAgeMs ?? MAX_AGE_MS_MAX, MAX_AGE_MS_MIN);
  return Math.max(TTL_MS_MIN, Math.min(cacheTtlMs, askedMs, MAX_AGE_MS_MAX));
}

/** 72 to 80 % of the fresh time, so that a slow fetch still ends in time and instances spread. `random` in [0, 1). */
export function refreshDelayMs(freshMs: number, random: number): number {
  return Math.round(freshMs * 0.8 * (1 - 0.1 * random));
}

const BACK_OFF_MS_MIN = SECOND_MS;
/** An issuer that comes back after a long outage is seen within a minute. */
const BACK_OFF_MS_MAX = MINUTE_MS;

/** 1 s doubled with each further failure up to 60 s, less up to half by chance. `failures` from 1, `random` in [0, 1). */
export function backOffMs(failures: number, random: number): number {
  const ceilingMs = Math.min(BACK_OFF_MS_MAX, BACK_OFF_MS_MIN * 2 ** Math.min(failures - 1, 10));
  return Math.round(ceilingMs * (1 - 0.5 * random));
}
