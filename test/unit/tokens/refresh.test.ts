import { describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../../../src/core/time.ts';
import { ServiceError } from '../../../src/tokens/failure.ts';
import { refresh } from '../../../src/tokens/refresh.ts';
import { CLOCK_SKEW_MAX_MS } from '../../../src/tokens/refresh-policy.ts';
import { newRefreshTokenValue } from '../../../src/tokens/refresh-token-value.ts';
import { type Records, StoreUnavailableError } from '../../../src/tokens/store.ts';
import { restoreAfterEach } from '../../support/restored.ts';
import {
  APP_A,
  APP_B,
  APP_S,
  addUser,
  configure,
  configureTokens,
  EVERYWHERE,
  loginTo,
  TEN1,
  TEN2,
  U1,
} from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';
import { decodePart } from '../../support/tokens.ts';

const invalid = {
  status: 400,
  errors: { fieldErrors: { refreshToken: [{ code: '[invalid]refreshToken' }] } },
};

/** A service of its own, whose APP_A has these settings. */
async function withPolicy(members: Parameters<typeof configureTokens>[2] = {}) {
  const opened = await testTokenService();
  await configureTokens(opened.service, APP_A, members);
  const use = (value: string, more: object = {}, ipAddress: string | null = null) =>
    refresh(opened.service, { refreshToken: value, ...more }, { tenantId: null, ipAddress });
  return { ...opened, use };
}

const oneTime = { refreshTokenUsagePolicy: 'OneTimeUse' } as const;

describe('refresh()', async () => {
  const shared = await withPolicy();
  restoreAfterEach(shared);
  const { service, clock, events, use } = shared;

  it('gives an access token for the refresh token’s user and session (JWT-S40)', async () => {
    const { refreshToken } = await loginTo(service, APP_A);
    clock.advanceMs(5000);
    const { token, tokenExpirationInstant } = await use(refreshToken.value);
    expect(decodePart(token, 0)['gty']).toEqual(['password', 'refresh_token']);
    expect(decodePart(token, 1)).toMatchObject({
      sub: U1,
      sid: refreshToken.id,
      applicationId: APP_A,
      auth_time: clock() / 1000 - 5,
      iat: clock() / 1000,
      exp: clock() / 1000 + 3600,
    });
    expect(tokenExpirationInstant).toBe(clock() + 3_600_000);
  });

  it('keeps value and id with Reusable (JWT-S46)', async () => {
    const { refreshToken } = await loginTo(service, APP_A);
    for (const _ of [1, 2]) expect((await use(refreshToken.value)).refreshToken).toEqual({ ...refreshToken });
  });

  it('asks for a refresh token (JWT-S43)', async () => {
    for (const input of [{}, { refreshToken: '' }])
      await expect(refresh(service, input, EVERYWHERE)).rejects.toMatchObject({
        status: 400,
        errors: { fieldErrors: { refreshToken: [{ code: '[blank]refreshToken' }] } },
      });
  });

  it('refuses unknown, expired and revoked ones with 400 (JWT-S44)', async () => {
    await expect(use('unknown')).rejects.toMatchObject(invalid);
    const { refreshToken } = await loginTo(service, APP_A);
    await service.store.refreshTokens.revoke({ id: refreshToken.id }, clock());
    await expect(use(refreshToken.value)).rejects.toMatchObject(invalid);
    const expiring = await loginTo(service, APP_A);
    clock.setMs(expiring.refreshToken.expiresInstant);
    await expect(use(expiring.refreshToken.value)).rejects.toMatchObject(invalid);
  });

  it('does not know tokens of another tenant (JWT-S87)', async () => {
    const { refreshToken } = await loginTo(service, APP_A);
    const input = { refreshToken: refreshToken.value };
    await expect(refresh(service, input, { ...EVERYWHERE, tenantId: TEN2 })).rejects.toMatchObject(invalid);
    await expect(refresh(service, input, { ...EVERYWHERE, tenantId: TEN1 })).resolves.toBeDefined();
  });

  it('lowers the life of the access token, and raises it never (JWT-P55)', async () => {
    const { refreshToken } = await loginTo(service, APP_A);
    const { token } = await use(refreshToken.value, { timeToLiveInSeconds: 60 });
    const { exp, iat } = decodePart(token, 1) as { exp: number; iat: number };
    expect(exp - iat).toBe(60);
    await expect(use(refreshToken.value, { timeToLiveInSeconds: 3600 })).resolves.toBeDefined();
    for (const timeToLiveInSeconds of [3601, 0, -1, 1.5])
      await expect(use(refreshToken.value, { timeToLiveInSeconds })).rejects.toMatchObject({
        status: 400,
        errors: { fieldErrors: { timeToLiveInSeconds: [expect.anything()] } },
      });
  });

  it('moves lastAccessedInstant and lastAccessedAddress (JWT-S60)', async () => {
    const { refreshToken } = await loginTo(service, APP_A);
    clock.advanceMs(1000);
    await use(refreshToken.value, {}, '10.0.0.9');
    const device = { lastAccessedAddress: '10.0.0.9', lastAccessedInstant: clock() };
    expect((await service.store.refreshTokens.get(refreshToken.id))?.metaData.device).toEqual(device);
    await use(refreshToken.value);
    expect((await service.store.refreshTokens.get(refreshToken.id))?.metaData.device).toEqual(device);
  });

  it('tells webhooks of tokens and of the token before (JWT-S53, JWT-S56)', async () => {
    const { refreshToken } = await loginTo(service, APP_A);
    events.length = 0;
    const { token } = await use(refreshToken.value, { token: 'OLD' });
    await use(refreshToken.value);
    const body = { applicationId: APP_A, userId: U1, refreshToken: refreshToken.value };
    expect(events).toEqual([
      { type: 'jwt.refresh', tenantId: TEN1, body: { ...body, token, original: 'OLD' } },
      { type: 'jwt.refresh', tenantId: TEN1, body: { ...body, token: expect.any(String) } },
    ]);
    expect(events[1]?.body).not.toHaveProperty('original');
  });

  it('raises what a revocation must outlast, and lowers it never (security.md T04)', async () => {
    const { refreshToken } = await loginTo(service, APP_A);
    const until = async () => (await service.store.refreshTokens.get(refreshToken.id))?.accessExpiresInstant;
    clock.advanceMs(60_000);
    const { tokenExpirationInstant } = await use(refreshToken.value);
    expect(await until()).toBe(tokenExpirationInstant + CLOCK_SKEW_MAX_MS);
    await use(refreshToken.value, { timeToLiveInSeconds: 1 });
    expect(await until()).toBe(tokenExpirationInstant + CLOCK_SKEW_MAX_MS);
  });

  it('asks transactional webhooks once of several uses of a one-time value at once', async () => {
    const { service: own, use: useOnce } = await withPolicy(oneTime);
    const { refreshToken } = await loginTo(own, APP_A);
    let asked = 0;
    const prepare = async () => {
      asked += 1;
      return { record: async () => {} };
    };
    const asking = { ...own, events: { prepare } };
    const uses = Array.from({ length: 5 }, () =>
      refresh(asking, { refreshToken: refreshToken.value }, EVERYWHERE),
    );
    const won = (await Promise.allSettled(uses)).filter(({ status }) => status === 'fulfilled');
    expect([won.length, asked]).toEqual([1, 1]);
    await expect(useOnce(refreshToken.value)).rejects.toMatchObject(invalid);
  });

  it('lets the next use of a one-time value try where a webhook refused the first', async () => {
    const { service: own } = await withPolicy(oneTime);
    const { refreshToken } = await loginTo(own, APP_A);
    let asked = 0;
    const prepare = async () => {
      asked += 1;
      if (asked === 1) throw new ServiceError(504, 'refused');
      return { record: async () => {} };
    };
    const asking = { ...own, events: { prepare } };
    const uses = [1, 2].map(() => refresh(asking, { refreshToken: refreshToken.value }, EVERYWHERE));
    const done = await Promise.allSettled(uses);
    expect(done.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  it('gives nothing, and tells no webhook, where the token is revoked meanwhile (security.md T04)', async () => {
    const { refreshToken } = await loginTo(service, APP_A);
    events.length = 0;
    const { signer } = service;
    const racing = {
      ...service,
      signer: {
        sign: async (...args: Parameters<typeof signer.sign>) => {
          await service.store.refreshTokens.revoke({ id: refreshToken.id }, clock());
          return await signer.sign(...args);
        },
      },
    };
    const input = { refreshToken: refreshToken.value };
    await expect(refresh(racing, input, EVERYWHERE)).rejects.toMatchObject(invalid);
    expect(events).toEqual([]);
  });

  it('gives up, and gives nothing, where it loses each race (security.md T04)', async () => {
    const { refreshToken } = await loginTo(service, APP_A);
    let lost = 0;
    const lose = async () => {
      lost += 1;
      return false;
    };
    const losing = <Table extends object>(table: Table): Table =>
      Object.assign(Object.create(table), { touch: lose, rotate: lose });
    const { store } = service;
    const racing = {
      ...service,
      store: {
        ...store,
        refreshTokens: losing(store.refreshTokens),
        transaction: <T>(work: (records: Records) => Promise<T>) =>
          store.transaction((records) => work({ ...records, refreshTokens: losing(records.refreshTokens) })),
      },
    };
    const input = { refreshToken: refreshToken.value };
    await expect(refresh(racing, input, EVERYWHERE)).rejects.toMatchObject({ status: 503 });
    expect(lost).toBeGreaterThan(1);
  });

  it('needs allowTokenRefresh of the application (JWT-P54)', async () => {
    const { refreshToken } = await loginTo(service, APP_B);
    const allow = (allowTokenRefresh: boolean) =>
      configure(service, 'applications', APP_B, (present) => ({
        ...present,
        loginConfiguration: { ...present.loginConfiguration, allowTokenRefresh },
      }));
    await allow(false);
    await expect(use(refreshToken.value)).rejects.toMatchObject({
      status: 400,
      errors: { fieldErrors: { refreshToken: [{ code: '[notAllowed]refreshToken' }] } },
    });
    await allow(true);
    await expect(use(refreshToken.value)).resolves.toBeDefined();
  });

  it('gives no tokens for a session token (JWT-S99)', async () => {
    const { refreshToken } = await loginTo(service, APP_A);
    const record = await service.store.refreshTokens.get(refreshToken.id);
    const id = service.random.uuid();
    const { value, ...kept } = newRefreshTokenValue(service, id);
    await service.store.refreshTokens.insert({ ...record!, ...kept, id, applicationId: null });
    await expect(use(value)).rejects.toMatchObject(invalid);
  });

  it('drops the application’s claims when the registration is gone', async () => {
    await addUser(service, service.random.uuid(), TEN1, 'u7@acme.com', [[APP_A, ['user']]]);
    const { refreshToken } = await loginTo(service, APP_A, 'u7@acme.com');
    const record = await service.store.refreshTokens.get(refreshToken.id);
    await service.store.users.deleteRegistration(record?.userId ?? '', APP_A);
    const { token } = await use(refreshToken.value);
    expect(decodePart(token, 1)).not.toHaveProperty('roles');
  });

  it('answers 404 where user or application are gone or shut out (JWT-S45)', async () => {
    const userId = service.random.uuid();
    await addUser(service, userId, TEN1, 'u8@acme.com', [[APP_A, ['user']]]);
    const { refreshToken } = await loginTo(service, APP_A, 'u8@acme.com');
    const user = await service.store.users.get(userId);
    for (const members of [{ active: false }, { expiry: clock() }]) {
      await service.store.users.update({ ...user!, ...members });
      await expect(use(refreshToken.value)).rejects.toMatchObject({ status: 404, errors: null });
    }
    await service.store.users.update(user!);
    await expect(use(refreshToken.value)).resolves.toBeDefined();
    await configure(service, 'applications', APP_A, (present) => ({ ...present, active: false }));
    await expect(use(refreshToken.value)).rejects.toMatchObject({ status: 404 });
  });

  it('gives no token that the store did not take (security.md T08, JWT-S91)', async () => {
    const { refreshToken } = await loginTo(service, APP_B);
    const failing = {
      ...service,
      store: {
        ...service.store,
        transaction: async <T>(work: (records: Records) => Promise<T>): Promise<T> => {
          await service.store.transaction(async (records) => {
            await work(records);
            throw new StoreUnavailableError('disk full');
          });
          throw new Error('unreachable');
        },
      },
    };
    const before = await service.store.refreshTokens.get(refreshToken.id);
    const input = { refreshToken: refreshToken.value };
    await expect(refresh(failing, input, EVERYWHERE)).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(await service.store.refreshTokens.get(refreshToken.id)).toEqual(before);
  });

  it('writes nothing where a transactional webhook refuses (JWT-P102)', async () => {
    const refusing = await testTokenService({
      parts: {
        events: {
          prepare: async ({ type }) => {
            if (type === 'jwt.refresh') throw new ServiceError(504, 'refused');
            return { record: async () => {} };
          },
        },
      },
    });
    await configureTokens(refusing.service, APP_A, oneTime);
    const { refreshToken } = await loginTo(refusing.service, APP_A);
    const before = await refusing.service.store.refreshTokens.get(refreshToken.id);
    const input = { refreshToken: refreshToken.value };
    await expect(refresh(refusing.service, input, EVERYWHERE)).rejects.toMatchObject({ status: 504 });
    expect(await refusing.service.store.refreshTokens.get(refreshToken.id)).toEqual(before);
  });
});

describe('refresh() with OneTimeUse', () => {
  it('rotates the value and keeps the id; the old one is dead, the new one lives (JWT-S47)', async () => {
    const { service, use } = await withPolicy(oneTime);
    const { refreshToken } = await loginTo(service, APP_A);
    const next = (await use(refreshToken.value)).refreshToken;
    expect(next.id).toBe(refreshToken.id);
    expect(next.value).toMatch(/^[A-Za-z0-9_-]{54}$/);
    expect(next.value).not.toBe(refreshToken.value);
    await expect(use(refreshToken.value)).rejects.toMatchObject(invalid);
    await expect(use(next.value)).resolves.toBeDefined();
  });

  it('remembers every value that was rotated away (security.md T02)', async () => {
    const { service, use } = await withPolicy({ ...oneTime, ...revoking });
    const { refreshToken } = await loginTo(service, APP_A);
    let value = refreshToken.value;
    for (let round = 0; round < 5; round += 1) ({ value } = (await use(value)).refreshToken);
    await expect(use(refreshToken.value)).rejects.toMatchObject(invalid);
    await expect(use(value)).rejects.toMatchObject(invalid);
  });

  it('answers a used value with the current one in its grace, without rotation (JWT-P48, security.md T07)', async () => {
    const { service, clock, use } = await withPolicy({
      ...oneTime,
      ...revoking,
      refreshTokenOneTimeUseConfiguration: { gracePeriodInSeconds: 10 },
    });
    const { refreshToken } = await loginTo(service, APP_A);
    const next = (await use(refreshToken.value)).refreshToken;
    clock.advanceMs(10_000);
    for (const _ of [1, 2]) {
      const again = await use(refreshToken.value);
      expect(again.refreshToken).toEqual(next);
      expect(decodePart(again.token, 1)['sid']).toBe(refreshToken.id);
    }
    clock.advanceMs(1);
    await expect(use(refreshToken.value)).rejects.toMatchObject(invalid);
  });

  const revoking = { refreshTokenRevocationPolicy: { onOneTimeTokenReuse: true } };

  it('ends the session when a used value comes again (JWT-P49, security.md T02)', async () => {
    const { service, events, use } = await withPolicy({ ...oneTime, ...revoking });
    const { refreshToken } = await loginTo(service, APP_A);
    const next = await use(refreshToken.value);
    await expect(use(refreshToken.value)).rejects.toMatchObject(invalid);
    await expect(use(next.refreshToken.value)).rejects.toMatchObject(invalid);
    expect(service.revocations.isRevoked(refreshToken.id)).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: 'jwt.refresh-token.revoke', body: { userId: U1 } });
  });

  it('ends it even where a webhook refuses to hear of it', async () => {
    const refusing = await testTokenService({
      parts: {
        events: {
          prepare: async ({ type }) => {
            if (type === 'jwt.refresh') return { record: async () => {} };
            throw new ServiceError(504, 'refused');
          },
        },
      },
    });
    const { service } = refusing;
    await configureTokens(service, APP_A, { ...oneTime, ...revoking });
    const { refreshToken } = await loginTo(service, APP_A);
    const use = (value: string) => refresh(service, { refreshToken: value }, EVERYWHERE);
    await use(refreshToken.value);
    await expect(use(refreshToken.value)).rejects.toMatchObject(invalid);
    expect(await service.store.refreshTokens.get(refreshToken.id)).toBeNull();
  });

  it('detects replay with the clock an hour back and in the same millisecond (security.md T06)', async () => {
    for (const backMs of [0, 60 * MINUTE_MS]) {
      const { service, clock, use } = await withPolicy({ ...oneTime, ...revoking });
      const { refreshToken } = await loginTo(service, APP_A);
      const second = (await use(refreshToken.value)).refreshToken;
      clock.advanceMs(-backMs);
      const third = (await use(second.value)).refreshToken;
      await expect(use(second.value)).rejects.toMatchObject(invalid);
      await expect(use(third.value)).rejects.toMatchObject(invalid);
    }
  });

  it('applies the tenant’s policy while the application’s own is not enabled (JWT-S50)', async () => {
    const { service, use } = await withPolicy({ ...oneTime, enabled: false });
    const { refreshToken } = await loginTo(service, APP_A);
    expect((await use(refreshToken.value)).refreshToken.value).toBe(refreshToken.value);
    await configureTokens(service, APP_A, { enabled: true });
    expect((await use(refreshToken.value)).refreshToken.value).not.toBe(refreshToken.value);
  });
});

describe('refresh() and the expiration policies', () => {
  const hour = 60 * MINUTE_MS;

  it('ends with Fixed a life after the start, used or not (JWT-P51)', async () => {
    const { service, clock, use } = await withPolicy({ refreshTokenTimeToLiveInMinutes: 60 });
    const { refreshToken } = await loginTo(service, APP_A);
    clock.advanceMs(hour - 1);
    expect((await use(refreshToken.value)).refreshToken.expiresInstant).toBe(refreshToken.expiresInstant);
    clock.advanceMs(1);
    await expect(use(refreshToken.value)).rejects.toMatchObject(invalid);
  });

  it('starts anew with SlidingWindow at each use (JWT-P51)', async () => {
    const { service, clock } = await withPolicy();
    await configureTokens(service, APP_S, { refreshTokenTimeToLiveInMinutes: 60 });
    const { refreshToken } = await loginTo(service, APP_S);
    const use = () => refresh(service, { refreshToken: refreshToken.value }, EVERYWHERE);
    for (let round = 0; round < 5; round += 1) {
      clock.advanceMs(hour - 1);
      expect((await use()).refreshToken.expiresInstant).toBe(clock() + hour);
    }
    clock.advanceMs(hour);
    await expect(use()).rejects.toMatchObject(invalid);
  });

  it('ends with the maximum life, counted from the insert (JWT-P51)', async () => {
    const { service, clock, use } = await withPolicy({
      ...oneTime,
      refreshTokenTimeToLiveInMinutes: 60,
      refreshTokenExpirationPolicy: 'SlidingWindowWithMaximumLifetime',
      refreshTokenSlidingWindowConfiguration: { maximumTimeToLiveInMinutes: 90 },
    });
    const { refreshToken } = await loginTo(service, APP_A);
    const start = clock();
    clock.advanceMs(50 * MINUTE_MS);
    const next = (await use(refreshToken.value)).refreshToken;
    expect(next.expiresInstant).toBe(start + 90 * MINUTE_MS);
    clock.setMs(start + 90 * MINUTE_MS);
    await expect(use(next.value)).rejects.toMatchObject(invalid);
  });
});
