/** Assertions made before, so that a caller costs one signature for a while, not one for every request. */
import { LRUCache } from 'lru-cache';
import { type AssertionPolicy, assertionExpiryMs } from '../core/assertion.ts';
import type { Assertion } from '../core/decision.ts';

export interface AssertionCache {
  readonly size: number;
  get(key: string): Assertion | undefined;
  set(key: string, assertion: Assertion): void;
}

/** `max`: assertions held at most; 0: none. */
export function createAssertionCache(max: number): AssertionCache {
  if (max === 0) return { size: 0, get: () => undefined, set: () => {} };
  const entries = new LRUCache<string, Assertion>({ max });
  return {
    get size() {
      return entries.size;
    },
    get: (key) => entries.get(key),
    set: (key, assertion) => {
      entries.set(key, assertion);
    },
  };
}

/** Where the configured minimum does not fit into the life of an assertion, this part of the life takes its place. */
const REMAINING_PART = 10;

/** The life that an assertion from the cache should have left. More than half of the whole could not be met for long. */
function minRemainingMs(policy: AssertionPolicy): number {
  return policy.minRemainingMs <= policy.ttlMs / 2 ? policy.minRemainingMs : policy.ttlMs / REMAINING_PART;
}

/**
 * An assertion is sent again while it has `minRemaining` left; with less only where a new one could not live longer,
 * because the caller's token ends then: otherwise the last seconds of a token cost a signature for every request. A
 * dead one is never sent.
 */
export function isWorthSending(
  assertion: Pick<Assertion, 'expiresAtMs'>,
  policy: AssertionPolicy,
  tokenExpiresAtMs: number,
  nowMs: number,
): boolean {
  const remainingMs = assertion.expiresAtMs - nowMs;
  if (remainingMs <= 0) return false;
  if (remainingMs >= minRemainingMs(policy)) return true;
  return assertionExpiryMs(policy, tokenExpiresAtMs, nowMs) <= assertion.expiresAtMs;
}
