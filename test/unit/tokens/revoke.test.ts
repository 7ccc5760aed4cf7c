import { describe, expect, it } from 'vitest';
import type { Caller } from '../../../src/tokens/authenticate.ts';
import { logout } from '../../../src/tokens/logout.ts';
import { refresh } from '../../../src/tokens/refresh.ts';
import { type RevokeInput, revoke } from '../../../src/tokens/revoke.ts';
import { revokeToken } from '../../../src/tokens/revoke-token.ts';
import { verifyAccessToken } from '../../../src/tokens/verify-access-token.ts';
import { restoreAfterEach } from '../../support/restored.ts';
import {
  APP_A,
  APP_B,
  APP_H,
  APP_N,
  APP_S,
  APP_T2,
  configureTokens,
  EVERYWHERE,
  loginTo,
  TEN1,
  TEN2,
  U1,
  U2,
} from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';

const shared = await testTokenService();
restoreAfterEach(shared);
const { service, events } = shared;
const [apiKey] = service.catalog().apiKeys.values();
const byKey: Caller = { kind: 'apiKey', apiKey: apiKey! };
const by = async (token: string): Promise<Caller> => ({
  kind: 'user',
  user: await verifyAccessToken(service, token, EVERYWHERE),
});

const run = (input: RevokeInput, caller: Caller = byKey, tenantId: string | null = null) =>
  revoke(service, input, caller, { ...EVERYWHERE, tenantId });

async function isAlive({ refreshToken }: Awaited<ReturnType<typeof loginTo>>): Promise<boolean> {
  return await refresh(service, { refreshToken: refreshToken.value }, EVERYWHERE).then(
    () => true,
    () => false,
  );
}

async function logins() {
  return {
    u1a: await loginTo(service, APP_A),
    u1b: await loginTo(service, APP_B),
    u2a: await loginTo(service, APP_A, 'u2@acme.com'),
  };
}

async function alive(tokens: Awaited<ReturnType<typeof logins>>) {
  return [await isAlive(tokens.u1a), await isAlive(tokens.u1b), await isAlive(tokens.u2a)];
}

describe('revoke() of many', () => {
  it('ends all sessions of an application (JWT-S62)', async () => {
    const tokens = await logins();
    await run({ applicationId: APP_A });
    expect(await alive(tokens)).toEqual([false, true, false]);
  });

  it('ends all sessions of a user (JWT-S63)', async () => {
    const tokens = await logins();
    await run({ userId: U1 });
    expect(await alive(tokens)).toEqual([false, false, true]);
  });

  it('ends a user’s sessions with one application (JWT-S64)', async () => {
    const tokens = await logins();
    await run({ userId: U1, applicationId: APP_A });
    expect(await alive(tokens)).toEqual([false, true, true]);
  });

  it('is for API keys only (JWT-S70)', async () => {
    const { u1a } = await logins();
    const user = await by(u1a.token);
    for (const input of [{ userId: U1 }, { applicationId: APP_A }, { userId: U1, applicationId: APP_A }])
      await expect(run(input, user)).rejects.toMatchObject({ status: 401, errors: null });
  });

  it('answers 404 for what is not there, and 400 where nothing is named (JWT-S71)', async () => {
    const nowhere = '00000000-0000-4000-8000-999999999999';
    for (const input of [
      { userId: nowhere },
      { applicationId: nowhere },
      { userId: U1, applicationId: APP_T2 },
    ])
      await expect(run(input)).rejects.toMatchObject({ status: 404, errors: null });
    await expect(run({})).rejects.toMatchObject({
      status: 400,
      errors: { generalErrors: [expect.anything()] },
    });
  });

  it('sees nothing of other tenants (JWT-S86)', async () => {
    const tokens = await logins();
    for (const input of [{ userId: U1 }, { applicationId: APP_A }, { tokenId: tokens.u1a.refreshToken.id }])
      await expect(run(input, byKey, TEN2)).rejects.toMatchObject({ status: 404 });
    expect(await alive(tokens)).toEqual([true, true, true]);
    await expect(run({ userId: U1 }, byKey, TEN1)).resolves.toBeUndefined();
  });
});

