/** C2SP Wycheproof: all JWS vectors, with the labels that OVERRIDES.json corrects and says why. */
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { judgeJws } from '../support/jws-vectors.ts';
import { readVectors } from '../support/vectors.ts';

interface VectorFile {
  readonly testGroups: readonly {
    readonly type: string;
    readonly comment: string;
    readonly private: JsonObject;
    readonly public?: JsonObject;
    readonly tests: readonly {
      readonly tcId: number;
      readonly comment: string;
      readonly result: 'valid' | 'invalid';
      readonly jws?: Json;
    }[];
  }[];
}
type Overrides = Record<string, Record<string, { expect: string } | undefined> | undefined>;

const overrides = readVectors<Overrides>('wycheproof-jose/OVERRIDES.json');

/** [name, jws, jwk, expected]; where upstream's label is right by our policy (`policy`), it stands. */
function casesOf(file: string): [string, Json, JsonObject, string][] {
  const groups = readVectors<VectorFile>(`wycheproof-jose/${file}`)?.testGroups ?? [];
  return groups.flatMap((group) =>
    group.tests.flatMap(({ tcId, comment, result, jws }): [string, Json, JsonObject, string][] => {
      if (jws === undefined) return [];
      const corrected = overrides?.[file]?.[String(tcId)]?.expect;
      const expected = corrected === undefined || corrected === 'policy' ? result : corrected;
      const name = `${tcId} ${group.comment}: ${comment} is ${expected}`;
      return [[name, jws, group.public ?? group.private, expected]];
    }),
  );
}

const signatures = casesOf('json_web_signature_test.json');
const crypto = casesOf('json_web_crypto_test.json');

describe.skipIf(overrides === null)('Wycheproof json_web_signature', () => {
  it.each(signatures)('J19 J20 %s', async (_name, jws, jwk, expected) => {
    expect(await judgeJws(jws, jwk)).toBe(expected);
  });

  it('ran all vectors', () => {
    expect(signatures.length).toBe(401);
  });
});

describe.skipIf(overrides === null)('Wycheproof json_web_crypto, JWS groups', () => {
  it.each(crypto)('J01 J02 J06 %s', async (_name, jws, jwk, expected) => {
    expect(await judgeJws(jws, jwk)).toBe(expected);
  });

  it('ran all vectors', () => {
    expect(crypto.length).toBe(49);
  });
});
