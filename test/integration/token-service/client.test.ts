/** JWT-C94: the unmodified @fusionauth/typescript-client through every call of behaviour.md §6; `npm run test:client`. */
import {
  type ApplicationRequest,
  EventLogType,
  FusionAuthClient,
  type IdentityProviderRequest,
  type KeyRequest,
  type LambdaRequest,
  type WebhookRequest,
} from '@fusionauth/typescript-client';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { startApi } from '../../support/api.ts';
import { IDP1 } from '../../support/identity-provider.ts';
import {
  APP_A,
  APP_B,
  KEY,
  KEY_GET,
  loginTo,
  TEN1,
  TEN2,
  U1,
  U2,
  USER_PASSWORD,
} from '../../support/token-fixtures.ts';
import { decodePart, testKey } from '../../support/tokens.ts';

const api = await startApi();
afterAll(() => api.close());
afterEach(() => api.provider.change({}));

const UNKNOWN = '99999999-9999-4999-8999-999999999999';
const client = new FusionAuthClient(KEY, api.url);
const ofTenant2 = new FusionAuthClient(KEY, api.url, TEN2);
const tokens = async (applicationId = APP_A, loginId?: string) => {
  const { token, refreshToken } = await loginTo(api.service, applicationId, loginId);
  return { jwt: token, rt: refreshToken.value, id: refreshToken.id };
};

/** What a refused call is rejected with. */
async function refusal(
  call: Promise<unknown>,
): Promise<{ readonly statusCode: number; readonly exception: unknown }> {
  try {
    await call;
  } catch (response) {
    if (typeof response === 'object' && response !== null && 'statusCode' in response)
      return {
        statusCode: Number(response.statusCode),
        exception: 'exception' in response ? response.exception : undefined,
      };
    throw response;
  }
  throw new Error('the call went through');
}

describe('login and logout (JWT-C94)', () => {
  const request = { loginId: 'u1@acme.com', password: USER_PASSWORD, applicationId: APP_A };

  it('login()', async () => {
    const { statusCode, response } = await client.login(request);
    expect([statusCode, response.user?.id, response.refreshTokenId]).toEqual([200, U1, expect.any(String)]);
    expect((await refusal(client.login({ ...request, password: 'wrong' }))).statusCode).toBe(404);
  });

  it('logout() says text/plain and sends nothing', async () => {
    const { rt } = await tokens();
    expect((await client.logout(false, rt)).statusCode).toBe(200);
    expect((await refusal(client.exchangeRefreshTokenForJWT({ refreshToken: rt }))).statusCode).toBe(400);
  });

  it('logoutWithRequest()', async () => {
    const { rt } = await tokens();
    expect((await client.logoutWithRequest({ global: true, refreshToken: rt })).statusCode).toBe(200);
    expect((await refusal(client.exchangeRefreshTokenForJWT({ refreshToken: rt }))).statusCode).toBe(400);
  });
});

