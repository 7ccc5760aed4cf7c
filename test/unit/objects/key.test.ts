import { describe, expect, it } from 'vitest';
import { ALGORITHMS } from '../../../src/core/realm.ts';
import { importKeySchema, jwsAlgorithm, KEY_ALGORITHMS, keyAlgorithm } from '../../../src/objects/key.ts';

describe('KEY_ALGORITHMS', () => {
  it('has one algorithm of keys for each of JWS, and the way back', () => {
    expect(KEY_ALGORITHMS.map(jwsAlgorithm)).toEqual(ALGORITHMS);
    expect(KEY_ALGORITHMS.map((one) => keyAlgorithm(jwsAlgorithm(one)))).toEqual(KEY_ALGORITHMS);
  });

  it('names the curve of an Edwards key, where JWS names the family (RFC 8037 §3.1)', () => {
    expect(jwsAlgorithm('Ed25519')).toBe('EdDSA');
    expect(importKeySchema.safeParse({ name: 'k', algorithm: 'EdDSA' }).success).toBe(false);
  });
});
