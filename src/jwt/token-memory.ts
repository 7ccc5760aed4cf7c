/**
 * What was found out about accepted tokens, by the digest of all their bytes: the same bytes are verified once. What a
 * stranger can make up takes no room. Whether a verdict still holds, those who keep it here decide each time.
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

export interface TokenMemory<Verdict> {
  readonly size: number;
  get(id: string): Verdict | null;
  set(id: string, verdict: Verdict): void;
  delete(id: string): void;
}

/** SHA-256, base64url. The name of a part of the token, or a shorter one, would be another token's too (row C05). */
export function tokenId(token: string): string {
  return hash('sha256', token, 'base64url');
}

/** `max`: tokens held at most, at least 1. Beyond, the one that was not asked for for longest goes. */
export function createTokenMemory<Verdict extends object>(
  max: number,
  onEviction: () => void = () => {},
): TokenMemory<Verdict> {
  const verdicts = new LRUCache<string, Verdict>({
    max,
    dispose: (_verdict, _id, reason) => {
      if (reason === 'evict') onEviction();
    },
  });
  return {
    get size() {
      return verdicts.size;
    },
    get: (id) => verdicts.get(id) ?? null,
    set: (id, verdict) => void verdicts.set(id, verdict),
    delete: (id) => void verdicts.delete(id),
  };
}

/** With all that it holds: requests share what is remembered; one of them must not change another's caller. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
