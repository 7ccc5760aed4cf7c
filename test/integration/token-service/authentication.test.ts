/** Who may call what: API keys, access tokens, cookies, and which of them counts. */
import { afterAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../../src/http/api/operations.ts';
import { startApi } from '../../support/api.ts';
import {
  APP_A,
  APP_B,
  KEY,
  KEY_GET,
  KEY_T2,
  loginTo,
  TEN1,
  TEN2,
  U1,
  U2,
} from '../../support/token-fixtures.ts';
import { base64url, decodePart } from '../../support/tokens.ts';

const api = await startApi();
afterAll(() => api.close());

const { token: at } = await loginTo(api.service, APP_A);
const { token: atOfU2 } = await loginTo(api.service, APP_A, 'u2@acme.com');
const issue = `/api/jwt/issue?applicationId=${APP_B}`;
const tokensOfU1 = `/api/jwt/refresh?userId=${U1}`;

describe('API keys', () => {
  it('are the whole value of Authorization (JWT-S02)', async () => {
    expect((await api.call('GET', tokensOfU1, { auth: KEY })).status).toBe(200);
    for (const auth of [`Bearer ${KEY}`, `${KEY}x`, KEY.toUpperCase(), 'x', undefined]) {
      const { status, text } = await api.call('GET', tokensOfU1, auth === undefined ? {} : { auth });
      expect([status, text]).toEqual([401, '']);
    }
  });

  it('are limited to endpoints and methods (JWT-P03)', async () => {
    expect((await api.call('GET', tokensOfU1, { auth: KEY_GET })).status).toBe(200);
    expect((await api.call('DELETE', tokensOfU1, { auth: KEY_GET })).status).toBe(401);
    expect((await api.call('POST', '/api/jwt/vend', { auth: KEY_GET, json: {} })).status).toBe(401);
  });

  it('of a tenant do not change what all tenants share', async () => {
    const lambda = { lambda: { name: 'x', type: 'JWTPopulate', body: 'function populate() {}' } };
    expect((await api.call('POST', '/api/lambda', { auth: KEY_T2, json: lambda })).status).toBe(401);
    expect((await api.call('GET', '/api/webhook', { auth: KEY_T2 })).status).toBe(401);
    const search = { auth: KEY_T2, json: { search: {} } };
    expect((await api.call('POST', '/api/system/event-log/search', search)).status).toBe(401);
  });

  it('of a tenant make identity providers of their own tenant only', async () => {
    const provider = { identityProvider: { name: 'of tenant 2' } };
    const made = await api.call('POST', '/api/identity-provider', { auth: KEY_T2, json: provider });
    expect([made.status, made.body.identityProvider.tenantId]).toEqual([200, TEN2]);
    const foreign = { identityProvider: { name: 'of tenant 1', tenantId: TEN1 } };
    expect((await api.call('POST', '/api/identity-provider', { auth: KEY_T2, json: foreign })).status).toBe(
      400,
    );
    const shared = '/api/identity-provider/00000000-0000-4000-8000-000000000501';
    expect((await api.call('DELETE', shared, { auth: KEY_T2 })).status).toBe(404);
  });

  it.each(OPERATIONS.filter(({ auth, path }) => auth === 'apiKey' && path.startsWith('/api/')))(
    'are needed by $method $path: 401 without one, and for a token',
    async ({ method, path }) => {
      const target = path.replaceAll(/\{\w+\}/g, U1);
      const bare = await api.call(method, target);
      const withToken = await api.call(method, target, { auth: `Bearer ${at}` });
      expect([bare.status, bare.text, withToken.status, withToken.text]).toEqual([401, '', 401, '']);
    },
  );
});

describe('access tokens', () => {
  it('come by Authorization: Bearer (JWT-S04)', async () => {
    expect((await api.call('GET', issue, { auth: `Bearer ${at}` })).status).toBe(200);
  });

  it('come by Authorization: JWT (JWT-P05)', async () => {
    expect((await api.call('GET', issue, { auth: `JWT ${at}` })).status).toBe(200);
  });

  it.each(['bearer', 'BEARER', 'jwt', 'Basic'])('do not come by the scheme %s', async (scheme) => {
    expect((await api.call('GET', issue, { auth: `${scheme} ${at}` })).status).toBe(401);
  });

  it('come by the cookie access_token (JWT-S06)', async () => {
    expect((await api.call('GET', issue, { headers: { Cookie: `access_token=${at}` } })).status).toBe(200);
  });

  it('of the header go before those of the cookie (JWT-P07)', async () => {
    const { status, body } = await api.call('GET', issue, {
      auth: `Bearer ${atOfU2}`,
      headers: { Cookie: `access_token=${at}` },
    });
    expect([status, decodePart(body.token, 1)['sub']]).toEqual([202, U2]);
  });

  it('of the cookie go behind an API key (JWT-P07)', async () => {
    const { refreshToken } = await loginTo(api.service, APP_A, 'u2@acme.com');
    const { status } = await api.call('DELETE', `/api/jwt/refresh/${refreshToken.id}`, {
      auth: KEY,
      headers: { Cookie: `access_token=${at}` },
    });
    expect(status).toBe(200);
  });

  it('do not stand in for the header where that is wrong', async () => {
    const cookie = { Cookie: `access_token=${at}` };
    expect((await api.call('GET', issue, { auth: 'Bearer x', headers: cookie })).status).toBe(401);
    expect((await api.call('GET', issue, { auth: KEY, headers: cookie })).status).toBe(401);
  });

  it('are refused alike, whatever is wrong with them (JWT-S10, JWT-S101)', async () => {
    const [header, payload, signature] = at.split('.');
    const forged = `${header}.${base64url({ ...decodePart(at, 1), sub: U2 })}.${signature}`;
    const expired = (await loginTo(api.service, APP_A)).token;
    const unsigned = `${base64url({ alg: 'none' })}.${payload}.`;
    const vended = (await api.admin('POST', '/api/jwt/vend', { claims: decodePart(at, 1) })).body.token;
    const answers = [];
    for (const auth of [forged, unsigned, vended, 'x', 'a.b.c', '..'].map((token) => `Bearer ${token}`))
      answers.push(await api.call('GET', issue, { auth }));
    answers.push(await api.call('GET', issue), await api.call('GET', issue, { auth: KEY }));
    api.clock.advanceMs(3_601_000);
    answers.push(await api.call('GET', issue, { auth: `Bearer ${expired}` }));
    api.clock.advanceMs(-3_601_000);
    for (const { status, text, headers } of answers) {
      const { date: _, 'x-request-id': __, ...comparable } = headers;
      expect([status, text]).toEqual([401, '']);
      expect(comparable).toEqual({ ...comparable, 'content-length': '0', 'cache-control': 'no-store' });
      expect(Object.keys(comparable)).toEqual(
        Object.keys(comparable).filter((name) => name !== 'www-authenticate'),
      );
    }
  });
});

describe('two credentials', () => {
  it('in two Authorization headers are refused', async () => {
    const { rawClient } = await import('../../support/raw-client.ts');
    const client = await rawClient(api.port);
    client.send(
      `GET ${issue} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${at}\r\nAuthorization: ${KEY}\r\n\r\n`,
    );
    const [answer] = await client.waitFor(1);
    client.close();
    expect(answer?.status).toBe(400);
  });
});
