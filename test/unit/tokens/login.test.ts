import { describe, expect, it, vi } from 'vitest';
import { numericDate } from '../../../src/core/time.ts';
import type { Caller } from '../../../src/tokens/authenticate.ts';
import { type LoginInput, login } from '../../../src/tokens/login.ts';
import type * as Password from '../../../src/tokens/password.ts';
import {
  APP_A,
  APP_B,
  APP_N,
  APP_T2,
  addUser,
  configure,
  EVERYWHERE,
  TEN1,
  TEN2,
  U1,
  U1_T2,
  USER_PASSWORD,
} from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';
import { decodePart } from '../../support/tokens.ts';

/** Stored hashes that passwords were compared with; null: none. */
const comparisons: (string | null)[] = [];
vi.mock('../../../src/tokens/password.ts', async (importActual) => {
  const actual = await importActual<typeof Password>();
  const verifyPassword = async (password: string, stored: string | null) => {
    comparisons.push(stored);
    return await actual.verifyPassword(password, stored);
  };
  return { ...actual, verifyPassword };
});

const { service, clock } = await testTokenService();
const [apiKey] = service.catalog().apiKeys.values();
const caller: Caller = { kind: 'apiKey', apiKey: apiKey! };

const attempt = (input: Partial<LoginInput>, tenantId: string | null = null, by: Caller | null = caller) =>
  login(service, { loginId: 'u1@acme.com', password: USER_PASSWORD, ...input }, by, {
    tenantId,
    ipAddress: '10.0.0.1',
  });

