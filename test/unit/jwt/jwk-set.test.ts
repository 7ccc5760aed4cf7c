import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { importKeySet } from '../../../src/jwt/jwk-set.ts';
import { testKey } from '../../support/tokens.ts';

const one = testKey('ES256', 'one');
const two = testKey('ES256', 'two');
const kidsOf = (jwks: unknown) => importKeySet(JSON.stringify({ keys: jwks })).keys.map(({ kid }) => kid);
const rejectedOf = (jwks: unknown) => importKeySet(JSON.stringify({ keys: jwks })).rejected;

describe('importKeySet', () => {
  it('gives the keys in order', () => {
    expect(kidsOf([one.jwk, two.jwk])).toEqual(['one', 'two']);
  });

  it.each([
    ['html', '<html></html>'],
    ['no list', '{"keys":{}}'],
    ['no keys', '{}'],
    ['a list', '[]'],
    ['an inherited name only', '{"__proto__":{"keys":[]}}'],
    ['a member twice', '{"keys":[],"keys":[]}'],
    ['nothing', ''],
  ])('K04 refuses a document with %s', (_name, text) => {
    expect(() => importKeySet(text)).toThrow(expect.objectContaining({ name: 'KeyPolicyError' }));
  });

  it('K04 leaves out what is no key, and names the bad one by kid', () => {
    const jwks = [null, 7, 'text', [], { ...two.jwk, use: 'enc' }, one.jwk];
    expect(kidsOf(jwks)).toEqual(['one']);
    expect(rejectedOf(jwks)).toContainEqual({ kid: 'two', reason: 'use must be sig' });
    expect(rejectedOf(jwks)).toHaveLength(5);
  });

  it('K06 leaves out symmetric keys', () => {
    const oct = { kty: 'oct', k: Buffer.alloc(32, 7).toString('base64url'), kid: 'oct' };
    expect(kidsOf([oct, one.jwk])).toEqual(['one']);
  });

  it('K07 leaves out every key of a kid that two keys have', () => {
    const twin = { ...two.jwk, kid: 'one' };
    expect(kidsOf([one.jwk, twin, two.jwk])).toEqual(['two']);
    expect(rejectedOf([one.jwk, twin])).toEqual([{ kid: 'one', reason: 'kid is not unique in the set' }]);
  });

  it('K07 leaves out both where the types differ', () => {
    expect(kidsOf([one.jwk, { ...testKey('EdDSA').jwk, kid: 'one' }])).toEqual([]);
  });

  it('K07 keeps a signing key beside an encryption key of the same kid', () => {
    expect(kidsOf([one.jwk, { ...two.jwk, kid: 'one', use: 'enc', alg: undefined }])).toEqual(['one']);
  });

  it('keeps several keys without kid', () => {
    expect(kidsOf([one.jwk, two.jwk].map((jwk) => ({ ...jwk, kid: undefined })))).toEqual([null, null]);
  });

  it('refuses more than 100 keys', () => {
    const jwks = Array.from({ length: 101 }, () => null);
    expect(() => importKeySet(JSON.stringify({ keys: jwks }))).toThrow(/101 keys/);
    expect(rejectedOf(jwks.slice(1))).toHaveLength(100);
  });

  it('never throws anything but KeyPolicyError', () => {
    const member = fc.oneof(fc.constantFrom(...Object.keys(one.jwk), 'd', 'k', 'x5c', 'key_ops', 'n', 'e'));
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(...Object.values(one.jwk), 'RSA', 'OKP', 'oct'));
    const change = fc.dictionary(member, value);
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3 }), (changes) => {
        const text = JSON.stringify({ keys: changes.map((each) => ({ ...one.jwk, ...each })) });
        try {
          for (const { algorithms } of importKeySet(text).keys) expect(algorithms.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toMatchObject({ name: 'KeyPolicyError' });
        }
      }),
      { numRuns: 500 },
    );
  });
});
