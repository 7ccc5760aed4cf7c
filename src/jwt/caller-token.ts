/** Tokens as an issuer would make them, for trying a realm out: `countersign token mint` and the demo. */
import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import type { JsonObject } from '../core/json.ts';
import type { Algorithm, Realm } from '../core/realm.ts';
import { algorithmsOfPublicKey, KeyPolicyError } from './jwk-policy.ts';
import { signJws } from './sign.ts';

/** What signs: null makes an unsigned token, `header.payload.` */
export interface CallerKey {
  readonly algorithm: Algorithm;
  readonly key: KeyObject;
  /** Null: no `kid` in the header. */
  readonly kid: string | null;
}

/** A shared secret of the realm. */
export function secretCallerKey(realm: Realm, bytes: Uint8Array, kid: string | null): CallerKey {
  return { algorithm: realm.algorithms[0] ?? 'HS256', key: createSecretKey(bytes), kid };
}

/** @throws KeyPolicyError where the PEM is no private key, or serves no algorithm of the realm */
export function pemCallerKey(realm: Realm, pem: string, kid: string | null): CallerKey {
  const key = privateKeyOf(pem);
  const algorithm = algorithmsOfPublicKey(createPublicKey(key)).find((one) => realm.algorithms.includes(one));
  if (algorithm === undefined)
    throw new KeyPolicyError(`The key serves none of ${realm.algorithms.join(', ')}`);
  return { algorithm, key, kid };
}

function privateKeyOf(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // The cause is left out: what OpenSSL says may quote what it was given.
    throw new KeyPolicyError('The file holds no private key in PEM');
  }
}

export async function makeCallerToken(claims: JsonObject, signer: CallerKey | null): Promise<string> {
  const kid = signer === null || signer.kid === null ? {} : { kid: signer.kid };
  const header = { alg: signer?.algorithm ?? 'none', typ: 'JWT', ...kid };
  const signingInput = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  if (signer === null) return `${signingInput}.`;
  const signature = await signJws(signer.algorithm, signer.key, Buffer.from(signingInput));
  return `${signingInput}.${signature.toString('base64url')}`;
}
