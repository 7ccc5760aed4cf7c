/** Tenants: what a call may see, by header or by the lock of its API key. */
import { afterAll, describe, expect, it } from 'vitest';
import { startApi } from '../../support/api.ts';
import { APP_A, KEY_T2, loginTo, TEN1, TEN2, U1 } from '../../support/token-fixtures.ts';
import { decodePart } from '../../support/tokens.ts';

const api = await startApi();
afterAll(() => api.close());

const { refreshToken } = await loginTo(api.service, APP_A);
const HEADER = 'X-FusionAuth-TenantId';
const scoped = (method: string, target: string, tenantId: string) =>
  api.admin(method, target, undefined, { [HEADER]: tenantId });

describe(HEADER, () => {
  it('may be left out where the tenant follows from the request (JWT-S85)', async () => {
    expect((await api.admin('GET', `/api/jwt/refresh/${refreshToken.id}`)).status).toBe(200);
    expect((await api.admin('GET', `/api/user/${U1}`)).status).toBe(200);
    expect((await api.admin('GET', `/api/application/${APP_A}`)).status).toBe(200);
  });

  it('hides what is of other tenants (JWT-S86)', async () => {
    expect((await scoped('GET', `/api/jwt/refresh/${refreshToken.id}`, TEN2)).status).toBe(404);
    expect((await scoped('GET', `/api/jwt/refresh?userId=${U1}`, TEN2)).body).toEqual({ refreshTokens: [] });
    expect((await scoped('DELETE', `/api/jwt/refresh?userId=${U1}`, TEN2)).status).toBe(404);
    expect((await scoped('GET', `/api/user/${U1}`, TEN2)).status).toBe(404);
    expect((await scoped('GET', `/api/application/${APP_A}`, TEN2)).status).toBe(404);
  });

  it('shows what is of the tenant (JWT-S86)', async () => {
    expect((await scoped('GET', `/api/jwt/refresh/${refreshToken.id}`, TEN1)).status).toBe(200);
    expect((await scoped('GET', `/api/jwt/refresh?userId=${U1}`, TEN1)).body.refreshTokens).toHaveLength(1);
    expect((await scoped('DELETE', `/api/jwt/refresh?userId=${U1}`, TEN1)).status).toBe(200);
  });

  it.each(['x', '', `${TEN1} `.repeat(2)])('is one UUID, not "%s" (JWT-S86)', async (value) => {
    const { status, body } = await scoped('GET', `/api/user/${U1}`, value);
    expect([status, Object.keys(body.fieldErrors)]).toEqual([400, [HEADER]]);
  });

  it('counts on calls without authentication too (JWT-S86)', async () => {
    const { refreshToken: fresh } = await loginTo(api.service, APP_A);
    const refresh = (tenantId: string) =>
      api.call('POST', '/api/jwt/refresh', {
        json: { refreshToken: fresh.value },
        headers: { [HEADER]: tenantId },
      });
    expect((await refresh(TEN2)).status).toBe(400);
    expect((await refresh(TEN1)).status).toBe(200);
  });
});

describe('an API key of a tenant', () => {
  it('sees and uses what is of its tenant (JWT-S87)', async () => {
    const hidden = await api.call('GET', `/api/jwt/refresh/${refreshToken.id}`, { auth: KEY_T2 });
    const vended = await api.call('POST', '/api/jwt/vend', { auth: KEY_T2, json: {} });
    const { exp, iat } = decodePart(vended.body.token, 1);
    expect(hidden.status).toBe(404);
    expect([decodePart(vended.body.token, 0)['kid'], Number(exp) - Number(iat)]).toEqual(['kid-t2', 600]);
  });

  it('does not reach another tenant by the header (JWT-S87)', async () => {
    const { status } = await api.call('GET', `/api/user/${U1}`, {
      auth: KEY_T2,
      headers: { [HEADER]: TEN1 },
    });
    expect(status).toBe(401);
  });

  it('makes objects of its tenant only (JWT-S87)', async () => {
    const application = { name: 'mine', tenantId: TEN1 };
    const foreign = await api.call('POST', '/api/application', { auth: KEY_T2, json: { application } });
    const own = await api.call('POST', '/api/application', {
      auth: KEY_T2,
      json: { application: { name: 'mine' } },
    });
    expect([foreign.status, own.body.application.tenantId]).toEqual([400, TEN2]);
  });
});
