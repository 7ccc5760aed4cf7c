/** Login and logout over HTTP. */
import { afterAll, describe, expect, it } from 'vitest';
import { API_SETTINGS, startApi, type TestApi } from '../../support/api.ts';
import {
  APP_A,
  APP_B,
  APP_N,
  configure,
  KEY,
  loginTo,
  U1,
  U2,
  USER_PASSWORD,
} from '../../support/token-fixtures.ts';

const api = await startApi();
afterAll(() => api.close());

const credentials = { loginId: 'u1@acme.com', password: USER_PASSWORD, applicationId: APP_A };

describe('POST /api/login', () => {
  it('gives user, tokens and both cookies (JWT-S01)', async () => {
    const { status, body, cookies } = await api.admin('POST', '/api/login', credentials);
    expect(status).toBe(200);
    expect(Object.keys(body).toSorted()).toEqual([
      'refreshToken',
      'refreshTokenId',
      'token',
      'tokenExpirationInstant',
      'user',
    ]);
    expect(body.user.id).toBe(U1);
    expect(cookies.get('access_token')).toContain(`access_token=${body.token};`);
    expect(cookies.get('refresh_token')).toContain(`refresh_token=${body.refreshToken};`);
  });

  it('gives no tokens and no cookies with noJWT', async () => {
    const { status, body, cookies } = await api.admin('POST', '/api/login', { ...credentials, noJWT: true });
    expect([status, Object.keys(body), cookies.size]).toEqual([200, ['user'], 0]);
  });

  it('answers 202 to a user who is not registered, without a refresh token', async () => {
    const login = { ...credentials, loginId: 'u2@acme.com', applicationId: APP_B };
    const { status, body } = await api.admin('POST', '/api/login', login);
    expect([status, body.user.id, body.refreshToken]).toEqual([202, U2, undefined]);
  });

  it('answers alike to a wrong password and an unknown user', async () => {
    const wrong = await api.admin('POST', '/api/login', { ...credentials, password: 'not the password' });
    const unknown = await api.admin('POST', '/api/login', { ...credentials, loginId: 'nobody@acme.com' });
    expect([wrong.status, wrong.text]).toEqual([404, '']);
    expect([unknown.status, unknown.text]).toEqual([404, '']);
  });

  it('names the members that are missing', async () => {
    const { status, body } = await api.admin('POST', '/api/login', {});
    expect(status).toBe(400);
    expect(body.fieldErrors.loginId[0].code).toBe('[blank]loginId');
    expect(body.fieldErrors.password[0].code).toBe('[blank]password');
  });

  it('needs an API key unless the application says otherwise', async () => {
    const login = { ...credentials, applicationId: APP_N };
    expect((await api.call('POST', '/api/login', { json: login })).status).toBe(401);
    await configure(api.service, 'applications', APP_N, (present) => ({
      ...present,
      loginConfiguration: { ...present.loginConfiguration, requireAuthentication: false },
    }));
    expect((await api.call('POST', '/api/login', { json: login })).status).toBe(200);
    expect((await api.call('POST', '/api/login', { json: login, auth: `${KEY}x` })).status).toBe(401);
  });

  it('asks for the tenant where users of two have the name (JWT-P88)', async () => {
    const { status, body } = await api.admin('POST', '/api/login', {
      loginId: 'u1@acme.com',
      password: USER_PASSWORD,
    });
    expect([status, body.generalErrors[0].code]).toEqual([400, '[TenantIdRequired]']);
  });
});

describe('POST /api/login, again and again', () => {
  it('refuses further guesses of one name, and lets others in (T13, D25)', async () => {
    const limits = { ...API_SETTINGS.limits, countsLoopback: true };
    const limited = await startApi({ settings: { limits } });
    const guess = { ...credentials, password: 'not the password' };
    const statuses: number[] = [];
    for (let count = 0; count < 11; count += 1)
      statuses.push((await limited.admin('POST', '/api/login', guess)).status);
    expect(statuses.slice(0, 10).every((status) => status === 404)).toBe(true);
    expect(statuses[10]).toBe(429);
    const refused = await limited.admin('POST', '/api/login', { ...credentials, loginId: 'U1@acme.com' });
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '10']);
    expect(
      (await limited.admin('POST', '/api/login', { ...credentials, loginId: 'u2@acme.com' })).status,
    ).toBe(200);
    limited.clock.advanceMs(10_000);
    expect((await limited.admin('POST', '/api/login', credentials)).status).toBe(200);
    await limited.close();
  });
});

