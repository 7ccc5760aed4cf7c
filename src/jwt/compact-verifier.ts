/**
 * Verifies tokens of our own that are shown again and again: the signature once, whatever can change since then on each
 * call. A remembered token is as good as a fresh verification, or it is not used.
 */
import type { JsonObject } from '../core/json.ts';
import {
  type CompactKey,
  keyOfSignature,
  type Lifetime,
  lifetimeOf,
  requireInForce,
  type VerifiedCompact,
  verifiedOf,
} from './compact.ts';
import { parseEnvelope } from './envelope.ts';
import { createTokenMemory, deepFreeze, tokenId } from './token-memory.ts';

/** By which keys a token with these claims may be signed now. The claims are not proven yet. */
export type KeysOfClaims = (claims: JsonObject) => readonly CompactKey[];

export interface CompactVerifier {
  /** Tokens remembered now. */
  readonly size: number;
  /**
   * At once for a remembered token, through a promise for any other. `exp` is required; `exp` and `nbf` are compared
   * without leeway. The same key is the same object: a token dies with the keys that were loaded when it was verified.
   *
   * @throws CountersignError with the 401 code of the first check that fails; what `keysOf` throws
   */
  verify(token: string, keysOf: KeysOfClaims, nowMs: number): VerifiedCompact | Promise<VerifiedCompact>;
}

interface Remembered {
  readonly verified: VerifiedCompact;
  readonly lifetime: Lifetime;
  /** The one that the signature was made with. */
  readonly key: CompactKey;
}

/** `max`: tokens remembered at most, at least 1. */
export function createCompactVerifier(max: number): CompactVerifier {
  const memory = createTokenMemory<Remembered>(max);

  async function verifyAnew(id: string, token: string, keysOf: KeysOfClaims, nowMs: number) {
    const envelope = parseEnvelope(token);
    const lifetime = lifetimeOf(envelope.claims);
    requireInForce(lifetime, nowMs);
    const key = await keyOfSignature(envelope, keysOf(envelope.claims));
    const verified = deepFreeze(verifiedOf(envelope));
    memory.set(id, { verified, lifetime, key });
    return verified;
  }

  return {
    get size() {
      return memory.size;
    },
    verify(token, keysOf, nowMs) {
      const id = tokenId(token);
      const known = memory.get(id);
      if (known !== null && holds(known, keysOf, nowMs)) return known.verified;
      memory.delete(id);
      return verifyAnew(id, token, keysOf, nowMs);
    },
  };
}

function holds({ verified, lifetime, key }: Remembered, keysOf: KeysOfClaims, nowMs: number): boolean {
  const { notBeforeMs, expiresAtMs } = lifetime;
  return nowMs >= notBeforeMs && nowMs < expiresAtMs && keysOf(verified.claims).includes(key);
}
