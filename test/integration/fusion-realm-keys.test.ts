import { describe, expect, it } from 'vitest';
import { t1, t1Claims } from '../support/acceptance.ts';
import { selfSignedCertificate } from '../support/certificate.ts';
import { fusionRealm, realmGateways, refusalOf, statusOf, warnings } from '../support/fusion.ts';
import { keySet, startIdp } from '../support/idp.ts';
import { hasPyJwt, runPython } from '../support/python.ts';
import { hs256, signed, testKey } from '../support/tokens.ts';

const start = realmGateways();
const setKey = testKey('RS256', 'in-the-set');
const ownKey = testKey('RS256', 'own');
const pem = ownKey.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const STRONG_SECRET = 'a-secret-of-more-than-32-bytes-of-text';

/** Realm fusion with this signing key, whatever its algorithm. */
const withKey = (signingKey: string) => fusionRealm({ signingKey });

describe('jwksUri', () => {
  it('is where the key comes from, fetched once for a hundred requests (FJR-S24)', async () => {
    const idp = await startIdp();
    idp.answerJwks(keySet([setKey.jwk]));
    const gateway = await start([fusionRealm({ signingKey: null, jwksUri: `"${idp.jwksUri}"` })]);
    for (let index = 0; index < 100; index += 1)
      expect(await statusOf(gateway, signed(setKey, t1Claims({ sub: `u${index}` })))).toBe(200);
    expect(idp.hits()).toBe(1);
    await idp.close();
  });

  it('stands beside a signing key: by kid from the set, without kid the own one (FJR-S26)', async () => {
    const idp = await startIdp();
    idp.answerJwks(keySet([setKey.jwk]));
    const both = fusionRealm({ jwksUri: `"${idp.jwksUri}"`, signingKey: '{ pemFile: own.pem }' });
    const gateway = await start([both], { files: { 'own.pem': pem } });
    expect(await statusOf(gateway, signed(setKey, t1Claims()))).toBe(200);
    expect(await statusOf(gateway, signed(ownKey, t1Claims(), { kid: undefined }))).toBe(200);
    expect(await statusOf(gateway, signed(ownKey, t1Claims(), { kid: setKey.kid }))).toBe(401);
    await idp.close();
  });

  it('beside a shared secret is two realms of one issuer (FJR-S26)', async () => {
    const idp = await startIdp();
    idp.answerJwks(keySet([setKey.jwk]));
    const remote = { name: 'remote', signingKey: null, jwksUri: `"${idp.jwksUri}"` };
    await expect(start([fusionRealm({ jwksUri: `"${idp.jwksUri}"` })])).rejects.toThrow(
      'make two realms with this issuer',
    );
    const gateway = await start([fusionRealm(), fusionRealm(remote)]);
    expect(await statusOf(gateway, t1())).toBe(200);
    expect(await statusOf(gateway, signed(setKey, t1Claims()))).toBe(200);
    await idp.close();
  });
});

describe('no key at all', () => {
  it('is refused with the options that would do (FJR-S25)', async () => {
    await expect(start([fusionRealm({ signingKey: null })])).rejects.toThrow(
      /countersign\.yaml:\d+:5: realms\[0\]: needs jwksUri or signingKey/,
    );
  });
});

describe('the snippet of the seed', () => {
  const SNIPPET = `
import sys
import jwt
from datetime import datetime, timedelta
key = sys.argv[1]
jwt_issuer = sys.argv[2]
username = sys.argv[3]
groups = sys.argv[4:]
iat = datetime.utcnow()
exp = iat + timedelta(minutes=5)
payload = {'iss': jwt_issuer, 'iat': iat, 'exp': exp,'sub': username, 'groups': groups}
print (jwt.encode(payload, key, algorithm='HS256'))
`;

  it.skipIf(!hasPyJwt)('makes a token with PyJWT that the gateway accepts (FJR-S30)', async () => {
    const gateway = await start([fusionRealm()]);
    const token = await runPython(SNIPPET, ['fusion-secret', 'fusion', 'test-fusion', 'group-two']);
    expect(await statusOf(gateway, token, '/api/roles')).toBe(200);
  });
});

describe('signingKey', () => {
  it.each([
    ['ZnVzaW9uLXNlY3JldA==', 'fusion-secret'],
    ['ZnVzaW9uLXNlY3JldA', 'fusion-secret'],
    ['c2VjcmV0Pz4_Pg', 'secret?>?>'],
  ])('secretBase64 %s is the secret in base64 or base64url (FJR-P35)', async (secretBase64, secret) => {
    const gateway = await start([withKey(`{ secretBase64: "${secretBase64}", allowWeakSecret: true }`)]);
    expect(await statusOf(gateway, hs256(secret, t1Claims()))).toBe(200);
  });

  it('secret is taken as it is written, base64 or not (FJR-P35)', async () => {
    const gateway = await start([withKey('{ secret: "ZnVzaW9uLXNlY3JldA==", allowWeakSecret: true }')]);
    expect(await statusOf(gateway, t1())).toBe(401);
    expect(await statusOf(gateway, hs256('ZnVzaW9uLXNlY3JldA==', t1Claims()))).toBe(200);
  });

  it('that is short is refused by RFC 7518 §3.2 (FJR-P36)', async () => {
    await expect(start([withKey('{ secret: fusion-secret }')])).rejects.toThrow('RFC 7518 §3.2');
  });

  it('that is short and allowed verifies, and is warned about at start (FJR-P36)', async () => {
    const gateway = await start([fusionRealm()]);
    expect(await statusOf(gateway, t1())).toBe(200);
    expect(warnings(gateway)).toContainEqual(expect.stringContaining('a weak secret is accepted'));
  });

  it('that is long enough wants no allowance (FJR-P36)', async () => {
    const gateway = await start([withKey(`{ secret: ${STRONG_SECRET} }`)]);
    expect(await statusOf(gateway, hs256(STRONG_SECRET, t1Claims()))).toBe(200);
    expect(warnings(gateway)).not.toContainEqual(expect.stringContaining('weak secret'));
  });

  it.each([
    ['PEM public key', pem],
    ['X.509 certificate', selfSignedCertificate(ownKey)],
  ])('may be a file with a %s (FJR-P37)', async (_what, content) => {
    const acme = fusionRealm({ signingKey: '{ pemFile: acme.pub }', algorithms: '[RS256]' });
    const gateway = await start([acme], { files: { 'acme.pub': content } });
    expect(await statusOf(gateway, signed(ownKey, t1Claims()))).toBe(200);
    expect(await refusalOf(gateway, signed(setKey, t1Claims()))).toMatchObject({ code: 'bad_signature' });
  });

  it('may be a JWK (FJR-P37)', async () => {
    const jwk = JSON.stringify(ownKey.jwk);
    const gateway = await start([fusionRealm({ signingKey: `{ jwk: ${jwk} }`, algorithms: '[RS256]' })]);
    expect(await statusOf(gateway, signed(ownKey, t1Claims()))).toBe(200);
  });
});