describe('revoke() of one', () => {
  it('ends a session by id once (JWT-S65)', async () => {
    const tokens = await logins();
    await run({ tokenId: tokens.u1a.refreshToken.id });
    expect(await alive(tokens)).toEqual([false, true, true]);
    await expect(run({ tokenId: tokens.u1a.refreshToken.id })).rejects.toMatchObject({ status: 404 });
  });

  it('ends a session once, also where two calls find it (JWT-S65)', async () => {
    const tokens = await logins();
    const tokenId = tokens.u1a.refreshToken.id;
    const outcomes = await Promise.allSettled([run({ tokenId }), run({ tokenId })]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes).toContainEqual({ status: 'rejected', reason: expect.objectContaining({ status: 404 }) });
  });

  it('lets users end their own only (JWT-S66)', async () => {
    const tokens = await logins();
    const input = { tokenId: tokens.u1a.refreshToken.id };
    await expect(run(input, await by(tokens.u2a.token))).rejects.toMatchObject({ status: 401, errors: null });
    expect(await isAlive(tokens.u1a)).toBe(true);
    await run(input, await by(tokens.u1b.token));
    expect(await isAlive(tokens.u1a)).toBe(false);
  });

  it('ends a session by value, also of the user’s own (JWT-S67, JWT-S68, JWT-P69)', async () => {
    const tokens = await logins();
    await run({ token: tokens.u1a.refreshToken.value }, await by(tokens.u1a.token));
    await run({ token: tokens.u2a.refreshToken.value });
    expect(await alive(tokens)).toEqual([false, true, false]);
    await expect(run({ token: 'unknown' })).rejects.toMatchObject({ status: 404 });
  });

  it('ends a session by a value that was rotated away', async () => {
    await configureTokens(service, APP_S, { refreshTokenUsagePolicy: 'OneTimeUse' });
    const first = await loginTo(service, APP_S);
    const { refreshToken } = await refresh(service, { refreshToken: first.refreshToken.value }, EVERYWHERE);
    await run({ token: first.refreshToken.value });
    expect(await isAlive({ ...first, refreshToken })).toBe(false);
  });

  it('ends none that is not what else the call says of it', async () => {
    const tokens = await logins();
    const token = tokens.u1a.refreshToken.value;
    await expect(run({ token, userId: U2 })).rejects.toMatchObject({ status: 404 });
    await expect(run({ token, applicationId: APP_B })).rejects.toMatchObject({ status: 404 });
    await run({ token, userId: U1, applicationId: APP_A });
    expect(await isAlive(tokens.u1a)).toBe(false);
  });

  it('makes access tokens of the session refused at once', async () => {
    const { u1a } = await logins();
    await run({ tokenId: u1a.refreshToken.id });
    await expect(verifyAccessToken(service, u1a.token, EVERYWHERE)).rejects.toMatchObject({ status: 401 });
  });
});

describe('the event jwt.refresh-token.revoke (JWT-S73)', () => {
  const ttl = 3600;
  const user = { id: U1, tenantId: TEN1, email: 'u1@acme.com' };

  it('of one token names application, token and user', async () => {
    const { u1a } = await logins();
    await run({ tokenId: u1a.refreshToken.id });
    expect(events).toMatchObject([
      {
        type: 'jwt.refresh-token.revoke',
        tenantId: TEN1,
        body: {
          applicationId: APP_A,
          applicationTimeToLiveInSeconds: { [APP_A]: ttl },
          refreshToken: { id: u1a.refreshToken.id, applicationId: APP_A, userId: U1 },
          user,
          userId: U1,
        },
      },
    ]);
    expect(events[0]?.body['refreshToken']).not.toHaveProperty('token');
    expect(JSON.stringify(events[0])).not.toContain('scrypt');
  });

  it('of one token is told once, however many end it at the same time', async () => {
    const { u1a } = await logins();
    const ends = Array.from({ length: 3 }, () => run({ tokenId: u1a.refreshToken.id }));
    const done = await Promise.allSettled(ends);
    expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(events).toHaveLength(1);
  });

  it('of a user names all applications of the tenant', async () => {
    await run({ userId: U1 });
    const all = Object.fromEntries([APP_A, APP_B, APP_N, APP_H, APP_S].map((id) => [id, ttl]));
    expect(events).toMatchObject([{ body: { user, userId: U1 } }]);
    expect(events[0]?.body['applicationTimeToLiveInSeconds']).toEqual(all);
    expect(events[0]?.body).not.toHaveProperty('applicationId');
  });

  it('of an application names it, and its time to live', async () => {
    await configureTokens(service, APP_H, { timeToLiveInSeconds: 77 });
    await run({ applicationId: APP_H });
    expect(events.map(({ body }) => body)).toEqual([
      { applicationId: APP_H, applicationTimeToLiveInSeconds: { [APP_H]: 77 } },
    ]);
  });
});