describe('access tokens (JWT-C94)', () => {
  it('issueJWT() with and without a refresh token, which is then the text undefined', async () => {
    const { jwt, rt } = await tokens();
    const both = await client.issueJWT(APP_B, jwt, rt);
    const alone = await client.issueJWT(APP_B, jwt, undefined as unknown as string);
    expect([both.statusCode, Object.keys(both.response)]).toEqual([200, ['token', 'refreshToken']]);
    expect([alone.statusCode, Object.keys(alone.response)]).toEqual([200, ['token']]);
    expect(await refusal(client.issueJWT(APP_B, 'x', rt))).toEqual({ statusCode: 401, exception: undefined });
  });

  it('validateJWT()', async () => {
    const { jwt } = await tokens();
    const { statusCode, response } = await client.validateJWT(jwt);
    expect([statusCode, response.jwt]).toEqual([200, decodePart(jwt, 1)]);
    expect(await refusal(client.validateJWT('x'))).toEqual({ statusCode: 401, exception: undefined });
  });

  it('vendJWT()', async () => {
    const { statusCode, response } = await client.vendJWT({ claims: { a: 1 }, timeToLiveInSeconds: 60 });
    expect([statusCode, decodePart(response.token ?? '', 1)['a']]).toEqual([200, 1]);
    const refused = await refusal(client.vendJWT({ keyId: UNKNOWN }));
    expect(refused).toMatchObject({
      statusCode: 400,
      exception: { fieldErrors: { keyId: expect.any(Array) } },
    });
    const { response: other } = await ofTenant2.vendJWT({});
    expect(decodePart(other.token ?? '', 0)['kid']).toBe('kid-t2');
  });

  it('retrieveJWTPublicKeys(), …ByApplicationId(), retrieveJWTPublicKey(), retrieveJsonWebKeySet()', async () => {
    const { response: all } = await client.retrieveJWTPublicKeys();
    const { response: ofApplication } = await client.retrieveJWTPublicKeyByApplicationId(APP_A);
    const { response: ofKid } = await client.retrieveJWTPublicKey('kid-rs');
    const { response: set } = await client.retrieveJsonWebKeySet();
    expect([ofApplication.publicKey, ofKid.publicKey]).toEqual(Array(2).fill(all.publicKeys?.['kid-rs']));
    expect(set.keys?.map(({ kid }) => kid).toSorted()).toEqual(Object.keys(all.publicKeys ?? {}).toSorted());
    expect((await refusal(client.retrieveJWTPublicKey('nope'))).statusCode).toBe(404);
  });
});

describe('reconcile (JWT-C94)', () => {
  const request = (email: string) => ({
    applicationId: APP_A,
    identityProviderId: IDP1,
    data: { token: api.provider.token({ sub: email, email }) },
  });

  it('reconcileJWT()', async () => {
    const { statusCode, response } = await client.reconcileJWT(request('one@acme.com'));
    expect([statusCode, response.user?.email]).toEqual([200, 'one@acme.com']);
    const bad = await refusal(client.reconcileJWT({ ...request('one@acme.com'), data: { token: 'x' } }));
    expect(bad).toEqual({ statusCode: 401, exception: undefined });
  });

  it('identityProviderLogin(), with noLink and as a pending link', async () => {
    expect((await client.identityProviderLogin(request('two@acme.com'))).statusCode).toBe(200);
    const unlinked = { ...request('three@acme.com'), noLink: true };
    expect((await refusal(client.identityProviderLogin(unlinked))).statusCode).toBe(404);
    await api.provider.change({ linkingStrategy: 'CreatePendingLink' });
    const { statusCode, response } = await client.identityProviderLogin(request('four@acme.com'));
    const { response: pending } = await client.retrievePendingLink(response.pendingIdPLinkId ?? '', U2);
    expect([statusCode, pending.pendingIdPLink?.identityProviderUserId]).toEqual([232, 'four@acme.com']);
  });
});

