/** Verification keys and key sets made by hand, so that verifier tests do not lean on the import of keys. */
import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import type { Algorithm } from '../../src/core/realm.ts';
import type { KeySet, VerificationKey } from '../../src/jwt/verification-key.ts';
import type { TestKey } from './tokens.ts';

/** A configured secret; serves HS256 and has no kid unless told. */
export function secretKey(
  secret: string | Uint8Array,
  { kid = null, algorithms = ['HS256'] }: { kid?: string | null; algorithms?: readonly Algorithm[] } = {},
): VerificationKey {
  return verificationKey(createSecretKey(Buffer.from(secret)), kid, algorithms);
}

/** The public half of a test key; serves its one algorithm under its kid. */
export function publicKey(key: TestKey, kid: string | null = key.kid): VerificationKey {
  return verificationKey(key.publicKey, kid, [key.alg as Algorithm]);
}

function verificationKey(
  key: KeyObject,
  kid: string | null,
  algorithms: readonly Algorithm[],
): VerificationKey {
  const encoded = key.type === 'secret' ? key.export() : key.export({ type: 'spki', format: 'der' });
  return { kid, algorithms, key, thumbprint: createHash('sha256').update(encoded).digest('base64url') };
}

/** A key set that tests steer. */
export interface FakeKeySet extends KeySet {
  /** Replaces the keys: the generation rises. */
  replace(keys: readonly VerificationKey[]): void;
  /** From now on the set fails like one whose last good fetch is too old; null: no longer. */
  fail(error: Error | null): void;
  /** Kids asked for with `find`, in order. */
  readonly asked: readonly (string | null)[];
}

/** `unknown`: what an unknown kid is answered with. */
export function fakeKeySet(initial: readonly VerificationKey[], unknown: () => Error): FakeKeySet {
  let keys = initial;
  let generation = 1;
  let failure: Error | null = null;
  const asked: (string | null)[] = [];
  const requireUsable = () => {
    if (failure !== null) throw failure;
  };
  return {
    url: 'https://idp.test/jwks',
    asked,
    get generation() {
      return generation;
    },
    async find(kid) {
      asked.push(kid);
      requireUsable();
      const found = kid === null && keys.length === 1 ? keys : keys.filter((key) => key.kid === kid);
      if (found.length === 0) throw unknown();
      return found;
    },
    requireUsable,
    status: () => ({
      url: 'https://idp.test/jwks',
      state: failure === null ? 'fresh' : 'expired',
      kids: keys.flatMap(({ kid }) => (kid === null ? [] : [kid])),
      rejected: [],
      fetchedAtMs: 0,
      nextFetchAtMs: 0,
      lastError: null,
    }),
    replace(next) {
      keys = next;
      generation += 1;
    },
    fail(error) {
      failure = error;
    },
  };
}
