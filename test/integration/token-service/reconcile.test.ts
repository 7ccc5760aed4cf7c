/** POST /api/jwt/reconcile: a foreign token becomes a login. */
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { API_SETTINGS, type ApiAnswer, startApi } from '../../support/api.ts';
import { IDP1 } from '../../support/identity-provider.ts';
import { APP_A, APP_B, APP_N, KEY, TEN2 } from '../../support/token-fixtures.ts';
import { base64url, decodePart, testKey } from '../../support/tokens.ts';

const api = await startApi({ trustedProxies: ['127.0.0.1'] });
afterAll(() => api.close());
afterEach(() => api.provider.change({}));

const UNKNOWN = '99999999-9999-4999-8999-999999999999';
let people = 0;
/** The token of someone whom nobody has seen. */
const newcomer = (claims = {}, header = {}) => {
  people += 1;
  return api.provider.token({ sub: `sub-${people}`, email: `someone${people}@acme.com`, ...claims }, header);
};
const reconcile = (members: object, headers = {}): Promise<ApiAnswer> =>
  api.call('POST', '/api/jwt/reconcile', {
    json: { applicationId: APP_A, identityProviderId: IDP1, ...members },
    headers,
  });
const withToken = (token: string, members = {}) => reconcile({ data: { token }, ...members });

