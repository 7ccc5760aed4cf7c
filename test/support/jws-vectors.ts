/** Judges a bare compact JWS with a JWK, by the same steps as a realm but for the claims: vectors have no JSON payload. */
import { CountersignError } from '../../src/core/errors.ts';
import { isJsonObject, type Json, type JsonObject, member } from '../../src/core/json.ts';
import { ALGORITHMS } from '../../src/core/realm.ts';
import { parseHeader, splitCompact } from '../../src/jwt/envelope.ts';
import { KeyPolicyError } from '../../src/jwt/jwk-policy.ts';
import { importJwk } from '../../src/jwt/keys.ts';
import { keysFor } from '../../src/jwt/realm-binding.ts';
import { verifySignature } from '../../src/jwt/signature.ts';
import type { VerificationKey } from '../../src/jwt/verification-key.ts';
import { testRealm } from './policy.ts';

export type JwsVerdict = 'valid' | 'invalid';

/** `jwk`: one key, or a key set; secrets are taken, weak ones too, unless public keys stand beside them. */
export async function judgeJws(jws: Json, jwk: JsonObject): Promise<JwsVerdict> {
  try {
    return (await verifies(jws, importKeys(jwk))) ? 'valid' : 'invalid';
  } catch (thrown) {
    if (thrown instanceof CountersignError || thrown instanceof KeyPolicyError) return 'invalid';
    throw thrown;
  }
}

function importKeys(jwk: JsonObject): VerificationKey[] {
  const set = member(jwk, 'keys');
  const jwks = Array.isArray(set) ? set.filter(isJsonObject) : [jwk];
  const isSecretOnly = jwks.every((one) => one['kty'] === 'oct');
  return jwks
    .filter((one) => isSecretOnly || one['kty'] !== 'oct')
    .map((one) => importJwk(one, { allowOct: isSecretOnly, allowWeakSecret: true }));
}

async function verifies(jws: Json, signingKeys: readonly VerificationKey[]): Promise<boolean> {
  if (typeof jws !== 'string') return false;
  const split = splitCompact(jws);
  const header = parseHeader(split.protected);
  const algorithm = ALGORITHMS.find((one) => one === header.algorithm);
  if (algorithm === undefined) return false;
  const keys = await keysFor({ realm: testRealm(), signingKeys, keySet: null }, header.kid);
  const serving = keys.filter((key) => key.algorithms.includes(algorithm));
  for (const { key } of serving) if (await verifySignature(split, key, algorithm)) return true;
  return false;
}
