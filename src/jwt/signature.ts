/** One signature, one key, one algorithm: the only place where a token meets cryptography. */
import type { KeyObject } from 'node:crypto';
import { errors, flattenedVerify } from 'jose';
import type { Algorithm } from '../core/realm.ts';
import type { EncodedJws } from './envelope.ts';

/**
 * Runs off the event loop. jose's JWS layer is used without its JWT layer: it would honour `crit` and `b64`, but the
 * envelope has refused both, and claims are checked by core/principal.ts.
 *
 * @param algorithm one that the key serves and the realm allows; a header with another one never verifies
 */
export async function verifySignature(
  jws: EncodedJws,
  key: KeyObject,
  algorithm: Algorithm,
): Promise<boolean> {
  try {
    await flattenedVerify(jws, key, { algorithms: [algorithm] });
    return true;
  } catch (thrown) {
    if (thrown instanceof errors.JWSSignatureVerificationFailed) return false;
    throw thrown;
  }
}
