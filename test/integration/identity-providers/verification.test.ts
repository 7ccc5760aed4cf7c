/** Whose tokens a provider takes: keys by header member, default key, older forms, key sets, and who may come at all. */
import { createHash, X509Certificate } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { importKey } from '../../../src/tokens/objects/keys.ts';
import { selfSignedCertificate } from '../../support/certificate.ts';
import { acme, addProvider, IDP1, K_ACME, publicPem } from '../../support/identity-provider.ts';
import { keySet, startIdp, statusOnly } from '../../support/idp.ts';
import { APP_A, APP_N, APP_T2, EVERYWHERE, TEN1, TEN2 } from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';
import { base64url, compact, hmac, testKey } from '../../support/tokens.ts';

const K_2 = '00000000-0000-4000-8000-000000000421';
const K_CERTIFIED = '00000000-0000-4000-8000-000000000423';
const K_MAC = '00000000-0000-4000-8000-000000000422';
const SECRET = 'a secret of thirty-two bytes or more';

const bench = await testTokenService();
const { service } = bench;
const idp = await addProvider(bench);
const other = testKey('RS256', 'acme-2');
await importKey(service, K_2, { name: 'acme 2', kid: 'acme-2', publicKey: publicPem(other) });
await importKey(service, K_MAC, { name: 'mac', kid: 'mac', algorithm: 'HS256', secret: SECRET });

beforeEach(() => idp.change({}));

const status = async (token: string, ...rest: [object?]) => (await idp.reconcile(token, ...rest)).status;
/** The status of a refusal, and that its answer says nothing. */
const refusal = async (token: string, input: object = {}, scope = EVERYWHERE) => {
  const error: unknown = await idp.reconcile(token, input, scope).catch((thrown: unknown) => thrown);
  return error instanceof Error && 'status' in error && 'errors' in error
    ? [error.status, error.errors]
    : error;
};
const REFUSED = [401, null];

describe('reconcile()', () => {
  it('JWT-S18: takes a token of the provider, and gives tokens of ours', async () => {
    const { user, tokens, status: code } = await idp.login(idp.token());
    expect(code).toBe(200);
    expect(user).toMatchObject({ email: 'bob@acme.com', tenantId: TEN1 });
    expect(tokens?.refreshToken).not.toBeNull();
  });

  it('JWT-S22: refuses a token signed by another key', async () => {
    const forged = testKey('ES256', 'acme-1');
    expect(await refusal(idp.token({}, {}, forged))).toEqual(REFUSED);
  });

  it('JWT-S22: refuses an unsigned token', async () => {
    const [, claims = ''] = idp.token().split('.');
    expect(await refusal(`${base64url({ alg: 'none', kid: 'acme-1' })}.${claims}.`)).toEqual(REFUSED);
  });

  it('refuses a token for another audience, where the provider says which ones are ours (RFC 8725 §3.9)', async () => {
    expect(await status(idp.token({ aud: 'some-other-service' }))).toBe(200);
    await idp.change({ audiences: ['ours', 'also-ours'] });
    for (const aud of ['ours', ['some-other-service', 'also-ours']])
      expect(await status(idp.token({ aud }))).toBe(200);
    for (const aud of [undefined, 'some-other-service', 'Ours', ['x'], [], 7, ['ours', 7], { ours: 1 }])
      expect(await refusal(idp.token({ aud }))).toEqual(REFUSED);
  });

  it('JWT-S22: refuses an expired token, one without exp, and one that is not valid yet', async () => {
    const now = Math.floor(bench.clock() / 1000);
    expect(await refusal(idp.token({ exp: now - 1 }))).toEqual(REFUSED);
    expect(await refusal(idp.token({ exp: undefined }))).toEqual(REFUSED);
    expect(await refusal(idp.token({ nbf: now + 60 }))).toEqual(REFUSED);
  });

  it.each(['', 'x', 'a.b.c', '..'])('JWT-S22: refuses what is no token: %j', async (token) => {
    expect(await refusal(token)).toEqual(REFUSED);
  });

  it('JWT-S20: refuses an unknown application, and one that the provider is not enabled for', async () => {
    expect(await refusal(idp.token(), { applicationId: IDP1 })).toEqual(REFUSED);
    await idp.change({ applicationConfiguration: { [APP_A]: { enabled: false } } });
    expect(await refusal(idp.token())).toEqual(REFUSED);
  });

  it('JWT-S20: refuses an application that is not active', async () => {
    const application = service.catalog().applications.get(APP_N);
    if (application === undefined) throw new Error('no application');
    await idp.change({ applicationConfiguration: { [APP_N]: { enabled: true } } });
    expect(await status(idp.token(), { applicationId: APP_N })).toBe(200);
    await service.store.catalog.update('applications', { ...application, active: false }, []);
    await service.refreshCatalog();
    expect(await refusal(idp.token(), { applicationId: APP_N })).toEqual(REFUSED);
  });

  it('IDP-S29: is enabled per application', async () => {
    await idp.change({ applicationConfiguration: {} });
    expect(await refusal(idp.token())).toEqual(REFUSED);
    await idp.change({ applicationConfiguration: { [APP_A]: { enabled: true } } });
    expect(await status(idp.token())).toBe(200);
  });

  it('JWT-S21: refuses an unknown, a disabled and another tenant’s provider', async () => {
    expect(await refusal(idp.token(), { identityProviderId: APP_A })).toEqual(REFUSED);
    await idp.change({ enabled: false });
    expect(await refusal(idp.token())).toEqual(REFUSED);
    await idp.change({ tenantId: TEN2, applicationConfiguration: { [APP_T2]: { enabled: true } } });
    expect(await refusal(idp.token())).toEqual(REFUSED);
    expect(await status(idp.token(), { applicationId: APP_T2 })).toBe(200);
  });

  it('JWT-S20: knows no application of another tenant than the call is bound to', async () => {
    expect(await refusal(idp.token(), {}, { ...EVERYWHERE, tenantId: TEN2 })).toEqual(REFUSED);
  });

  it('compares the issuer where the provider names one', async () => {
    await idp.change({ issuer: 'https://acme.test' });
    expect(await refusal(idp.token())).toEqual(REFUSED);
    expect(await refusal(idp.token({ iss: 'https://acme.test/' }))).toEqual(REFUSED);
    expect(await status(idp.token({ iss: 'https://acme.test' }))).toBe(200);
  });
});

