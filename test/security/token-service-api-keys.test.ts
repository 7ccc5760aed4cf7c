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

describe('a change of an API key', () => {
  const only = { endpoints: { '/api/user': ['GET'] } };
  const bound = { tenantId: TEN2, permissions: only, expirationInstant };
  const change = async (method: string, apiKey: object) => {
    const { body } = await api.admin('POST', KEYS, { apiKey: bound });
    const { status, body: answer } = await api.admin(method, `${KEYS}/${body.apiKey.id}`, { apiKey });
    const { tenantId, permissions, expirationInstant: end } = answer.apiKey ?? {};
    return { status, tenantId, permissions, expirationInstant: end };
  };

  it.each(['PUT', 'PATCH'])('by %s leaves the bounds that it does not speak of', async (method) => {
    expect(await change(method, { name: 'renamed' })).toEqual({ status: 200, ...bound });
  });

  it.each([
    ['PATCH', { permissions: { endpoints: { '/api/user': null } } }],
    ['PATCH', { permissions: { endpoints: null } }],
    ['PUT', { permissions: { endpoints: {} } }],
    ['PUT', { permissions: {} }],
  ])('by %s that takes the last permission away does not give all: %j', async (method, apiKey) => {
    expect((await change(method, apiKey)).status).toBe(400);
  });

  it.each(['PUT', 'PATCH'])('by %s takes the bounds away where it says so', async (method) => {
    const freed = await change(method, { permissions: null, tenantId: null });
    expect(freed).toMatchObject({ status: 200, permissions: { endpoints: {} } });
    expect(freed.tenantId).toBeUndefined();
  });
});

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