describe('POST /api/jwt/reconcile', () => {
  it('logs the user in, without authentication (JWT-S18)', async () => {
    const { status, body } = await withToken(newcomer());
    expect([status, Object.keys(body).toSorted()]).toEqual([
      200,
      ['refreshToken', 'refreshTokenId', 'token', 'tokenExpirationInstant', 'user'],
    ]);
  });

  it('takes encodedJWT too, behind data.token (JWT-S19)', async () => {
    expect((await reconcile({ encodedJWT: newcomer() })).status).toBe(200);
    expect((await reconcile({ encodedJWT: 'garbage', data: { token: newcomer() } })).status).toBe(200);
    expect((await reconcile({ encodedJWT: newcomer(), data: { token: 'garbage' } })).status).toBe(401);
  });

  it.each([UNKNOWN, APP_B])('does not know the application %s (JWT-S20)', async (applicationId) => {
    const { status, text } = await withToken(newcomer(), { applicationId });
    expect([status, text]).toEqual([401, '']);
  });

  it('knows no provider that is unknown, disabled or of another tenant (JWT-S21)', async () => {
    const token = newcomer();
    const unknown = await withToken(token, { identityProviderId: UNKNOWN });
    await api.provider.change({ enabled: false });
    const disabled = await withToken(token);
    await api.provider.change({ tenantId: TEN2, applicationConfiguration: {} });
    const foreign = await withToken(token);
    expect([unknown, disabled, foreign].map(({ status, text }) => [status, text])).toEqual(
      Array(3).fill([401, '']),
    );
  });

  it('takes no token that its keys do not vouch for (JWT-S22)', async () => {
    const stranger = testKey('ES256', 'acme-1');
    const tokens = [
      api.provider.token({}, {}, stranger),
      api.provider.token({}, { kid: 'unknown' }),
      `${base64url({ alg: 'none', kid: 'acme-1' })}.${base64url(decodePart(newcomer(), 1))}.`,
      newcomer({ exp: Math.floor(api.clock() / 1000) - 1 }),
    ];
    for (const token of tokens) {
      const { status, text } = await withToken(token);
      expect([status, text]).toEqual([401, '']);
    }
  });

  it('needs the unique id (JWT-S23)', async () => {
    expect((await withToken(newcomer({ sub: undefined }))).status).toBe(401);
  });

  it('takes managed domains only, where there are some (JWT-S24)', async () => {
    const token = newcomer({ email: 'bob@other.com' });
    expect((await withToken(token)).status).toBe(401);
    await api.provider.change({ domains: [] });
    expect((await withToken(token)).status).toBe(200);
  });

  it.each([
    [{}, 'data.token'],
    [{ data: {} }, 'data.token'],
    [{ data: { token: 7 } }, 'data.token'],
    [{ applicationId: 'x', data: { token: 'x' } }, 'applicationId'],
    [{ applicationId: undefined, data: { token: 'x' } }, 'applicationId'],
    [{ identityProviderId: 7, data: { token: 'x' } }, 'identityProviderId'],
    [{ ipAddress: 'here', data: { token: 'x' } }, 'ipAddress'],
  ])('names the field of %j (JWT-S25)', async (members, field) => {
    const { status, body } = await reconcile(members);
    expect([status, Object.keys(body.fieldErrors)]).toEqual([400, [field]]);
  });

  it.each(['{', '[]', '"x"', 'null', ''])('refuses the body %s (JWT-S25)', async (text) => {
    const headers = { 'Content-Type': 'application/json' };
    const { status, body } = await api.call('POST', '/api/jwt/reconcile', { text, headers });
    expect(status).toBe(400);
    expect(Object.keys(body).length).toBeGreaterThan(0);
  });

  it('answers 404 where the user must exist (JWT-S26)', async () => {
    await api.provider.change({ linkingStrategy: 'LinkByEmailForExistingUser' });
    const { status, text } = await withToken(newcomer());
    expect([status, text]).toEqual([404, '']);
  });

  it('registers a new user with the default roles (JWT-S27)', async () => {
    const { body } = await withToken(newcomer());
    expect(body.user.registrations[0]).toMatchObject({ applicationId: APP_A, roles: ['user'] });
    expect(decodePart(body.token, 1)['roles']).toEqual(['user']);
  });

  it('takes the address from the body, then X-Forwarded-For, then the connection (JWT-S28)', async () => {
    const addresses = async (members: object, headers: Record<string, string>) => {
      const { body } = await reconcile({ data: { token: newcomer() }, ...members }, headers);
      const [record] = await api.service.store.loginRecords.list(body.user.id, 1);
      const { body: shown } = await api.admin('GET', `/api/jwt/refresh/${body.refreshTokenId}`);
      return [record?.ipAddress, shown.refreshToken.metaData.device.lastAccessedAddress];
    };
    const forwarded = { 'X-Forwarded-For': '203.0.113.9' };
    expect(await addresses({ ipAddress: '192.168.1.42' }, forwarded)).toEqual([
      '192.168.1.42',
      '192.168.1.42',
    ]);
    expect(await addresses({}, forwarded)).toEqual(['203.0.113.9', '203.0.113.9']);
    expect(await addresses({}, {})).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  it('keeps the device with the refresh token (JWT-S29)', async () => {
    const device = { name: 'Kitchen', description: 'The cold one', type: 'FRIDGE' };
    const { body } = await withToken(newcomer(), { metaData: { device } });
    const { body: shown } = await api.admin('GET', `/api/jwt/refresh/${body.refreshTokenId}`);
    expect(shown.refreshToken.metaData.device).toMatchObject(device);
  });

  it('gives a refresh token only where the application does, and to registered users (JWT-S30)', async () => {
    const { body: none } = await withToken(newcomer(), { applicationId: APP_N });
    expect(none).not.toHaveProperty('refreshToken');
    await api.provider.change({
      applicationConfiguration: { [APP_A]: { enabled: true, createRegistration: false } },
    });
    const { status, body } = await withToken(newcomer());
    expect([status, body.refreshToken, body.user.registrations]).toEqual([202, undefined, []]);
  });

  it('says when the token ends, and nothing without one (JWT-S32)', async () => {
    const { body } = await withToken(newcomer());
    expect(body.tokenExpirationInstant).toBe(Number(decodePart(body.token, 1)['exp']) * 1000);
    const { body: none, cookies } = await withToken(newcomer(), { noJWT: true });
    expect([Object.keys(none), cookies.size]).toEqual([['user'], 0]);
  });

  it('shows the user without anything of its password (JWT-S33)', async () => {
    const { body, text } = await withToken(newcomer());
    expect(Object.keys(body.user)).toEqual(
      expect.arrayContaining([
        'active',
        'data',
        'email',
        'id',
        'insertInstant',
        'lastLoginInstant',
        'lastUpdateInstant',
        'memberships',
        'registrations',
        'tenantId',
        'twoFactor',
        'usernameStatus',
        'verified',
      ]),
    );
    expect(body.user).toMatchObject({
      active: true,
      lastLoginInstant: api.clock(),
      usernameStatus: 'ACTIVE',
    });
    expect(text).not.toMatch(/"password"|passwordHash|salt/);
  });

  it('refuses deactivated users and ended accounts (JWT-S34)', async () => {
    const token = newcomer();
    const { body } = await withToken(token);
    const patch = (user: object) => api.admin('PATCH', `/api/user/${body.user.id}`, { user });
    await patch({ active: false });
    expect((await withToken(token)).status).toBe(404);
    await patch({ active: true, expiry: api.clock() - 1 });
    expect((await withToken(token)).status).toBe(410);
  });

  it('says nothing of why it is a 401, but to the operator (JWT-S101)', async () => {
    const before = api.records.length;
    const answers = [
      await withToken('garbage'),
      await withToken(newcomer({ sub: undefined })),
      await withToken(newcomer(), { applicationId: UNKNOWN }),
      await withToken(newcomer(), { identityProviderId: UNKNOWN }),
      await withToken(newcomer({ email: 'bob@other.com' })),
    ];
    const heads = answers.map(({ status, text, headers: { date: _, 'x-request-id': __, ...headers } }) =>
      JSON.stringify([status, text, headers]),
    );
    expect(new Set(heads).size).toBe(1);
    const reasons = new Set(api.records.slice(before).map(({ reason }) => reason));
    expect(reasons.size).toBe(5);
  });
});

describe('POST /api/identity-provider/login', () => {
  it('is the same operation (IDP-P08)', async () => {
    const token = newcomer();
    const json = { applicationId: APP_A, identityProviderId: IDP1, data: { token } };
    const login = await api.call('POST', '/api/identity-provider/login', { json });
    const { body } = await withToken(token);
    expect([login.status, login.body.user.id]).toEqual([200, body.user.id]);
    const unlinked = { ...json, data: { token: newcomer() }, noLink: true };
    const { status, text } = await api.call('POST', '/api/identity-provider/login', { json: unlinked });
    expect([status, text]).toEqual([404, '']);
  });
});

describe('pending links', () => {
  it('are made, shown and completed (IDP-P24)', async () => {
    await api.provider.change({ linkingStrategy: 'CreatePendingLink' });
    const token = newcomer();
    const { status, body } = await withToken(token);
    expect([status, Object.keys(body)]).toEqual([232, ['pendingIdPLinkId']]);
    const id = body.pendingIdPLinkId;
    const shown = await api.admin('GET', `/api/identity-provider/link/pending/${id}`);
    expect(shown.body.pendingIdPLink).toMatchObject({
      identityProviderId: IDP1,
      identityProviderUserId: `sub-${people}`,
    });
    const user = { email: `someone${people}@acme.com`, tenantId: '00000000-0000-4000-8000-000000000101' };
    const { body: made } = await api.admin('POST', '/api/user', { user });
    const identityProviderLink = { userId: made.user.id };
    const linked = await api.admin('POST', '/api/identity-provider/link', {
      pendingIdPLinkId: id,
      identityProviderLink,
    });
    expect(linked.status).toBe(200);
    expect((await withToken(token)).body.user.id).toBe(made.user.id);
    expect(JSON.stringify(api.records)).not.toContain(id);
  });
});

describe('many calls', () => {
  const limited = (change: object) =>
    startApi({ settings: { limits: { ...API_SETTINGS.limits, countsLoopback: true, ...change } } });
  const body = (token: string) => ({
    json: { applicationId: APP_A, identityProviderId: IDP1, data: { token } },
  });

  it('of one address are refused without a key, and others are not (D25, T13)', async () => {
    const few = await limited({ perAddressPerMinute: 3 });
    const statuses = [];
    for (let count = 0; count < 4; count += 1)
      statuses.push((await few.call('POST', '/api/jwt/reconcile', body('x'))).status);
    const refused = await few.call('GET', '/api/jwt/public-key');
    expect([statuses, refused.status, refused.headers['retry-after']]).toEqual([
      [401, 401, 401, 429],
      429,
      '20',
    ]);
    expect((await few.call('GET', '/api/tenant', { auth: KEY })).status).toBe(200);
    few.clock.advanceMs(20_000);
    expect((await few.call('GET', '/api/jwt/public-key')).status).toBe(200);
    await few.close();
  });

  it('for one provider are refused, whatever they hold (D25)', async () => {
    const few = await limited({ perIdentityProviderPerMinute: 2 });
    const statuses = [];
    for (let count = 0; count < 3; count += 1)
      statuses.push((await few.call('POST', '/api/jwt/reconcile', body(few.provider.token()))).status);
    expect(statuses).toEqual([200, 200, 429]);
    await few.close();
  });

  it('of this machine are not counted unless so configured (D25)', async () => {
    const few = await limited({ perAddressPerMinute: 1, countsLoopback: false });
    const statuses = [
      await few.call('GET', '/api/jwt/public-key'),
      await few.call('GET', '/api/jwt/public-key'),
    ];
    expect(statuses.map(({ status }) => status)).toEqual([200, 200]);
    await few.close();
  });
});
