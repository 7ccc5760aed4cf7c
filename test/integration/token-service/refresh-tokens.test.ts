/** Refresh tokens shown and revoked. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { startApi } from '../../support/api.ts';
import { APP_A, APP_B, loginTo, U1, U2 } from '../../support/token-fixtures.ts';

const api = await startApi();
afterAll(() => api.close());

const URL = '/api/jwt/refresh';
const UNKNOWN = '99999999-9999-4999-8999-999999999999';
const login = (applicationId: string, loginId?: string) => loginTo(api.service, applicationId, loginId);
const alive = async (value: string) =>
  (await api.call('POST', URL, { json: { refreshToken: value } })).status === 200;

describe('GET /api/jwt/refresh', () => {
  it('shows one by id (JWT-S57)', async () => {
    const { refreshToken } = await login(APP_A);
    const { status, body } = await api.admin('GET', `${URL}/${refreshToken.id}`);
    expect(status).toBe(200);
    expect(body.refreshToken).toEqual({
      applicationId: APP_A,
      id: refreshToken.id,
      insertInstant: api.clock(),
      metaData: { device: { lastAccessedInstant: api.clock() }, scopes: [] },
      startInstant: api.clock(),
      token: refreshToken.value,
      userId: U1,
    });
  });

  it('shows none that is unknown or revoked (JWT-S58)', async () => {
    const { refreshToken } = await login(APP_A);
    await api.admin('DELETE', `${URL}/${refreshToken.id}`);
    for (const id of [UNKNOWN, refreshToken.id]) {
      const { status, text } = await api.admin('GET', `${URL}/${id}`);
      expect([status, text]).toEqual([404, '']);
    }
    const { status, body } = await api.admin('GET', `${URL}/x`);
    expect([status, Object.keys(body.fieldErrors)]).toEqual([400, ['tokenId']]);
  });

  it('shows all of a user (JWT-S59)', async () => {
    await login(APP_A, 'u2@acme.com');
    const { body } = await api.admin('GET', `${URL}?userId=${U2}`);
    expect(body.refreshTokens.map(({ userId }: { userId: string }) => userId)).toEqual([U2]);
    expect((await api.admin('GET', `${URL}?userId=${UNKNOWN}`)).body).toEqual({ refreshTokens: [] });
    const { status, body: refused } = await api.admin('GET', URL);
    expect([status, Object.keys(refused.fieldErrors)]).toEqual([400, ['userId']]);
  });

  it('shows when and from where it was used last (JWT-S60)', async () => {
    const { refreshToken } = await login(APP_A);
    api.clock.advanceMs(5000);
    await alive(refreshToken.value);
    const { body } = await api.admin('GET', `${URL}/${refreshToken.id}`);
    expect(body.refreshToken.metaData.device).toEqual({
      lastAccessedAddress: '127.0.0.1',
      lastAccessedInstant: api.clock(),
    });
  });

  it('needs an API key (JWT-S61)', async () => {
    const { token, refreshToken } = await login(APP_A);
    const { status } = await api.call('GET', `${URL}/${refreshToken.id}`, { auth: `Bearer ${token}` });
    expect(status).toBe(401);
  });
});

describe('DELETE /api/jwt/refresh', () => {
  type Login = Awaited<ReturnType<typeof login>>;
  let tokens: { u1a: Login; u1b: Login; u2a: Login };

  beforeEach(async () => {
    tokens = { u1a: await login(APP_A), u1b: await login(APP_B), u2a: await login(APP_A, 'u2@acme.com') };
  });

  const living = async () => {
    const { u1a, u1b, u2a } = tokens;
    return [
      await alive(u1a.refreshToken.value),
      await alive(u1b.refreshToken.value),
      await alive(u2a.refreshToken.value),
    ];
  };

  it('revokes all of an application (JWT-S62)', async () => {
    const { status, text } = await api.admin('DELETE', `${URL}?applicationId=${APP_A}`);
    expect([status, text]).toEqual([200, '']);
    expect(await living()).toEqual([false, true, false]);
  });

  it('revokes all of a user (JWT-S63)', async () => {
    expect((await api.admin('DELETE', `${URL}?userId=${U1}`)).status).toBe(200);
    expect(await living()).toEqual([false, false, true]);
  });

  it('revokes those of a user in an application (JWT-S64)', async () => {
    expect((await api.admin('DELETE', `${URL}?applicationId=${APP_A}&userId=${U1}`)).status).toBe(200);
    expect(await living()).toEqual([false, true, true]);
  });

  it('revokes one by id with an API key, once (JWT-S65)', async () => {
    const target = `${URL}/${tokens.u1a.refreshToken.id}`;
    expect((await api.admin('DELETE', target)).status).toBe(200);
    expect((await api.admin('DELETE', target)).status).toBe(404);
    expect(await living()).toEqual([false, true, true]);
  });

  it('revokes one by id for its owner only (JWT-S66)', async () => {
    const target = `${URL}/${tokens.u1a.refreshToken.id}`;
    const foreign = await api.call('DELETE', target, { auth: `Bearer ${tokens.u2a.token}` });
    expect([foreign.status, await living()]).toEqual([401, [true, true, true]]);
    expect((await api.call('DELETE', target, { auth: `Bearer ${tokens.u1a.token}` })).status).toBe(200);
    expect(await living()).toEqual([false, true, true]);
  });

  it('revokes one by its value in the query (JWT-S67)', async () => {
    const { value } = tokens.u1a.refreshToken;
    const encoded = [...value].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('');
    const { status } = await api.call('DELETE', `${URL}?token=${encoded}`, {
      auth: `Bearer ${tokens.u1a.token}`,
    });
    expect([status, await living()]).toEqual([200, [false, true, true]]);
  });

  it('revokes one by its value in a form, which no record shows (JWT-S68)', async () => {
    const { value } = tokens.u1a.refreshToken;
    const { status } = await api.call('DELETE', URL, {
      auth: `Bearer ${tokens.u1a.token}`,
      text: `token=${encodeURIComponent(value)}`,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    expect([status, await living()]).toEqual([200, [false, true, true]]);
    expect(JSON.stringify(api.records)).not.toContain(value);
    expect(api.log.join('\n')).not.toContain(value);
  });

  it('revokes by a JSON body (JWT-P69)', async () => {
    const { value } = tokens.u1a.refreshToken;
    expect((await api.admin('DELETE', URL, { token: value })).status).toBe(200);
    expect((await api.admin('DELETE', URL, { userId: U1, applicationId: APP_B })).status).toBe(200);
    expect(await living()).toEqual([false, false, true]);
  });

  it('lets only API keys revoke by user or application (JWT-S70)', async () => {
    const auth = `Bearer ${tokens.u1a.token}`;
    expect((await api.call('DELETE', `${URL}?userId=${U1}`, { auth })).status).toBe(401);
    expect((await api.call('DELETE', `${URL}?applicationId=${APP_A}`, { auth })).status).toBe(401);
    expect(await living()).toEqual([true, true, true]);
  });

  it('answers 404 to what is unknown, and 400 where nothing is named (JWT-S71)', async () => {
    for (const query of ['token=unknown', `userId=${UNKNOWN}`, `applicationId=${UNKNOWN}`])
      expect((await api.admin('DELETE', `${URL}?${query}`)).status).toBe(404);
    for (const query of ['', '?userId=undefined&applicationId=undefined', '?userId=', '?token='])
      expect((await api.admin('DELETE', `${URL}${query}`)).status).toBe(400);
    expect(await living()).toEqual([true, true, true]);
  });

  it('does not guess where query and body, or two parameters, say two things', async () => {
    const twice = await api.admin('DELETE', `${URL}?userId=${U1}`, { userId: U2 });
    const repeated = await api.admin('DELETE', `${URL}?userId=${U1}&userId=${U2}`);
    expect([twice.status, repeated.status, await living()]).toEqual([400, 400, [true, true, true]]);
  });

  it('answers without a body (JWT-S72)', async () => {
    const { headers, text } = await api.admin('DELETE', `${URL}/${tokens.u1a.refreshToken.id}`);
    expect([headers['content-length'], headers['content-type'], text]).toEqual(['0', undefined, '']);
  });

  it('tells webhooks once of each call (JWT-S73)', async () => {
    const before = api.events.length;
    await api.admin('DELETE', `${URL}/${tokens.u1a.refreshToken.id}`);
    await api.admin('DELETE', `${URL}?userId=${U1}`);
    await api.admin('DELETE', `${URL}?applicationId=${APP_A}`);
    const [one, user, application, ...more] = api.events.slice(before);
    const ttl = { [APP_A]: 3600 };
    expect(more).toEqual([]);
    expect(one?.body).toMatchObject({
      applicationId: APP_A,
      userId: U1,
      applicationTimeToLiveInSeconds: ttl,
    });
    expect(one?.body['refreshToken']).toMatchObject({ id: tokens.u1a.refreshToken.id });
    expect(user?.body).toMatchObject({ userId: U1, user: { id: U1 } });
    expect(application?.body).toMatchObject({ applicationId: APP_A, applicationTimeToLiveInSeconds: ttl });
  });
});
