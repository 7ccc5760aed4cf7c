/** The token service's signatures: its keys, unsealed and read once each, meet the JWS code of jwt/. */
import type { KeyObject } from 'node:crypto';
import { CountersignError } from '../core/errors.ts';
import { type CompactKey, signCompact, signingKeyObject, verifyingKeyObject } from '../jwt/compact.ts';
import { createCompactVerifier } from '../jwt/compact-verifier.ts';
import { jwsAlgorithm, type Key } from '../objects/key.ts';
import { keyContext } from '../tokens/objects/keys.ts';
import { type Sealer, TokenRejectedError, type TokenSigner, type TokenVerifier } from '../tokens/ports.ts';

export interface TokenSigning {
  readonly signer: TokenSigner;
  readonly verifier: TokenVerifier;
  /** Of what the key verifies; the same object each time. */
  readonly verifyingKey: (key: Key) => CompactKey;
}

/** Access tokens remembered at most, as many as a realm remembers of its callers unless told otherwise; some 10 MB. */
const REMEMBERED_TOKENS_MAX = 10_000;

/** What was read of a key lives as long as the catalog snapshot that the key object belongs to. */
export function createTokenSigning(sealer: Pick<Sealer, 'open'>): TokenSigning {
  const signing = remembered((key) => signingKeyObject(jwsAlgorithm(key.algorithm), secretOf(key)));
  const verifying = remembered((key) =>
    verifyingKeyObject(jwsAlgorithm(key.algorithm), key.publicKey ?? secretOf(key)),
  );
  const own = createCompactVerifier(REMEMBERED_TOKENS_MAX);

  function secretOf(key: Key): string {
    if (key.sealedPrivateKey === null) throw new Error(`Key ${key.id} cannot sign: it only verifies`);
    return sealer.open(key.sealedPrivateKey, keyContext(key.id));
  }

  return {
    verifyingKey: verifying,
    signer: {
      sign: async (key, header, claims) => await signCompact(signing(key), header, claims),
    },
    verifier: {
      verifyOwn: (token, keysOf, nowMs) => {
        const verified = own.verify(token, (claims) => keysOf(claims).map(verifying), nowMs);
        return verified instanceof Promise ? rejecting(() => verified) : verified;
      },
    },
  };
}

function remembered(read: (key: Key) => KeyObject): (key: Key) => CompactKey {
  const known = new WeakMap<Key, CompactKey>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = { kid: key.kid, algorithm: jwsAlgorithm(key.algorithm), key: read(key) };
    known.set(key, made);
    return made;
  };
}

/** What is wrong with the token is told by code; a key that cannot be read is our own failure and stays one. */
async function rejecting<T>(verify: () => Promise<T>): Promise<T> {
  try {
    return await verify();
  } catch (error) {
    if (!(error instanceof CountersignError)) throw error;
    throw new TokenRejectedError(`${error.code}: ${error.message}`, { cause: error });
  }
}
