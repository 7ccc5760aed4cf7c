import { describe, expect, it } from 'vitest';
import {
  type Authentication,
  authenticate,
  type Call,
  credentialOf,
} from '../../../src/tokens/authenticate.ts';
import { createApiKey } from '../../../src/tokens/objects/api-keys.ts';
import {
  APP_A,
  EVERYWHERE,
  KEY,
  KEY_GET,
  KEY_T2,
  loginTo,
  TEN1,
  TEN2,
  U1,
} from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';

const { service, clock } = await testTokenService();
const unauthorized = { status: 401, errors: null };

describe('credentialOf()', () => {
  it('takes Bearer and JWT, by exact case, for access tokens and anything else for an API key (JWT-S02, JWT-S04, JWT-P05)', () => {
    expect(credentialOf('Bearer a.b.c', null)).toEqual({ kind: 'jwt', token: 'a.b.c' });
    expect(credentialOf('JWT a.b.c', null)).toEqual({ kind: 'jwt', token: 'a.b.c' });
    for (const text of [
      'bearer a.b.c',
      'jwt a.b.c',
      'BEARER x',
      'Bearer',
      'Bearer ',
      'Bearer a b',
      'Bearer a\tb',
      'xBearer a',
      KEY,
      '',
    ])
      expect(credentialOf(text, null)).toEqual({ kind: 'apiKey', key: text });
  });

  it('looks at the header before the cookie, also when it is wrong (JWT-S06, JWT-P07)', () => {
    expect(credentialOf(null, 'cookie')).toEqual({ kind: 'jwt', token: 'cookie' });
    expect(credentialOf('Bearer header', 'cookie')).toEqual({ kind: 'jwt', token: 'header' });
    expect(credentialOf(KEY, 'cookie')).toEqual({ kind: 'apiKey', key: KEY });
    expect(credentialOf('wrong', 'cookie')).toEqual({ kind: 'apiKey', key: 'wrong' });
    expect(credentialOf(null, null)).toBeNull();
  });
});

const GET = { method: 'GET', endpoint: '/api/jwt/refresh' } as const;

function attempt(
  credential: Call['credential'],
  authentication: Authentication,
  {
    tenantId = null,
    ...operation
  }: { tenantId?: string | null; method?: 'GET' | 'DELETE' | 'POST'; endpoint?: string } = {},
) {
  const call = { credential, tenantId, ipAddress: '10.0.0.1' };
  return authenticate(service, call, { ...GET, ...operation, authentication });
}

const byKey = (key: string) => ({ kind: 'apiKey', key }) as const;

describe('authenticate() by API key', () => {
  it('knows a key by its whole text (JWT-S02)', async () => {
    const { caller, scope } = await attempt(byKey(KEY), 'apiKey');
    expect(caller).toMatchObject({ kind: 'apiKey' });
    expect(scope).toEqual({ tenantId: null, ipAddress: '10.0.0.1' });
    for (const key of [`${KEY}x`, KEY.slice(0, -1), KEY.toUpperCase(), '', 'wrong'])
      await expect(attempt(byKey(key), 'apiKey')).rejects.toMatchObject(unauthorized);
  });

  it('holds a key to its endpoints and methods (JWT-P03)', async () => {
    await expect(attempt(byKey(KEY_GET), 'apiKey')).resolves.toBeDefined();
    for (const operation of [
      { method: 'DELETE' },
      { endpoint: '/api/jwt/vend', method: 'POST' },
      { endpoint: '/api/jwt' },
      { endpoint: '/api/jwt/refresh/x' },
      { endpoint: '__proto__' },
    ] as const)
      await expect(attempt(byKey(KEY_GET), 'apiKey', operation)).rejects.toMatchObject(unauthorized);
  });

  it('narrows the scope to the tenant of the key (JWT-S87)', async () => {
    expect((await attempt(byKey(KEY_T2), 'apiKey')).scope.tenantId).toBe(TEN2);
    expect((await attempt(byKey(KEY_T2), 'apiKey', { tenantId: TEN2 })).scope.tenantId).toBe(TEN2);
    await expect(attempt(byKey(KEY_T2), 'apiKey', { tenantId: TEN1 })).rejects.toMatchObject(unauthorized);
    expect((await attempt(byKey(KEY), 'apiKey', { tenantId: TEN1 })).scope.tenantId).toBe(TEN1);
  });

  it('refuses a key from its expiration on', async () => {
    const key = 'k'.repeat(40);
    const expirationInstant = clock() + 1000;
    await createApiKey(
      service,
      undefined,
      { key, expirationInstant, permissions: { endpoints: {} } },
      EVERYWHERE,
    );
    await expect(attempt(byKey(key), 'apiKey')).resolves.toBeDefined();
    clock.advanceMs(1000);
    await expect(attempt(byKey(key), 'apiKey')).rejects.toMatchObject(unauthorized);
  });
});

describe('authenticate() by API key of a tenant', () => {
  it('refuses a key whose tenant is gone, although it is still there (JWT-S87)', async () => {
    const { tenants, ...rest } = service.catalog();
    const catalog = { ...rest, tenants: new Map([...tenants].filter(([id]) => id !== TEN2)) };
    const call = { credential: byKey(KEY_T2), tenantId: null, ipAddress: null };
    const attempts = [service, { ...service, catalog: () => catalog }].map((one) =>
      authenticate(one, call, { ...GET, authentication: 'apiKey' }),
    );
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(outcomes[1]).toMatchObject({ reason: unauthorized });
  });
});

describe('authenticate() by access token', () => {
  it('knows the user, and narrows the scope to their tenant', async () => {
    const { token, refreshToken } = await loginTo(service, APP_A);
    const { caller, scope } = await attempt({ kind: 'jwt', token }, 'jwt');
    expect(caller).toMatchObject({
      kind: 'user',
      user: { userId: U1, sid: refreshToken.id, tenant: { id: TEN1 } },
    });
    expect(scope.tenantId).toBe(TEN1);
    await expect(attempt({ kind: 'jwt', token }, 'apiKeyOrJwt')).resolves.toBeDefined();
  });

  it('refuses it for another tenant than its own (JWT-S86)', async () => {
    const { token } = await loginTo(service, APP_A);
    await expect(attempt({ kind: 'jwt', token }, 'jwt', { tenantId: TEN2 })).rejects.toMatchObject(
      unauthorized,
    );
  });
});

describe('authenticate()', () => {
  it('holds operations to the credentials they accept (JWT-S10, JWT-S61, JWT-S83)', async () => {
    const { token } = await loginTo(service, APP_A);
    await expect(attempt({ kind: 'jwt', token }, 'apiKey')).rejects.toMatchObject(unauthorized);
    await expect(attempt(byKey(KEY), 'jwt')).rejects.toMatchObject(unauthorized);
    for (const one of ['apiKey', 'jwt', 'apiKeyOrJwt'] as const)
      await expect(attempt(null, one)).rejects.toMatchObject(unauthorized);
    await expect(attempt(byKey(KEY), 'apiKeyOrJwt')).resolves.toBeDefined();
  });

  it('asks for nothing where nothing is asked for, and takes an optional key only if it is good', async () => {
    expect((await attempt(byKey('wrong'), 'none', { tenantId: TEN1 })).caller).toBeNull();
    expect((await attempt(null, 'optionalApiKey')).caller).toBeNull();
    expect((await attempt(byKey(KEY), 'optionalApiKey')).caller).toMatchObject({ kind: 'apiKey' });
    await expect(attempt(byKey('wrong'), 'optionalApiKey')).rejects.toMatchObject(unauthorized);
  });
});
