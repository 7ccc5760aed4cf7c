/** GET /api/jwt/issue: from one application to another. */
import { afterAll, describe, expect, it } from 'vitest';
import { startApi } from '../../support/api.ts';
import { APP_A, APP_B, APP_N, APP_S, APP_T2, loginTo, U1, U2 } from '../../support/token-fixtures.ts';
import { decodePart } from '../../support/tokens.ts';

const api = await startApi();
afterAll(() => api.close());

const UNKNOWN = '99999999-9999-4999-8999-999999999999';
const { token: at, refreshToken } = await loginTo(api.service, APP_A);
const rt = encodeURIComponent(refreshToken.value);
const issue = (query: string, headers = {}) =>
  api.call('GET', `/api/jwt/issue?${query}`, { auth: `Bearer ${at}`, headers });

describe('GET /api/jwt/issue', () => {
  it('gives a token for the other application, with the same end (JWT-S08)', async () => {
    api.clock.advanceMs(60_000);
    const { status, body } = await issue(`applicationId=${APP_B}`);
    const [before, after] = [decodePart(at, 1), decodePart(body.token, 1)];
    expect(status).toBe(200);
    expect(after).toMatchObject({ applicationId: APP_B, aud: APP_B, roles: ['user'], sub: U1 });
    expect(after['exp']).toBe(before['exp']);
    expect(after['iat']).toBe(Math.floor(api.clock() / 1000));
  });

  it('answers 202 without application claims to a user who is not registered (JWT-S09)', async () => {
    const { token } = await loginTo(api.service, APP_A, 'u2@acme.com');
    const { status, body } = await api.call('GET', `/api/jwt/issue?applicationId=${APP_B}`, {
      auth: `Bearer ${token}`,
    });
    const claims = decodePart(body.token, 1);
    expect([status, claims['sub'], claims['applicationId'], claims['roles']]).toEqual([
      202,
      U2,
      undefined,
      undefined,
    ]);
  });

  it.each(['', 'applicationId=x', 'applicationId=', 'applicationId=undefined'])(
    'names the application where the query is "%s" (JWT-S11)',
    async (query) => {
      const { status, body } = await issue(query);
      expect([status, Object.keys(body.fieldErrors)]).toEqual([400, ['applicationId']]);
    },
  );

  it.each([UNKNOWN, APP_T2])('does not know the application %s (JWT-S11)', async (id) => {
    const { status, body } = await issue(`applicationId=${id}`);
    expect([status, body.fieldErrors.applicationId[0].code]).toEqual([400, '[invalid]applicationId']);
  });

  it('gives a refresh token for a valid one in the parameter (JWT-S12)', async () => {
    const { status, body } = await issue(`applicationId=${APP_B}&refreshToken=${rt}`);
    expect(status).toBe(200);
    expect(body.refreshToken).toMatch(/^[\w-]{54}$/);
    expect(body.refreshToken).not.toBe(refreshToken.value);
  });

  it('takes the cookie before the parameter (JWT-S13)', async () => {
    const good = { Cookie: `refresh_token=${refreshToken.value}` };
    const bad = { Cookie: 'refresh_token=garbage' };
    const byCookie = await issue(`applicationId=${APP_B}&refreshToken=garbage`, good);
    const byParameter = await issue(`applicationId=${APP_B}&refreshToken=${rt}`, bad);
    expect(byCookie.body.refreshToken).toBeTypeOf('string');
    expect([byParameter.status, Object.keys(byParameter.body)]).toEqual([200, ['token']]);
  });

  it('gives none where the application makes none (JWT-S14)', async () => {
    const { status, body } = await issue(`applicationId=${APP_N}&refreshToken=${rt}`);
    expect([status, Object.keys(body)]).toEqual([200, ['token']]);
  });

  it('ignores a refresh token that is garbage, foreign or left out by the official client (JWT-S15)', async () => {
    const foreign = encodeURIComponent((await loginTo(api.service, APP_A, 'u2@acme.com')).refreshToken.value);
    for (const value of ['garbage', foreign, 'undefined']) {
      const { status, body } = await issue(`applicationId=${APP_B}&refreshToken=${value}`);
      expect([status, Object.keys(body)]).toEqual([200, ['token']]);
    }
  });

  it('keeps the start of the old one (JWT-S16)', async () => {
    const { body } = await issue(`applicationId=${APP_B}&refreshToken=${rt}`);
    const { body: all } = await api.admin('GET', `/api/jwt/refresh?userId=${U1}`);
    const find = (value: string) => all.refreshTokens.find(({ token }: { token: string }) => token === value);
    expect(find(body.refreshToken).startInstant).toBe(find(refreshToken.value).startInstant);
    expect(find(body.refreshToken).insertInstant).toBe(api.clock());
  });

  it('gives none where the expiration policies differ (JWT-S17)', async () => {
    const { status, body } = await issue(`applicationId=${APP_S}&refreshToken=${rt}`);
    expect([status, Object.keys(body)]).toEqual([200, ['token']]);
  });

  it('sets no cookies', async () => {
    expect((await issue(`applicationId=${APP_B}&refreshToken=${rt}`)).cookies.size).toBe(0);
  });
});
