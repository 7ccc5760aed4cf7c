/** Cookies as they are written and read, and calls that pages of other sites make with them. */
import { afterAll, describe, expect, it } from 'vitest';
import { API_SETTINGS, startApi } from '../../support/api.ts';
import { CERT, KEY as TLS_KEY } from '../../support/certificates.ts';
import { IDP1 } from '../../support/identity-provider.ts';
import { APP_A, APP_B, KEY, loginTo, USER_PASSWORD } from '../../support/token-fixtures.ts';

const api = await startApi({ trustedProxies: ['127.0.0.1'] });
afterAll(() => api.close());

const REFRESH_TTL_SECONDS = 43_200 * 60;
const login = { loginId: 'u1@acme.com', password: USER_PASSWORD, applicationId: APP_A };
const { token: at, refreshToken: rt } = await loginTo(api.service, APP_A);
const cookie = { Cookie: `access_token=${at}; refresh_token=${rt.value}` };
const refresh = (headers: Record<string, string>, text?: string) =>
  api.call('POST', '/api/jwt/refresh', {
    headers: { ...cookie, ...headers },
    ...(text === undefined ? {} : { text }),
  });

describe('cookies of the answer', () => {
  it('of reconcile are a session cookie and one that lives as long as its token (JWT-S31, B01)', async () => {
    const json = { applicationId: APP_A, identityProviderId: IDP1, data: { token: api.provider.token() } };
    const { body, cookies } = await api.call('POST', '/api/jwt/reconcile', { json });
    const expires = new Date(api.clock() + REFRESH_TTL_SECONDS * 1000).toUTCString();
    expect(cookies.get('access_token')).toBe(`access_token=${body.token}; Path=/; HttpOnly; SameSite=Lax`);
    expect(cookies.get('refresh_token')).toBe(
      `refresh_token=${body.refreshToken}; Path=/; Max-Age=${REFRESH_TTL_SECONDS}; Expires=${expires}; HttpOnly; SameSite=Lax`,
    );
  });

  it('of refresh hold what the body does, for what is left of the life (JWT-S52)', async () => {
    api.clock.advanceMs(3_600_000);
    const { body, cookies } = await refresh({});
    expect(cookies.get('access_token')).toContain(`access_token=${body.token};`);
    expect(cookies.get('access_token')).not.toMatch(/Max-Age|Expires/);
    expect(cookies.get('refresh_token')).toContain(`refresh_token=${body.refreshToken};`);
    expect(cookies.get('refresh_token')).toContain(`Max-Age=${REFRESH_TTL_SECONDS - 3600};`);
    api.clock.advanceMs(-3_600_000);
  });

  it('are Secure where the client came over https (JWT-S31, B01)', async () => {
    const https = await api.admin('POST', '/api/login', login, { 'X-Forwarded-Proto': 'https' });
    for (const line of https.cookies.values()) expect(line).toMatch(/; Secure/);
  });

  it('are Secure over TLS (GW-C13, B01)', async () => {
    const tls = {
      certificate: CERT,
      privateKey: TLS_KEY,
      minVersion: 'TLSv1.2',
      clientAuthorities: null,
    } as const;
    const other = await startApi({ tls });
    const { cookies } = await other.admin('POST', '/api/login', login);
    expect(cookies.size).toBe(2);
    for (const line of cookies.values()) expect(line).toMatch(/; Secure/);
    await other.close();
  });

  it('follow the settings', async () => {
    const cookies = { path: '/api', sameSite: 'Strict', secure: true, domain: 'acme.com' } as const;
    const other = await startApi({ settings: { ...API_SETTINGS, cookies } });
    const answer = await other.admin('POST', '/api/login', login);
    for (const line of answer.cookies.values())
      expect(line).toMatch(/; Path=\/api; Domain=acme\.com;.* HttpOnly; Secure; SameSite=Strict$/);
    await other.close();
  });
});

