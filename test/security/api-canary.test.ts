/** Secrets that callers send and get: none of them stands in a log line, a record or the answer to somebody else. */
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { startApi } from '../support/api.ts';
import { IDP1 } from '../support/identity-provider.ts';
import { APP_A, KEY, loginTo, TEN1, U1 } from '../support/token-fixtures.ts';

const api = await startApi();
afterAll(() => api.close());

const PASSWORD = 'canary-password-4711';
const SECRET = 'canary-secret-0123456789-0123456789-0123456789';
const MADE_KEY = 'canary-api-key-0123456789-0123456789-012345';
const pem = String(
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }),
);
const { token, refreshToken } = await loginTo(api.service, APP_A);
const foreign = api.provider.token();

/** Each sends secrets, some in the wrong place. */
const CALLS: readonly (readonly [method: string, target: string, json?: unknown])[] = [
  ['POST', '/api/user', { user: { email: 'canary@acme.com', tenantId: TEN1, password: PASSWORD } }],
  ['POST', '/api/user', { user: { email: 'canary@acme.com', tenantId: TEN1, password: PASSWORD } }],
  ['PATCH', `/api/user/${U1}`, { user: { password: PASSWORD } }],
  ['POST', '/api/login', { loginId: 'u1@acme.com', password: PASSWORD, applicationId: APP_A }],
  ['POST', '/api/login', { loginId: 'u1@acme.com', password: `${PASSWORD}!`, applicationId: APP_A }],
  ['POST', '/api/login', { loginId: PASSWORD, password: 7 }],
  ['POST', '/api/jwt/refresh', { refreshToken: refreshToken.value, token }],
  ['POST', '/api/jwt/refresh', { refreshToken: `${refreshToken.value}x`, token }],
  ['POST', '/api/jwt/refresh', { refreshToken: { value: refreshToken.value } }],
  ['GET', `/api/jwt/refresh/${refreshToken.value}`],
  ['GET', `/api/jwt/refresh/${refreshToken.id}`],
  ['GET', `/api/jwt/refresh?userId=${refreshToken.value}`],
  ['GET', `/api/jwt/validate?token=${token}`],
  ['GET', `/api/jwt/nothing/${token}`],
  ['GET', `/api/${token}`],
  [
    'POST',
    '/api/jwt/reconcile',
    { applicationId: APP_A, identityProviderId: IDP1, data: { token: foreign } },
  ],
  [
    'POST',
    '/api/jwt/reconcile',
    { applicationId: APP_A, identityProviderId: IDP1, data: { token: `${foreign}x` } },
  ],
  ['POST', '/api/key/import', { key: { name: 'a', privateKey: pem, algorithm: 'ES256' } }],
  ['POST', '/api/key/import', { key: { name: 'a', privateKey: pem, algorithm: 'RS256' } }],
  ['POST', '/api/key/import', { key: { name: 'b', secret: SECRET, algorithm: 'HS256' } }],
  ['POST', '/api/key/import', { key: { name: SECRET.repeat(200), secret: SECRET } }],
  ['POST', '/api/api-key', { apiKey: { key: MADE_KEY } }],
  ['POST', '/api/api-key', { apiKey: { key: MADE_KEY } }],
  [
    'POST',
    '/api/webhook',
    {
      webhook: {
        url: 'https://x.test',
        headers: { 'X-Key': SECRET },
        httpAuthenticationUsername: 'us',
        httpAuthenticationPassword: SECRET,
      },
    },
  ],
  ['DELETE', `/api/jwt/refresh?token=${encodeURIComponent(refreshToken.value)}`],
];

const SECRETS = [PASSWORD, SECRET, MADE_KEY, KEY, refreshToken.value, pem.split('\n')[1] ?? pem];
const SIGNATURES = [token, foreign].map((jwt) => jwt.split('.')[2] ?? jwt);

describe('secrets', () => {
  it('stand in no log line and no record (T15, O01)', async () => {
    const statuses = new Set<number>();
    for (const [method, target, json] of CALLS) statuses.add((await api.admin(method, target, json)).status);
    for (const [method, target, json] of CALLS)
      await api.call(method, target, {
        json,
        auth: `Bearer ${token}`,
        headers: { Cookie: `access_token=${token}` },
      });
    expect([...statuses].toSorted()).toEqual([200, 400, 401, 404]);
    const written = api.log.join('\n') + JSON.stringify(api.records);
    expect(api.records.length).toBe(2 * CALLS.length);
    for (const secret of [...SECRETS, ...SIGNATURES]) expect(written).not.toContain(secret);
  });

  it('that a complaint is about are not repeated in it (T15)', async () => {
    const complaints = [
      await api.admin('POST', '/api/user', { user: { email: SECRET, password: 'short!', tenantId: SECRET } }),
      await api.admin('POST', '/api/api-key', { apiKey: { key: 'canary-short' } }),
      await api.admin('POST', '/api/key/import', {
        key: { name: 'c', privateKey: `${pem}x`, algorithm: SECRET },
      }),
      await api.call('POST', '/api/jwt/refresh', {
        json: { refreshToken: SECRET, timeToLiveInSeconds: SECRET },
      }),
    ];
    for (const { status, text } of complaints) {
      expect(status).toBe(400);
      expect(text).not.toMatch(/canary|short!|PRIVATE/);
    }
  });
});
