/** One JWS signature (RFC 7518 §3, RFC 8037 §3.1), made where it holds up the fewest requests. */
import { sign as cryptoSign, type KeyObject } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Algorithm } from '../core/realm.ts';
import { hashOf, hmac, keyInput, signatureBytes } from './crypto-form.ts';
import { LoopTurns } from './loop-turns.ts';

/**
 * On a single processor no thread computes beside the event loop: the way to the thread pool and back costs 17 µs for
 * nothing, and the system lets a thread run for 3 ms before the loop goes on. There, signatures that take no longer
 * than RSA with 2048 bits (0.3 ms) are made on the loop, for less than that in a turn. Others would hold up too much.
 */
const HAS_ONE_PROCESSOR = availableParallelism() === 1;
const SLOW_CURVES: ReadonlySet<Algorithm> = new Set(['ES384', 'ES512']);
const ON_LOOP_BYTES_MAX = 256;
const PER_TURN = 8; // 2.4 ms
const turns = new LoopTurns(PER_TURN);

/** The signature over the bytes, in the form that JWS wants. */
export function signJws(algorithm: Algorithm, key: KeyObject, bytes: Uint8Array): Promise<Buffer> {
  if (algorithm.startsWith('HS')) return Promise.resolve(hmac(algorithm, key, bytes));
  if (HAS_ONE_PROCESSOR && !SLOW_CURVES.has(algorithm) && signatureBytes(algorithm, key) <= ON_LOOP_BYTES_MAX)
    return turns.run(() => cryptoSign(hashOf(algorithm), bytes, keyInput(algorithm, key)));
  return signOnPool(algorithm, key, bytes);
}

/** A signature of RSA on the event loop would stop every request for as long as it takes. */
function signOnPool(algorithm: Algorithm, key: KeyObject, bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    cryptoSign(hashOf(algorithm), bytes, keyInput(algorithm, key), (error, signature) =>
      error === null ? resolve(signature) : reject(error),
    );
  });
}
