/** API keys that are given little, and try to become more. */
import { afterAll, describe, expect, it } from 'vitest';
import { startApi } from '../support/api.ts';
import { KEY, TEN2 } from '../support/token-fixtures.ts';

const api = await startApi();
afterAll(() => api.close());

const KEYS = '/api/api-key';
const MAKER = 'key-that-makes-keys-0123456789abcdefghij';
const endpoints = { [KEYS]: ['POST', 'PUT', 'PATCH'], '/api/jwt/refresh': ['GET'] };
const expirationInstant = api.clock() + 3_600_000;

const made = await api.admin('POST', KEYS, {
  apiKey: { key: MAKER, permissions: { endpoints }, expirationInstant },
});
const makerId: string = made.body.apiKey.id;
const make = (apiKey: object, method = 'POST', target = KEYS) =>
  api.call(method, target, { auth: MAKER, json: { apiKey } });
const within = { permissions: { endpoints: { '/api/jwt/refresh': ['GET'] } }, expirationInstant };

describe('an API key that may make API keys', () => {
  it('gives what it has (JWT-P03)', async () => {
    expect((await make(within)).status).toBe(200);
  });

  it.each([
    ['everything', {}],
    ['everything, by an empty list of endpoints', { endpoints: {} }],
    ['another method', { endpoints: { '/api/jwt/refresh': ['GET', 'DELETE'] } }],
    ['another endpoint', { endpoints: { '/api/jwt/vend': ['POST'] } }],
    ['a name of the prototype', { endpoints: { '/constructor': ['GET'] } }],
  ])('does not give %s (JWT-P03)', async (_what, permissions) => {
    const { status, body } = await make({ permissions, expirationInstant });
    expect([status, Object.keys(body.fieldErrors)]).toEqual([400, ['apiKey.permissions']]);
  });

  it.each([undefined, expirationInstant + 1])('makes none that ends at %s, later than it', async (later) => {
    const { status, body } = await make({ ...within, expirationInstant: later });
    expect([status, Object.keys(body.fieldErrors)]).toEqual([400, ['apiKey.expirationInstant']]);
  });

  it('does not widen itself (JWT-P03)', async () => {
    const target = `${KEYS}/${makerId}`;
    const put = await make({ permissions: {}, expirationInstant }, 'PUT', target);
    const patch = await make({ permissions: { endpoints: { '/api/jwt/vend': ['POST'] } } }, 'PATCH', target);
    const emptied = await make(
      { permissions: { endpoints: Object.fromEntries(Object.keys(endpoints).map((path) => [path, null])) } },
      'PATCH',
      target,
    );
    const prolonged = await make({ expirationInstant: null }, 'PATCH', target);
    expect([put, patch, emptied, prolonged].map(({ status }) => status)).toEqual([400, 400, 400, 400]);
  });

  it('may all where its maker may all, within its tenant', async () => {
    const all = await api.call('POST', KEYS, { auth: KEY, json: { apiKey: { tenantId: TEN2 } } });
    expect(all.status).toBe(200);
    const inTenant = await api.call('POST', KEYS, { auth: all.body.apiKey.key, json: { apiKey: {} } });
    expect(inTenant.body.apiKey.tenantId).toBe(TEN2);
  });
});
