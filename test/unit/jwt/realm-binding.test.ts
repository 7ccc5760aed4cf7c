/** Which keys a token may have been signed by. */
import { describe, expect, it } from 'vitest';
import { CountersignError } from '../../../src/core/errors.ts';
import { acceptsUnsigned, generationOf, keysFor } from '../../../src/jwt/realm-binding.ts';
import { testRealm } from '../../support/policy.ts';
import { testKey } from '../../support/tokens.ts';
import { fakeKeySet, publicKey, secretKey } from '../../support/verification-keys.ts';

const realm = testRealm();
const unknown = () => new CountersignError('unknown_kid', 'not in the set');
const inSet = publicKey(testKey('ES256', 'set-1'));
const unnamed = secretKey('configured, without kid');
const named = secretKey('configured, with kid', { kid: 'conf-1' });
const other = secretKey('another one', { kid: 'conf-2' });

describe('keysFor, configured keys alone', () => {
  it('takes the only key for any kid, where it has none itself', async () => {
    expect(await keysFor({ realm, signingKeys: [unnamed], keySet: null }, 'whatever')).toEqual([unnamed]);
  });

  it('J05 does not take a named key for another kid', async () => {
    expect(await keysFor({ realm, signingKeys: [named], keySet: null }, '__proto__')).toEqual([]);
  });

  it('does not take an unnamed key for a kid where there are others', async () => {
    expect(await keysFor({ realm, signingKeys: [unnamed, named], keySet: null }, 'x')).toEqual([]);
  });

  it('takes all for a token without kid', async () => {
    expect(await keysFor({ realm, signingKeys: [named, other], keySet: null }, null)).toEqual([named, other]);
  });

  it('takes the one with the kid', async () => {
    expect(await keysFor({ realm, signingKeys: [named, other], keySet: null }, 'conf-2')).toEqual([other]);
  });
});

describe('keysFor, with a key set', () => {
  it('FJR-S24 asks the set for a kid', async () => {
    const keySet = fakeKeySet([inSet], unknown);
    expect(await keysFor({ realm, signingKeys: [], keySet }, 'set-1')).toEqual([inSet]);
  });

  it('FJR-S24 asks the set for a token without kid, where nothing is configured', async () => {
    const keySet = fakeKeySet([inSet], unknown);
    expect(await keysFor({ realm, signingKeys: [], keySet }, null)).toEqual([inSet]);
  });

  it('FJR-S26 a kid of the set takes the key of the set', async () => {
    const twin = secretKey('configured under the same kid', { kid: 'set-1' });
    const keySet = fakeKeySet([inSet], unknown);
    expect(await keysFor({ realm, signingKeys: [twin], keySet }, 'set-1')).toEqual([inSet]);
  });

  it('FJR-S26 a token without kid takes the configured key, and the set is not asked', async () => {
    const keySet = fakeKeySet([inSet], unknown);
    expect(await keysFor({ realm, signingKeys: [unnamed], keySet }, null)).toEqual([unnamed]);
    expect(keySet.asked).toEqual([]);
  });

  it('a kid that only a configured key has does not make the set fetch', async () => {
    const keySet = fakeKeySet([inSet], unknown);
    expect(await keysFor({ realm, signingKeys: [named], keySet }, 'conf-1')).toEqual([named]);
    expect(keySet.asked).toEqual([]);
  });

  it('an unnamed configured key does not stand in for an unknown kid', async () => {
    const keySet = fakeKeySet([inSet], unknown);
    await expect(keysFor({ realm, signingKeys: [unnamed], keySet }, 'x')).rejects.toMatchObject({
      code: 'unknown_kid',
    });
  });
});

describe('acceptsUnsigned', () => {
  it.each([
    ['the option and no key', true, [], null, true],
    ['no option', false, [], null, false],
    ['a configured key', true, [unnamed], null, false],
    ['a key set', true, [], fakeKeySet([], unknown), false],
  ])('FJR-S27 with %s', (_case, allowUnsigned, signingKeys, keySet, expected) => {
    expect(acceptsUnsigned({ realm: testRealm({ allowUnsigned }), signingKeys, keySet })).toBe(expected);
  });
});

describe('generationOf', () => {
  it('rises with the key set', () => {
    const keySet = fakeKeySet([], unknown);
    const before = generationOf({ realm, signingKeys: [], keySet });
    keySet.replace([inSet]);
    expect(generationOf({ realm, signingKeys: [], keySet })).toBeGreaterThan(before);
  });
});
