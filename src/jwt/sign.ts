/** One JWS signature (RFC 7518 §3, RFC 8037 §3.1), made on the thread pool: an RSA signature would stop every request for a millisecond. */
import { constants, createHmac, sign as cryptoSign, type KeyObject } from 'node:crypto';
import type { Algorithm } from '../core/realm.ts';

/** The signature over the bytes, in the form that JWS wants: ECDSA as r and s, not as DER. */
export function signJws(algorithm: Algorithm, key: KeyObject, bytes: Uint8Array): Promise<Buffer> {
  if (algorithm.startsWith('HS'))
    return Promise.resolve(createHmac(hashOf(algorithm), key).update(bytes).digest());
  return new Promise((resolve, reject) => {
    cryptoSign(
      algorithm === 'EdDSA' ? null : hashOf(algorithm),
      bytes,
      { key, ...signatureForm(algorithm) },
      (error, signature) => (error === null ? resolve(signature) : reject(error)),
    );
  });
}

function hashOf(algorithm: Algorithm): string {
  return `sha${algorithm.slice(2)}`;
}

function signatureForm(algorithm: Algorithm) {
  if (algorithm.startsWith('ES')) return { dsaEncoding: 'ieee-p1363' as const };
  if (algorithm.startsWith('PS'))
    return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return {};
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

/** Length of the signature before it is made, in bytes: what is too large is refused without the work. */
export function signatureBytes(algorithm: Algorithm, key: KeyObject): number {
  return SIGNATURE_BYTES.get(algorithm) ?? Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
}