describe('logout()', () => {
  it('ends the session of the refresh token, with global all of its user', async () => {
    const tokens = await logins();
    await logout(service, { refreshToken: tokens.u1a.refreshToken.value }, EVERYWHERE);
    expect(await alive(tokens)).toEqual([false, true, true]);
    await logout(service, { refreshToken: tokens.u1b.refreshToken.value, global: true }, EVERYWHERE);
    expect(await alive(tokens)).toEqual([false, false, true]);
    expect(events.filter(({ type }) => type === 'jwt.refresh-token.revoke')).toHaveLength(2);
  });

  it('ends no more than its own session with a value that was used up', async () => {
    await configureTokens(service, APP_S, { refreshTokenUsagePolicy: 'OneTimeUse' });
    const tokens = await logins();
    const first = await loginTo(service, APP_S);
    const { refreshToken } = await refresh(service, { refreshToken: first.refreshToken.value }, EVERYWHERE);
    await logout(service, { refreshToken: first.refreshToken.value, global: true }, EVERYWHERE);
    expect(await isAlive({ ...first, refreshToken })).toBe(false);
    expect(await alive(tokens)).toEqual([true, true, true]);
  });

  it('is no failure without a session, and none of another tenant’s', async () => {
    const tokens = await logins();
    await logout(service, {}, EVERYWHERE);
    await logout(service, { refreshToken: 'unknown', global: true }, EVERYWHERE);
    const refreshToken = tokens.u1a.refreshToken.value;
    await logout(service, { refreshToken, global: true }, { ...EVERYWHERE, tenantId: TEN2 });
    expect(await alive(tokens)).toEqual([true, true, true]);
  });
});

describe('revokeToken() (RFC 7009, security.md T11)', () => {
  it('ends the session of a refresh token or access token, as often as it is asked', async () => {
    const tokens = await logins();
    await revokeToken(service, tokens.u1a.token, EVERYWHERE);
    await revokeToken(service, tokens.u2a.refreshToken.value, EVERYWHERE);
    expect(await alive(tokens)).toEqual([false, true, false]);
    await revokeToken(service, tokens.u1a.token, EVERYWHERE);
    await revokeToken(service, tokens.u2a.refreshToken.value, EVERYWHERE);
    await revokeToken(service, 'unknown', EVERYWHERE);
    await revokeToken(service, 'a.b.c', EVERYWHERE);
  });

  it('tells of an access token without session that it cannot be ended, to its own client', async () => {
    const { token } = await loginTo(service, APP_N);
    expect(await revokeToken(service, token, EVERYWHERE)).toBe('noSession');
    expect(await revokeToken(service, token, EVERYWHERE, APP_N)).toBe('noSession');
    expect(await revokeToken(service, token, EVERYWHERE, APP_A)).toBe('done');
  });

  it('ends none of another tenant', async () => {
    const tokens = await logins();
    const foreign = { ...EVERYWHERE, tenantId: TEN2 };
    await revokeToken(service, tokens.u1a.token, foreign);
    await revokeToken(service, tokens.u1a.refreshToken.value, foreign);
    expect(await isAlive(tokens.u1a)).toBe(true);
  });
});