describe('refresh tokens (JWT-C94)', () => {
  const isDead = async (refreshToken: string) =>
    await client.exchangeRefreshTokenForJWT({ refreshToken }).then(
      () => false,
      ({ statusCode }: { readonly statusCode: number }) => statusCode === 400,
    );

  it('exchangeRefreshTokenForJWT()', async () => {
    const { rt, jwt, id } = await tokens();
    const request = { refreshToken: rt, token: jwt, timeToLiveInSeconds: 60 };
    const { statusCode, response } = await client.exchangeRefreshTokenForJWT(request);
    expect([statusCode, response.refreshToken, response.refreshTokenId]).toEqual([200, rt, id]);
    const refused = await refusal(client.exchangeRefreshTokenForJWT({ refreshToken: 'x' }));
    expect(refused).toMatchObject({
      statusCode: 400,
      exception: { fieldErrors: { refreshToken: expect.any(Array) } },
    });
  });

  it('retrieveRefreshTokens(), retrieveRefreshTokenById()', async () => {
    const { rt, id } = await tokens(APP_A, 'u2@acme.com');
    const { response: one } = await client.retrieveRefreshTokenById(id);
    const { response: all } = await client.retrieveRefreshTokens(U2);
    expect(one.refreshToken).toMatchObject({ id, token: rt, userId: U2, applicationId: APP_A });
    expect(all.refreshTokens).toContainEqual(one.refreshToken);
    expect((await refusal(client.retrieveRefreshTokenById(UNKNOWN))).statusCode).toBe(404);
    expect((await refusal(ofTenant2.retrieveRefreshTokenById(id))).statusCode).toBe(404);
  });

  it('revokeRefreshTokenById(), revokeRefreshTokenByToken(), and the older revokeRefreshToken()', async () => {
    const [a, b, c] = [await tokens(), await tokens(), await tokens()];
    expect((await client.revokeRefreshTokenById(a.id)).statusCode).toBe(200);
    expect((await client.revokeRefreshTokenByToken(b.rt)).statusCode).toBe(200);
    const absent = undefined as unknown as string;
    expect((await client.revokeRefreshToken(c.rt, absent, absent)).statusCode).toBe(200);
    expect(await Promise.all([isDead(a.rt), isDead(b.rt), isDead(c.rt)])).toEqual([true, true, true]);
    expect((await refusal(client.revokeRefreshTokenById(a.id))).statusCode).toBe(404);
  });

  it('revokeRefreshTokensByUserIdForApplication(), …ByUserId(), …ByApplicationId()', async () => {
    const both = async () => [await tokens(APP_A), await tokens(APP_B)] as const;
    const [a, b] = await both();
    expect((await client.revokeRefreshTokensByUserIdForApplication(U1, APP_A)).statusCode).toBe(200);
    expect([await isDead(a.rt), await isDead(b.rt)]).toEqual([true, false]);
    expect((await client.revokeRefreshTokensByUserId(U1)).statusCode).toBe(200);
    expect(await isDead(b.rt)).toBe(true);
    const [c, d] = await both();
    expect((await client.revokeRefreshTokensByApplicationId(APP_B)).statusCode).toBe(200);
    expect([await isDead(c.rt), await isDead(d.rt)]).toEqual([false, true]);
  });

  it('revokeRefreshTokensWithRequest() sends a body with DELETE', async () => {
    const [a, b] = [await tokens(APP_A), await tokens(APP_B)];
    expect((await client.revokeRefreshTokensWithRequest({ token: a.rt })).statusCode).toBe(200);
    expect(
      (await client.revokeRefreshTokensWithRequest({ userId: U1, applicationId: APP_B })).statusCode,
    ).toBe(200);
    expect([await isDead(a.rt), await isDead(b.rt)]).toEqual([true, true]);
  });

  it('needs a key that permits it', async () => {
    const reader = new FusionAuthClient(KEY_GET, api.url);
    expect((await reader.retrieveRefreshTokens(U1)).statusCode).toBe(200);
    const refused = await refusal(reader.revokeRefreshTokensByUserId(U1));
    expect(refused).toEqual({ statusCode: 401, exception: undefined });
  });
});

