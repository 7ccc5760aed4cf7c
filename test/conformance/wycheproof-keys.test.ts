/** Wycheproof's JSON Web Key vectors: which keys the policy lets through. The signatures are tested with the verifier. */
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { importKeySet } from '../../src/jwt/jwk-set.ts';
import { importJwk } from '../../src/jwt/keys.ts';
import { readVectors } from '../support/vectors.ts';

interface Vectors {
  readonly testGroups: readonly {
    readonly private: { readonly keys: readonly JsonObject[] };
    readonly public?: { readonly keys: readonly JsonObject[] };
    readonly tests: readonly { readonly tcId: number; readonly comment: string; readonly result: string }[];
  }[];
}
interface Overrides {
  readonly 'json_web_key_test.json': Readonly<Record<string, { readonly why: string }>>;
}

/** Invalid for what the token says, not for its key: the set is taken. */
const INVALID_SIGNATURE = new Set([3]);
/** Sets that Wycheproof flags as ambiguous, answered by our rules for sets below. */
const RULES_FOR_SETS = new Set([1, 4]);

const vectors = readVectors<Vectors>('wycheproof-jose/json_web_key_test.json');
const overrides = readVectors<Overrides>('wycheproof-jose/OVERRIDES.json');
const cases = (vectors?.testGroups ?? []).flatMap((group) =>
  group.tests.map((test) => ({ ...test, keys: (group.public ?? group.private).keys })),
);
const caseOf = (tcId: number) => cases.find((one) => one.tcId === tcId)?.keys ?? [];

describe.skipIf(vectors === null || overrides === null)('Wycheproof json_web_key', () => {
  it('has the cases that this suite was written for', () => {
    expect(cases.map(({ tcId }) => tcId)).toEqual(Array.from({ length: 26 }, (_, index) => index + 1));
    expect(Object.keys(overrides?.['json_web_key_test.json'] ?? {})).toEqual(['1', '4', '7']);
  });

  const single = cases.filter(({ tcId }) => !RULES_FOR_SETS.has(tcId));
  it.each(single.map((one) => [one.tcId, one.comment, one] as const))(
    'K06 tcId %i %s',
    (tcId, _comment, one) => {
      const importAll = () => one.keys.map((jwk) => importJwk(jwk, { allowOct: true }));
      if (one.result === 'valid' || INVALID_SIGNATURE.has(tcId)) expect(importAll).not.toThrow();
      else expect(importAll).toThrow(expect.objectContaining({ name: 'KeyPolicyError' }));
    },
  );

  it('K06 tcId 1 leaves the secret of a mixed set out', () => {
    const { keys, rejected } = importKeySet(JSON.stringify({ keys: caseOf(1) }));
    expect(keys.map(({ kid }) => kid)).toEqual(['kid-ec-sign']);
    expect(rejected.map(({ kid }) => kid)).toEqual(['kid-aes-sign']);
  });

  it('K07 tcId 4 takes no key of a set of secrets with one kid', () => {
    expect(importKeySet(JSON.stringify({ keys: caseOf(4) })).keys).toEqual([]);
  });
});
