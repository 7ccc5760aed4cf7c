/** How node:crypto is told a JWS algorithm (RFC 7518 §3, RFC 8037 §3.1): for signing and for verifying alike. */
import { constants, createHmac, type KeyObject, type SignKeyObjectInput } from 'node:crypto';
import type { Algorithm } from '../core/realm.ts';

/** The MAC of an HS algorithm. */
export function hmac(algorithm: Algorithm, key: KeyObject, bytes: Uint8Array): Buffer {
  return createHmac(`sha${algorithm.slice(2)}`, key)
    .update(bytes)
    .digest();
}

/** Null: the algorithm hashes by itself. */
export function hashOf(algorithm: Algorithm): string | null {
  return algorithm === 'EdDSA' ? null : `sha${algorithm.slice(2)}`;
}

/**
 * The key with what must be said about the form of its signatures: ECDSA as r and s, not as DER; a PSS salt as long as
 * the hash. A key that needs no word goes as it is: node:crypto takes 10 µs to see that an object is no key.
 */
export function keyInput(algorithm: Algorithm, key: KeyObject): KeyObject | SignKeyObjectInput {
  if (algorithm.startsWith('ES')) return { key, dsaEncoding: 'ieee-p1363' };
  if (!algorithm.startsWith('PS')) return key;
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
}

const SIGNATURE_BYTES: ReadonlyMap<Algorithm, number> = new Map([
  ['HS256', 32],
  ['HS384', 48],
  ['HS512', 64],
  ['ES256', 64],
  ['ES384', 96],
  ['ES512', 132],
  ['EdDSA', 64],
]);

/** Sizes of RSA keys: node:crypto works them out anew each time it is asked. */
const MODULUS_BYTES = new WeakMap<KeyObject, number>();

/** The one length of the signatures of this key, in bytes. */
export function signatureBytes(algorithm: Algorithm, key: KeyObject): number {
  return SIGNATURE_BYTES.get(algorithm) ?? modulusBytes(key);
}

function modulusBytes(key: KeyObject): number {
  const known = MODULUS_BYTES.get(key);
  if (known !== undefined) return known;
  const bytes = Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
  MODULUS_BYTES.set(key, bytes);
  return bytes;
}