describe('identity providers (JWT-C94)', () => {
  const request = (name: string, more = {}): IdentityProviderRequest =>
    ({ identityProvider: { type: 'ExternalJWT', name, ...more } }) as IdentityProviderRequest;

  it('createIdentityProvider(), retrieve…(), update…(), patch…(), delete…()', async () => {
    const { response: made } = await client.createIdentityProvider(UNKNOWN, request('by client'));
    expect(made.identityProvider).toMatchObject({
      id: UNKNOWN,
      enabled: false,
      linkingStrategy: 'LinkByEmail',
    });
    expect((await client.retrieveIdentityProvider(UNKNOWN)).response).toEqual(made);
    const put = await client.updateIdentityProvider(UNKNOWN, request('renamed'));
    const patched = await client.patchIdentityProvider(UNKNOWN, {
      identityProvider: { debug: true },
    } as IdentityProviderRequest);
    expect(put.response.identityProvider?.name).toBe('renamed');
    expect(patched.response.identityProvider).toMatchObject({ name: 'renamed', debug: true });
    expect((await client.deleteIdentityProvider(UNKNOWN)).statusCode).toBe(200);
    expect((await refusal(client.retrieveIdentityProvider(UNKNOWN))).statusCode).toBe(404);
    const nameless = await refusal(client.createIdentityProvider(UNKNOWN, { identityProvider: {} }));
    expect(nameless).toMatchObject({
      exception: { fieldErrors: { 'identityProvider.name': expect.any(Array) } },
    });
  });

  it('retrieveIdentityProviders(), …ByType(), searchIdentityProviders()', async () => {
    const { response: all } = await client.retrieveIdentityProviders();
    const { response: ofType } = await client.retrieveIdentityProviderByType('ExternalJWT' as never);
    const { response: found } = await client.searchIdentityProviders({ search: { name: 'acme' } });
    expect(all.identityProviders?.map(({ id }) => id)).toEqual([IDP1]);
    expect([ofType.identityProviders, found.identityProviders]).toEqual(Array(2).fill(all.identityProviders));
    expect(found.total).toBe(1);
  });

  it('lookupIdentityProvider(), …ByTenantId()', async () => {
    const { response } = await client.lookupIdentityProvider('jenny@acme.com');
    const { response: byTenant } = await client.lookupIdentityProviderByTenantId('acme.com', TEN1);
    expect([response.identityProvider?.id, byTenant.identityProvider?.id]).toEqual([IDP1, IDP1]);
    expect((await refusal(client.lookupIdentityProvider('other.com'))).statusCode).toBe(404);
  });

  it('createUserLink(), retrieveUserLink(), retrieveUserLinksByUserId(), deleteUserLink()', async () => {
    const link = { identityProviderId: IDP1, identityProviderUserId: 'at-acme', userId: U1 };
    const { response: made } = await client.createUserLink({ identityProviderLink: link });
    expect(made.identityProviderLink).toMatchObject(link);
    expect((await client.retrieveUserLink(IDP1, 'at-acme', U1)).response).toEqual(made);
    const { response: all } = await client.retrieveUserLinksByUserId(IDP1, U1);
    expect(all.identityProviderLinks).toEqual([made.identityProviderLink]);
    expect((await client.deleteUserLink(IDP1, 'at-acme', U1)).statusCode).toBe(200);
    expect((await refusal(client.retrieveUserLink(IDP1, 'at-acme', U1))).statusCode).toBe(404);
  });
});