describe('cookies of the request', () => {
  it.each([
    `refresh_token=${rt.value}; refresh_token=${rt.value}`,
    `refresh_token=${rt.value}; $Version=1`,
    `refresh_token=${'x'.repeat(4097)}`,
  ])('that are ambiguous are refused: %s (B03)', async (value) => {
    expect((await api.call('POST', '/api/jwt/refresh', { headers: { Cookie: value } })).status).toBe(400);
  });

  it('of other names do not matter', async () => {
    const Cookie = `a=1; a=2; b; =c; refresh_token=${rt.value}; refresh_token2=x; REFRESH_TOKEN=y`;
    expect((await api.call('POST', '/api/jwt/refresh', { headers: { Cookie } })).status).toBe(200);
  });

  it('that are empty, as after logout, are none', async () => {
    const headers = { Cookie: 'refresh_token=; access_token=' };
    const { status, body } = await api.call('POST', '/api/jwt/refresh', { headers });
    expect([status, body.fieldErrors.refreshToken[0].code]).toEqual([400, '[blank]refreshToken']);
  });
});

describe('calls with a cookie', () => {
  const foreign: [string, Record<string, string>][] = [
    ['a foreign Origin', { Origin: 'https://evil.test' }],
    ['the Origin null', { Origin: 'null' }],
    ['an Origin on another port', { Origin: `http://127.0.0.1:1` }],
    ['an Origin that begins alike', { Origin: `http://127.0.0.1:${api.port}.evil.test` }],
    ['Sec-Fetch-Site cross-site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['Sec-Fetch-Site same-site', { 'Sec-Fetch-Site': 'same-site' }],
    ['a form', { 'Content-Type': 'application/x-www-form-urlencoded' }],
    ['a multipart form', { 'Content-Type': 'multipart/form-data; boundary=x' }],
    ['plain text', { 'Content-Type': 'text/plain;charset=UTF-8' }],
  ];

  it.each(foreign)('and %s are refused at refresh, and nothing happens (B02)', async (_, headers) => {
    const { status, text, cookies } = await refresh(headers);
    expect([status, text, cookies.size]).toEqual([403, '', 0]);
  });

  it.each([
    ['DELETE', `/api/jwt/refresh/${rt.id}`],
    ['DELETE', '/api/jwt/refresh?token=x'],
    ['POST', '/api/logout'],
    ['GET', `/api/jwt/issue?applicationId=${APP_B}`],
  ])('and a foreign Origin are refused at %s %s (B02)', async (method, target) => {
    const headers = { ...cookie, Origin: 'https://evil.test' };
    expect((await api.call(method, target, { headers })).status).toBe(403);
  });

  it('of a page of this site pass (B02)', async () => {
    const headers = { Origin: `http://127.0.0.1:${api.port}`, 'Sec-Fetch-Site': 'same-origin' };
    expect((await refresh({ ...headers, 'Content-Type': 'application/json' }, '{}')).status).toBe(200);
  });

  it('of a page behind a proxy that ends TLS pass, of one before it do not (B02)', async () => {
    const proxied = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'api.acme.com' };
    expect((await refresh({ ...proxied, Origin: 'https://api.acme.com' })).status).toBe(200);
    expect((await refresh({ ...proxied, Origin: 'http://api.acme.com' })).status).toBe(403);
  });

  it('of native callers, which name no site, pass (B02)', async () => {
    expect((await refresh({})).status).toBe(200);
  });

  it('do not matter to calls that a cookie does not vouch for (B02)', async () => {
    const headers = { Origin: 'https://evil.test' };
    const json = { refreshToken: rt.value };
    expect((await api.call('POST', '/api/jwt/refresh', { headers, json })).status).toBe(200);
    expect((await api.admin('GET', '/api/tenant', undefined, { ...headers, ...cookie })).status).toBe(200);
  });

  it('get no CORS headers, whatever the Origin (B05)', async () => {
    for (const Origin of ['https://evil.test', 'null']) {
      const answer = await api.call('GET', '/api/jwt/public-key', { headers: { Origin } });
      const preflight = await api.call('OPTIONS', '/api/jwt/refresh', {
        headers: { Origin, 'Access-Control-Request-Method': 'POST' },
      });
      for (const { headers } of [answer, preflight])
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      expect(preflight.status).toBe(405);
    }
  });

  it('are refused before a login can be forged with a form (B06)', async () => {
    const text = JSON.stringify(login);
    const form = await api.call('POST', '/api/login', {
      auth: KEY,
      text,
      headers: { 'Content-Type': 'text/plain' },
    });
    expect([form.status, form.cookies.size]).toEqual([400, 0]);
  });
});
