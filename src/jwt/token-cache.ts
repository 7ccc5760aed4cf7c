/** Tokens that realms accepted. An entry is as good as a fresh verification against the same realms, or it is not used. */
import type { VerifiedToken } from '../core/principal.ts';
import type { Realm } from '../core/realm.ts';
import { generationOf, type RealmBinding } from './realm-binding.ts';
import { createTokenMemory, deepFreeze } from './token-memory.ts';

/** One realm that was asked about the token, and the generation of its keys before it was asked. */
export interface Attempt {
  readonly binding: RealmBinding;
  readonly generation: number;
}

export interface TokenCache {
  readonly size: number;
  /**
   * The verdict on the token with this id, where a fresh verification against these realms would reach it again, save
   * for the clock stepping back: the caller still checks the validity.
   *
   * @throws CountersignError keys_unavailable, token_revoked, revocations_unavailable
   */
  find(id: string, realms: readonly Realm[], nowMs: number): VerifiedToken | null;
  /** `attempts`: the realms asked, in order; the last one accepted. */
  add(verified: VerifiedToken, attempts: readonly Attempt[]): void;
}

interface Entry {
  readonly verified: VerifiedToken;
  readonly attempts: readonly Attempt[];
}

/** `max`: tokens held at most, at least 1. */
export function createTokenCache(max: number, onEviction: () => void): TokenCache {
  const entries = createTokenMemory<Entry>(max, onEviction);
  return {
    get size() {
      return entries.size;
    },
    find(id, realms, nowMs) {
      const entry = entries.get(id);
      if (entry === null) return null;
      if (nowMs >= entry.verified.validity.refusedFromMs || !hasCurrentKeys(entry)) {
        entries.delete(id);
        return null;
      }
      if (!wouldAskTheSame(entry, realms)) return null;
      for (const { binding } of entry.attempts) binding.keySet?.requireUsable();
      entry.attempts.at(-1)?.binding.gate?.requireLive(entry.verified.principal.claims);
      return entry.verified;
    },
    add(verified, attempts) {
      deepFreeze(verified.principal);
      entries.set(verified.id, { verified, attempts });
    },
  };
}

function hasCurrentKeys({ attempts }: Entry): boolean {
  return attempts.every(({ binding, generation }) => generationOf(binding) === generation);
}

/**
 * The realms of this issuer must begin with those that were asked. Otherwise a token that two realms would accept got
 * the roles of whichever route saw it first.
 */
function wouldAskTheSame({ verified, attempts }: Entry, realms: readonly Realm[]): boolean {
  const ofIssuer = realms.filter((realm) => realm.issuer === verified.realm.issuer);
  return attempts.every(({ binding }, index) => binding.realm === ofIssuer[index]);
}
