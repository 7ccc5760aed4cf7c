/** A fetched JWK set, taken apart: the keys that may be used, and the others by name with the reason. */
import { isJsonObject, type Json, member } from '../core/json.ts';
import { KeyPolicyError } from './jwk-policy.ts';
import { importJwk, KID_CHARACTERS_MAX } from './keys.ts';
import { parseStrictJson } from './strict-json.ts';
import type { RejectedKey, VerificationKey } from './verification-key.ts';

export interface ImportedKeySet {
  readonly keys: readonly VerificationKey[];
  readonly rejected: readonly RejectedKey[];
}

/** No issuer publishes near as many; each costs an import on every refresh. */
const KEYS_MAX = 100;

/**
 * A fetched JWK set (RFC 7517 §5). Keys that break the policy are left out one by one and named.
 *
 * @throws KeyPolicyError where the text is no JWK set
 */
export function importKeySet(text: string): ImportedKeySet {
  const keys: VerificationKey[] = [];
  const rejected: RejectedKey[] = [];
  for (const jwk of jwksOf(text)) {
    try {
      if (!isJsonObject(jwk)) throw new KeyPolicyError('Key is no JSON object');
      keys.push(importJwk(jwk));
    } catch (error) {
      if (!(error instanceof KeyPolicyError)) throw error;
      rejected.push({ kid: nameOf(jwk), reason: error.message });
    }
  }
  return withoutDuplicates(keys, rejected);
}

function jwksOf(text: string): readonly Json[] {
  const document = parse(text);
  const jwks = isJsonObject(document) ? member(document, 'keys') : undefined;
  if (!Array.isArray(jwks)) throw new KeyPolicyError('Key set has no list of keys');
  if (jwks.length > KEYS_MAX)
    throw new KeyPolicyError(`Key set holds ${jwks.length} keys, at most ${KEYS_MAX} are allowed`);
  return jwks;
}

function nameOf(jwk: Json): string | null {
  const kid = isJsonObject(jwk) ? member(jwk, 'kid') : undefined;
  return typeof kid === 'string' ? kid.slice(0, KID_CHARACTERS_MAX) : null;
}

/** Two usable keys under one kid: nobody can say which one signs. Both are left out. */
function withoutDuplicates(
  keys: readonly VerificationKey[],
  rejected: readonly RejectedKey[],
): ImportedKeySet {
  const isDuplicate = (kid: string | null) =>
    kid !== null && keys.filter((key) => key.kid === kid).length > 1;
  const duplicates = new Set(keys.map(({ kid }) => kid).filter(isDuplicate));
  return {
    keys: keys.filter(({ kid }) => !duplicates.has(kid)),
    rejected: [
      ...rejected,
      ...[...duplicates].map((kid) => ({ kid, reason: 'kid is not unique in the set' })),
    ],
  };
}

function parse(text: string): Json {
  try {
    return parseStrictJson(text);
  } catch (cause) {
    throw new KeyPolicyError('Key set is no strict JSON', { cause });
  }
}