describe('login()', () => {
  it('gives an access token and a refresh token (JWT-S01)', async () => {
    const { user, status, tokens } = await attempt({ applicationId: APP_A });
    expect({ id: user.id, status }).toEqual({ id: U1, status: 200 });
    expect(decodePart(tokens?.token ?? '', 1)).toMatchObject({ sub: U1, sid: tokens?.refreshToken?.id });
    expect(tokens?.tokenExpirationInstant).toBe(clock() + 3_600_000);
    expect(tokens?.refreshToken?.value).toMatch(/^[A-Za-z0-9_-]{54}$/);
    expect(tokens?.refreshToken?.expiresInstant).toBe(clock() + 43_200 * 60_000);
  });

  it('finds users by e-mail address and username in any case', async () => {
    for (const loginId of ['U1@ACME.com', 'U1-acme.COM'])
      expect((await attempt({ loginId, applicationId: APP_A })).user.id).toBe(U1);
  });

  it('writes a login record and the instants of user and registration', async () => {
    clock.advanceMs(1000);
    const { user } = await attempt({ applicationId: APP_A, ipAddress: '10.9.9.9' });
    const stored = await service.store.users.get(U1);
    expect(stored).toEqual(user);
    expect(stored?.lastLoginInstant).toBe(clock());
    expect(stored?.registrations.find((one) => one.applicationId === APP_A)?.lastLoginInstant).toBe(clock());
    const [record] = await service.store.loginRecords.list(U1, 1);
    expect(record).toEqual({
      tenantId: TEN1,
      userId: U1,
      applicationId: APP_A,
      ipAddress: '10.9.9.9',
      instant: clock(),
    });
  });

  it('keeps the device with the refresh token, with the address of the call (JWT-S29)', async () => {
    const metaData = { device: { name: 'Kitchen', type: 'FRIDGE' } };
    const { tokens } = await attempt({ applicationId: APP_A, metaData });
    const record = await service.store.refreshTokens.get(tokens?.refreshToken?.id ?? '');
    expect(record?.metaData.device).toEqual({
      ...metaData.device,
      lastAccessedAddress: '10.0.0.1',
      lastAccessedInstant: clock(),
    });
    expect(record?.authTimeSeconds).toBe(numericDate(clock()));
  });

  it('answers 202 for a user without registration, with a token that says nothing of the application', async () => {
    const { status, tokens } = await attempt({ loginId: 'u2@acme.com', applicationId: APP_B });
    expect(status).toBe(202);
    expect(tokens?.refreshToken).toBeNull();
    const claims = decodePart(tokens?.token ?? '', 1);
    expect(Object.keys(claims)).not.toEqual(expect.arrayContaining(['applicationId']));
    expect(claims).not.toHaveProperty('roles');
    expect(claims).not.toHaveProperty('sid');
  });

  it('gives no refresh token where the application makes none, and no token with noJWT', async () => {
    expect((await attempt({ applicationId: APP_N })).tokens?.refreshToken).toBeNull();
    expect((await attempt({ applicationId: APP_A, noJWT: true })).tokens).toBeNull();
  });

  it('gives a token for no application where none is named', async () => {
    const { status, tokens } = await attempt({}, TEN1);
    expect(status).toBe(200);
    expect(decodePart(tokens?.token ?? '', 1)).not.toHaveProperty('aud');
  });

  it.each([
    ['an unknown user', { loginId: 'nobody@acme.com', applicationId: APP_A }],
    ['a wrong password', { password: 'wrong', applicationId: APP_A }],
    ['an empty password', { password: '', applicationId: APP_A }],
    ['a user of another tenant', { loginId: 'u2@acme.com', applicationId: APP_T2 }],
  ])('answers 404 for %s', async (_, input) => {
    await expect(attempt(input)).rejects.toMatchObject({ status: 404, errors: null });
  });

  it('works as hard for an unknown user as for a wrong password (security.md T13)', async () => {
    comparisons.length = 0;
    for (const loginId of ['nobody@acme.com', 'u2@acme.com'])
      await expect(attempt({ loginId, password: 'wrong' })).rejects.toMatchObject({ status: 404 });
    expect(comparisons).toEqual([null, expect.stringContaining('$scrypt$')]);
  });

  it('refuses unknown applications, and those of another tenant (JWT-S87)', async () => {
    for (const [applicationId, tenantId] of [
      ['00000000-0000-4000-8000-999999999999', null],
      [APP_A, TEN2],
    ] as const)
      await expect(attempt({ applicationId }, tenantId)).rejects.toMatchObject({
        status: 400,
        errors: { fieldErrors: { applicationId: [{ code: '[invalid]applicationId' }] } },
      });
  });

  it('asks for the tenant where users of several have the login id (JWT-P88)', async () => {
    await expect(attempt({})).rejects.toMatchObject({
      status: 400,
      errors: { generalErrors: [{ code: '[TenantIdRequired]' }] },
    });
    expect((await attempt({}, TEN2)).user.id).toBe(U1_T2);
    expect((await attempt({ loginId: 'u2@acme.com' })).user.tenantId).toBe(TEN1);
  });

  it('needs an API key unless the application says otherwise', async () => {
    await expect(attempt({ applicationId: APP_A }, null, null)).rejects.toMatchObject({ status: 401 });
    await expect(attempt({}, TEN1, null)).rejects.toMatchObject({ status: 401 });
    await configure(service, 'applications', APP_B, (present) => ({
      ...present,
      loginConfiguration: { ...present.loginConfiguration, requireAuthentication: false },
    }));
    expect((await attempt({ applicationId: APP_B }, null, null)).status).toBe(200);
  });

  it('answers 404 for deactivated users and 410 for ended accounts, after the password (JWT-S34)', async () => {
    const userId = service.random.uuid();
    await addUser(service, userId, TEN1, 'u9@acme.com', []);
    const user = await service.store.users.get(userId);
    const answers = async (members: object) => {
      await service.store.users.update({ ...user!, ...members });
      return attempt({ loginId: 'u9@acme.com' });
    };
    await expect(answers({ active: false })).rejects.toMatchObject({ status: 404 });
    await expect(answers({ active: true, expiry: clock() })).rejects.toMatchObject({ status: 410 });
    await expect(
      login(service, { loginId: 'u9@acme.com', password: 'wrong' }, caller, EVERYWHERE),
    ).rejects.toMatchObject({ status: 404 });
  });
});
