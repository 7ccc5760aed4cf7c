/** One signature, one key, one algorithm: the only place where a token meets cryptography. */
import { verify as cryptoVerify, type KeyObject, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Algorithm } from '../core/realm.ts';
import { AtMost } from './at-most.ts';
import { hashOf, hmac, keyInput, signatureBytes } from './crypto-form.ts';
import type { CompactJws } from './envelope.ts';

/**
 * RSA keys of up to 4096 bits verify at once, in some 20 to 70 µs: to hand that to the thread pool and back can cost
 * as much again, and signatures would wait behind it. Larger keys and curves take 0.1 to 1 ms and go there.
 */
const AT_ONCE_RSA_BYTES_MAX = 512;

/** libuv has four threads: one stays free for our own signatures, for names and for the log. */
const POOL_THREADS_MAX = 3;
/** Strangers choose how many tokens there are to check: one core stays with the event loop, and the pool is the process's. */
const pool = new AtMost(Math.min(POOL_THREADS_MAX, Math.max(1, availableParallelism() - 1)));

/**
 * False for a signature that is not of this key, whatever is wrong with it: its length is checked before its bytes,
 * as RFC 8017 §8.1.2 and RFC 7518 §3.4 ask and libraries do not always.
 *
 * @param algorithm that of the token's header, which the realm allows and the key serves
 */
export function verifySignature(
  { signingInput, signature }: Pick<CompactJws, 'signingInput' | 'signature'>,
  key: KeyObject,
  algorithm: Algorithm,
): boolean | Promise<boolean> {
  if (signature.length !== signatureBytes(algorithm, key)) return false;
  const signed = Buffer.from(signingInput, 'latin1');
  if (algorithm.startsWith('HS')) return timingSafeEqual(hmac(algorithm, key, signed), signature);
  if (key.asymmetricKeyType === 'rsa' && signature.length <= AT_ONCE_RSA_BYTES_MAX)
    return cryptoVerify(hashOf(algorithm), signed, keyInput(algorithm, key), signature);
  return pool.run(() => verifyOnPool(algorithm, signed, key, signature));
}

function verifyOnPool(
  algorithm: Algorithm,
  signed: Uint8Array,
  key: KeyObject,
  signature: Uint8Array,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    cryptoVerify(hashOf(algorithm), signed, keyInput(algorithm, key), signature, (error, isGenuine) =>
      error === null ? resolve(isGenuine) : reject(error),
    );
  });
}