describe('neighbours (JWT-C94)', () => {
  const absent = undefined as unknown as string;

  it('generateKey(), importKey(), retrieveKey(), retrieveKeys(), updateKey(), deleteKey()', async () => {
    const generated = await client.generateKey(absent, {
      key: { name: 'g', algorithm: 'ES256' },
    } as KeyRequest);
    const publicKey = testKey('RS256', 'imported')
      .publicKey.export({ format: 'pem', type: 'spki' })
      .toString();
    const imported = await client.importKey(UNKNOWN, { key: { name: 'i', kid: 'imported', publicKey } });
    expect(generated.response.key).toMatchObject({ algorithm: 'ES256', hasPrivateKey: true });
    expect(imported.response.key).toMatchObject({ id: UNKNOWN, kid: 'imported', hasPrivateKey: false });
    expect((await client.updateKey(UNKNOWN, { key: { name: 'j' } })).response.key?.name).toBe('j');
    expect((await client.retrieveKey(UNKNOWN)).response.key?.name).toBe('j');
    expect((await client.retrieveKeys()).response.keys?.map(({ name }) => name)).toContain('g');
    expect((await client.deleteKey(UNKNOWN)).statusCode).toBe(200);
  });

  it('createLambda(), retrieveLambda(), deleteLambda()', async () => {
    const lambda = { name: 'l', type: 'JWTPopulate', body: 'function populate(jwt) {}' };
    await client.createLambda(UNKNOWN, { lambda } as LambdaRequest);
    expect((await client.retrieveLambda(UNKNOWN)).response.lambda).toMatchObject(lambda);
    expect((await client.deleteLambda(UNKNOWN)).statusCode).toBe(200);
  });

  it('createWebhook(), retrieveWebhook(), deleteWebhook()', async () => {
    const webhook = { url: 'https://hooks.test/c', connectTimeout: 1000, readTimeout: 1000, global: true };
    await client.createWebhook(UNKNOWN, { webhook } as WebhookRequest);
    expect((await client.retrieveWebhook(UNKNOWN)).response.webhook).toMatchObject(webhook);
    expect((await client.deleteWebhook(UNKNOWN)).statusCode).toBe(200);
  });

  it('createTenant(), retrieveTenant(), retrieveTenants(), patchTenant(), deleteTenant()', async () => {
    await client.createTenant(UNKNOWN, { tenant: { name: 't', issuer: 't.test' } });
    expect((await client.retrieveTenant(UNKNOWN)).response.tenant?.issuer).toBe('t.test');
    expect((await client.retrieveTenants()).response.tenants).toHaveLength(3);
    expect((await client.patchTenant(UNKNOWN, { tenant: { issuer: 'u.test' } })).response.tenant?.name).toBe(
      't',
    );
    expect((await client.deleteTenant(UNKNOWN)).statusCode).toBe(200);
  });

  it('createApplication(), retrieveApplication(), deactivateApplication(), deleteApplication()', async () => {
    const application = { name: 'a', roles: [{ name: 'r', isDefault: true }] };
    const { response } = await ofTenant2.createApplication(UNKNOWN, { application } as ApplicationRequest);
    expect(response.application?.tenantId).toBe(TEN2);
    expect((await client.deactivateApplication(UNKNOWN)).statusCode).toBe(200);
    expect((await client.retrieveApplication(UNKNOWN)).response.application?.active).toBe(false);
    expect((await client.deleteApplication(UNKNOWN)).statusCode).toBe(200);
    expect((await refusal(client.retrieveApplication(UNKNOWN))).statusCode).toBe(404);
  });

  it('createAPIKey(), retrieveAPIKey(), deleteAPIKey()', async () => {
    const { response } = await client.createAPIKey(UNKNOWN, { apiKey: { tenantId: TEN1 } });
    const made = new FusionAuthClient(response.apiKey?.key ?? '', api.url);
    expect((await made.retrieveUser(U1)).statusCode).toBe(200);
    expect((await client.retrieveAPIKey(UNKNOWN)).response.apiKey?.key).toBeUndefined();
    await client.deleteAPIKey(UNKNOWN);
    expect((await refusal(made.retrieveUser(U1))).statusCode).toBe(401);
  });

  it('createUser(), retrieveUser…(), patchUser(), deactivateUser(), reactivateUser(), deleteUser()', async () => {
    const user = { email: 'made@acme.com', password: USER_PASSWORD, tenantId: TEN1 };
    await client.createUser(UNKNOWN, { user });
    expect((await client.retrieveUserByEmail(user.email)).response.user?.id).toBe(UNKNOWN);
    expect((await client.patchUser(UNKNOWN, { user: { firstName: 'M' } })).response.user?.firstName).toBe(
      'M',
    );
    await client.deactivateUser(UNKNOWN);
    expect((await client.retrieveUser(UNKNOWN)).response.user?.active).toBe(false);
    expect((await client.reactivateUser(UNKNOWN)).response.user?.active).toBe(true);
    await client.deleteUser(UNKNOWN);
    expect((await refusal(client.retrieveUser(UNKNOWN))).statusCode).toBe(404);
  });

  it('register(), retrieveRegistration(), patchRegistration(), deleteRegistration()', async () => {
    const user = { email: 'reg@acme.com', tenantId: TEN1 };
    const { response } = await client.register(UNKNOWN, { user, registration: { applicationId: APP_A } });
    expect([response.user?.id, response.registration?.roles]).toEqual([UNKNOWN, ['user']]);
    const registration = { applicationId: APP_A, roles: ['admin'] };
    await client.patchRegistration(UNKNOWN, { registration });
    expect((await client.retrieveRegistration(UNKNOWN, APP_A)).response.registration?.roles).toEqual([
      'admin',
    ]);
    expect((await client.deleteRegistration(UNKNOWN, APP_A)).statusCode).toBe(200);
  });

  it('searchEventLogs(), retrieveEventLog()', async () => {
    await api.provider.change({ debug: true });
    const data = { token: api.provider.token({ sub: 'logged', email: 'logged@acme.com' }) };
    await client.reconcileJWT({ applicationId: APP_A, identityProviderId: IDP1, data });
    const { response } = await client.searchEventLogs({
      search: { type: EventLogType.Debug, message: 'logged' },
    });
    const [entry] = response.eventLogs ?? [];
    expect((await client.retrieveEventLog(entry?.id ?? 0)).response.eventLog).toEqual(entry);
  });
});
