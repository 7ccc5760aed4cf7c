import { createPublicKey } from 'node:crypto';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { keyFactory } from '../../../src/app/token-keys.ts';
import { importKey } from '../../../src/tokens/objects/keys.ts';
import {
  jsonWebKeySet,
  publicKeyByKid,
  publicKeyOfApplication,
  publicKeys,
} from '../../../src/tokens/public-keys.ts';
import { restoreAfterEach } from '../../support/restored.ts';
import {
  APP_A,
  APP_B,
  APP_H,
  configureTokens,
  EVERYWHERE,
  K_PUB,
  loginTo,
  TEN2,
  U1,
} from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';

const shared = await testTokenService();
const { service, clock } = shared;
await importKey(service, undefined, {
  name: 'ed',
  kid: 'kid-ed',
  privateKey: (await keyFactory.generate('Ed25519')).privateKey ?? '',
});
restoreAfterEach(shared);

describe('publicKeys()', () => {
  it('shows RSA, EC and EdDSA keys that sign; no secrets, no foreign keys (JWT-S35)', () => {
    const shown = publicKeys(service);
    expect(Object.keys(shown).toSorted()).toEqual(['kid-ed', 'kid-rs', 'kid-t2']);
    const types = Object.values(shown).map((pem) => createPublicKey(pem).asymmetricKeyType);
    expect(types.toSorted()).toEqual(['ec', 'ed25519', 'rsa']);
  });
});

describe('publicKeyOfApplication()', () => {
  it('is the key that verifies tokens of the application (JWT-S36)', async () => {
    const { token } = await loginTo(service, APP_A);
    const key = createPublicKey(publicKeyOfApplication(service, APP_A, EVERYWHERE));
    await expect(jwtVerify(token, key, { currentDate: new Date(clock()) })).resolves.toBeDefined();
  });

  it('answers 404 without an own key, for secrets, foreign keys and unknown applications (JWT-S37)', async () => {
    const missing = expect.objectContaining({ status: 404, errors: null });
    for (const id of [APP_B, APP_H, U1])
      expect(() => publicKeyOfApplication(service, id, EVERYWHERE)).toThrow(missing);
    const elsewhere = { ...EVERYWHERE, tenantId: TEN2 };
    expect(() => publicKeyOfApplication(service, APP_A, elsewhere)).toThrow(missing);
    await configureTokens(service, APP_B, { accessTokenKeyId: K_PUB });
    expect(() => publicKeyOfApplication(service, APP_B, EVERYWHERE)).toThrow(missing);
    await configureTokens(service, APP_A, { enabled: false });
    expect(() => publicKeyOfApplication(service, APP_A, EVERYWHERE)).toThrow(missing);
  });
});

describe('publicKeyByKid()', () => {
  it('is that key, or 404 (JWT-S38)', () => {
    expect(publicKeyByKid(service, 'kid-rs')).toBe(publicKeys(service)['kid-rs']);
    for (const kid of ['nope', 'kid-hs', 'kid-pub', '__proto__'])
      expect(() => publicKeyByKid(service, kid)).toThrow(expect.objectContaining({ status: 404 }));
  });
});

describe('jsonWebKeySet()', () => {
  it('has the same kids, verifies access tokens, and holds nothing private (JWT-P39)', async () => {
    const { keys } = jsonWebKeySet(service);
    expect(keys.map(({ kid }) => kid).toSorted()).toEqual(Object.keys(publicKeys(service)).toSorted());
    for (const key of keys) {
      expect(key['use']).toBe('sig');
      for (const name of ['d', 'p', 'q', 'k']) expect(key).not.toHaveProperty(name);
    }
    expect(keys.map(({ alg }) => alg).toSorted()).toEqual(['ES256', 'EdDSA', 'RS256']);
    const { token } = await loginTo(service, APP_A);
    const set = createLocalJWKSet({ keys: keys.map((key) => ({ kty: '', ...key })) });
    await expect(jwtVerify(token, set, { currentDate: new Date(clock()) })).resolves.toBeDefined();
  });
});
