/** Token buckets: how often one caller may do something, in memory of a fixed size. */
import type { Clock } from '../../core/time.ts';
import { SECOND_MS } from '../../core/time.ts';

export interface Rate {
  /** Calls at once, after a pause. */
  readonly burst: number;
  /** Calls a second, for ever. */
  readonly perSecond: number;
}

export interface RateLimiter {
  /** Null: go on. Otherwise seconds after which a call would pass, at least 1. */
  take(key: string): number | null;
}

/** Callers remembered at once; about 2 MB. Beyond, the one that was quiet for longest is forgotten. */
const KEYS_MAX = 10_000;

interface Bucket {
  readonly tokens: number;
  /** Milliseconds. */
  readonly asOf: number;
}

export function createRateLimiter({ burst, perSecond }: Rate, clock: Clock): RateLimiter {
  /** In the order of last use. */
  const buckets = new Map<string, Bucket>();
  return {
    take: (key) => {
      const now = clock();
      const tokens = refilled(buckets.get(key), now);
      buckets.delete(key);
      buckets.set(key, { tokens: tokens < 1 ? tokens : tokens - 1, asOf: now });
      forgetOldest(buckets);
      return tokens < 1 ? Math.max(1, Math.ceil((1 - tokens) / perSecond)) : null;
    },
  };

  function refilled(bucket: Bucket | undefined, now: number): number {
    if (bucket === undefined) return burst;
    // A clock that was set back gives nothing, and takes nothing.
    const elapsedSeconds = Math.max(0, now - bucket.asOf) / SECOND_MS;
    return Math.min(burst, bucket.tokens + elapsedSeconds * perSecond);
  }
}

function forgetOldest(buckets: Map<string, Bucket>): void {
  if (buckets.size <= KEYS_MAX) return;
  for (const oldest of buckets.keys()) {
    buckets.delete(oldest);
    return;
  }
}
