/** The token service's keys: its own port over the key policy and key making of jwt/. */
import { KeyPolicyError } from '../jwt/jwk-policy.ts';
import { generateTokenKey, readTokenKey, type TokenKey } from '../jwt/token-key.ts';
import { jwsAlgorithm, keyAlgorithm } from '../objects/key.ts';
import { badField } from '../tokens/failure.ts';
import type { KeyFactory, KeyMaterial } from '../tokens/ports.ts';

export const keyFactory: KeyFactory = {
  generate: (algorithm, length) =>
    refusing(async () => await generateTokenKey(jwsAlgorithm(algorithm), length)),
  read: (given, algorithm) =>
    refusing(
      async () => await readTokenKey(given, algorithm === undefined ? undefined : jwsAlgorithm(algorithm)),
    ),
};

async function refusing(make: () => Promise<TokenKey>): Promise<KeyMaterial> {
  try {
    const key = await make();
    return { ...key, algorithm: keyAlgorithm(key.algorithm) };
  } catch (error) {
    if (error instanceof KeyPolicyError) throw badField('key', 'invalid', error.message);
    throw error;
  }
}