describe('the key of a token', () => {
  it('IDP-S37: is any of the verification keys, and no other', async () => {
    await idp.change({ verificationKeyIds: [K_ACME, K_2] });
    expect(await status(idp.token())).toBe(200);
    expect(await status(idp.token({}, {}, other))).toBe(200);
    expect(await refusal(idp.token({}, {}, testKey('ES256', 'acme-3')))).toEqual(REFUSED);
  });

  it('IDP-S38: is the default one for tokens without the header member, and for no others', async () => {
    const withoutKid = idp.token({}, { kid: undefined });
    expect(await status(withoutKid)).toBe(200);
    expect(await refusal(idp.token({}, { kid: 'unknown' }))).toEqual(REFUSED);
    await idp.change({ defaultKeyId: null });
    expect(await refusal(withoutKid)).toEqual(REFUSED);
  });

  it('IDP-S36: is named by the header member that the provider says, and `kid` is not looked at', async () => {
    const key = testKey('ES256', 'not-looked-at');
    const certificate = selfSignedCertificate(key);
    await importKey(service, K_CERTIFIED, { name: 'certified', kid: 'certified', certificate });
    const x5t = createHash('sha1').update(new X509Certificate(certificate).raw).digest('base64url');
    await idp.change({ headerKeyParameter: 'x5t', verificationKeyIds: [K_CERTIFIED], defaultKeyId: null });
    expect(await status(idp.token({}, { x5t }, key))).toBe(200);
    expect(await refusal(idp.token({}, { x5t: 'dGh1bWJwcmludA' }, key))).toEqual(REFUSED);
    expect(await refusal(idp.token({}, { kid: 'certified' }, key))).toEqual(REFUSED);
  });

  it('IDP-S36: may be named by a member of any name', async () => {
    await idp.change({ headerKeyParameter: 'key-name' });
    expect(await status(idp.token({}, { kid: 'ignored', 'key-name': 'acme-1' }))).toBe(200);
    expect(await refusal(idp.token({}, { 'key-name': 7 }))).toEqual(REFUSED);
    expect(await refusal(idp.token({}, { 'key-name': '' }))).toEqual(REFUSED);
  });

  it('IDP-P39: may stand in the older map of PEM texts, the empty name being the default', async () => {
    const keys = { '': publicPem(other), 'acme-1': publicPem(acme) };
    await idp.change({ keys, verificationKeyIds: [], defaultKeyId: null });
    expect(await status(idp.token())).toBe(200);
    expect(await status(idp.token({}, { kid: undefined }, other))).toBe(200);
    expect(await refusal(idp.token({}, {}, other))).toEqual(REFUSED);
    expect(await refusal(idp.token({}, { kid: 'constructor' }))).toEqual(REFUSED);
  });

  it('IDP-P40: may be a secret, which serves its own algorithm only', async () => {
    await idp.change({ verificationKeyIds: [K_MAC, K_2] });
    const claims = JSON.parse(Buffer.from(idp.token().split('.')[1] ?? '', 'base64url').toString());
    expect(await status(compact({ alg: 'HS256', kid: 'mac' }, claims, hmac(SECRET)))).toBe(200);
    expect(await refusal(idp.token({}, { kid: 'mac' }, other))).toEqual(REFUSED);
    const asSecret = compact({ alg: 'HS256', kid: 'acme-2' }, claims, hmac(publicPem(other)));
    expect(await refusal(asSecret)).toEqual(REFUSED);
  });

  it('may come from a key set, whose outage is 503 and not 401', async () => {
    const issuer = await startIdp();
    afterAll(() => issuer.close());
    const published = testKey('ES256', 'set-1');
    issuer.answerJwks(keySet([published.jwk]));
    await idp.change({ jwksUri: issuer.jwksUri });
    expect(await status(idp.token({}, {}, published))).toBe(200);
    expect(await refusal(idp.token({}, {}, testKey('ES256', 'set-1')))).toEqual(REFUSED);
    expect(await status(idp.token())).toBe(200);

    const dead = await startIdp();
    afterAll(() => dead.close());
    dead.answerJwks(statusOnly(500));
    await idp.change({ jwksUri: dead.jwksUri });
    expect(await refusal(idp.token({}, {}, published))).toEqual([503, null]);
  });

  it('is fetched by no address of the token', async () => {
    const trap = await startIdp();
    afterAll(() => trap.close());
    const jku = trap.jwksUri;
    expect(await refusal(idp.token({}, { jku, x5u: jku, kid: 'trap' }))).toEqual(REFUSED);
    expect(trap.hits()).toBe(0);
  });

  it('IDP-S52: is not looked for at the OAuth endpoints, which are only echoed', async () => {
    const stub = await startIdp();
    afterAll(() => stub.close());
    await idp.change({
      oauth2: { authorization_endpoint: `${stub.issuer}/a`, token_endpoint: `${stub.issuer}/t` },
    });
    expect(await status(idp.token())).toBe(200);
    expect(stub.hits()).toBe(0);
  });
});
