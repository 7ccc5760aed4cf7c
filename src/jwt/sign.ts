/** One JWS signature (RFC 7518 §3, RFC 8037 §3.1), made on the thread pool: an RSA signature would stop every request for a millisecond. */
import { sign as cryptoSign, type KeyObject } from 'node:crypto';
import type { Algorithm } from '../core/realm.ts';
import { hashOf, hmac, keyInput } from './crypto-form.ts';

/** The signature over the bytes, in the form that JWS wants. */
export function signJws(algorithm: Algorithm, key: KeyObject, bytes: Uint8Array): Promise<Buffer> {
  if (algorithm.startsWith('HS')) return Promise.resolve(hmac(algorithm, key, bytes));
  return new Promise((resolve, reject) => {
    cryptoSign(hashOf(algorithm), bytes, keyInput(algorithm, key), (error, signature) =>
      error === null ? resolve(signature) : reject(error),
    );
  });
}