describe('POST /api/login through a backend', () => {
  const limits = { ...API_SETTINGS.limits, countsLoopback: true };
  const statusOf = async (limited: TestApi, json: object, caller: { readonly auth?: string }) =>
    (await limited.call('POST', '/api/login', { json: { ...credentials, ...json }, ...caller })).status;
  /** Costs no check of a password. */
  const UNKNOWN_APPLICATION = '00000000-0000-4000-8000-0000000000ff';

  it('counts the address that it names: nobody locks out somebody else through it (T13)', async () => {
    const limited = await startApi({ settings: { limits } });
    const guess = { applicationId: UNKNOWN_APPLICATION, ipAddress: '203.0.113.66' };
    for (let count = 0; count < 10; count += 1)
      expect(await statusOf(limited, guess, { auth: KEY })).toBe(400);
    expect(await statusOf(limited, guess, { auth: KEY })).toBe(429);
    expect(await statusOf(limited, { ipAddress: '198.51.100.7' }, { auth: KEY })).toBe(200);
    await limited.close();
  });

  it('counts no address that a caller without an API key names (T13)', async () => {
    const limited = await startApi({ settings: { limits } });
    const statuses = [];
    for (let count = 0; count < 11; count += 1)
      statuses.push(
        await statusOf(limited, { applicationId: UNKNOWN_APPLICATION, ipAddress: `203.0.113.${count}` }, {}),
      );
    expect([statuses[9], statuses[10]]).toEqual([400, 429]);
    await limited.close();
  });

  it('leaves one person’s address a part of the passwords that can be checked (T13)', async () => {
    const limited = await startApi({ settings: { limits } });
    const guesses = async (members: object) => {
      const statuses = [];
      for (let count = 0; count < 21; count += 1)
        statuses.push(
          await statusOf(
            limited,
            { applicationId: UNKNOWN_APPLICATION, loginId: `name-${count}`, ...members },
            { auth: KEY },
          ),
        );
      return statuses.at(-1);
    };
    expect(await guesses({ ipAddress: '203.0.113.66' })).toBe(429);
    expect(await guesses({})).toBe(400);
    await limited.close();
  });
});

describe('POST /api/login without an API key', () => {
  it('counts as a call without authentication (D25)', async () => {
    const limits = { ...API_SETTINGS.limits, perAddressPerMinute: 1, countsLoopback: true };
    const limited = await startApi({ settings: { limits } });
    const statuses = [];
    for (const loginId of ['a', 'b'])
      statuses.push((await limited.call('POST', '/api/login', { json: { ...credentials, loginId } })).status);
    expect(statuses).toEqual([401, 429]);
    await limited.close();
  });
});

describe('POST /api/logout', () => {
  it('ends the session of the cookie and takes both cookies away', async () => {
    const { refreshToken } = await loginTo(api.service, APP_A);
    const { status, text, cookies } = await api.call('POST', '/api/logout', {
      headers: { Cookie: `refresh_token=${refreshToken.value}`, 'Content-Type': 'text/plain' },
    });
    expect([status, text]).toEqual([200, '']);
    expect(cookies.get('access_token')).toMatch(/^access_token=; .*Max-Age=0/);
    expect(cookies.get('refresh_token')).toMatch(/^refresh_token=; .*Max-Age=0/);
    const again = await api.call('POST', '/api/jwt/refresh', { json: { refreshToken: refreshToken.value } });
    expect(again.status).toBe(400);
  });

  it('ends every session of the user with global', async () => {
    const [one, other] = [await loginTo(api.service, APP_A), await loginTo(api.service, APP_B)];
    const query = `global=true&refreshToken=${encodeURIComponent(one.refreshToken.value)}`;
    expect((await api.call('POST', `/api/logout?${query}`)).status).toBe(200);
    const again = await api.call('POST', '/api/jwt/refresh', {
      json: { refreshToken: other.refreshToken.value },
    });
    expect(again.status).toBe(400);
  });

  it('answers 200 to an unknown token: the session is over either way', async () => {
    expect((await api.call('POST', '/api/logout', { json: { refreshToken: 'unknown' } })).status).toBe(200);
  });
});
