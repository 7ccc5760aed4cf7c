import { describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../../../src/core/time.ts';
import { issue } from '../../../src/tokens/issue.ts';
import { refresh } from '../../../src/tokens/refresh.ts';
import { verifyAccessToken } from '../../../src/tokens/verify-access-token.ts';
import { restoreAfterEach } from '../../support/restored.ts';
import {
  APP_A,
  APP_B,
  APP_N,
  APP_S,
  APP_T2,
  addUser,
  configureTokens,
  EVERYWHERE,
  loginTo,
  TEN1,
  U1,
} from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';
import { decodePart } from '../../support/tokens.ts';

const opened = await testTokenService();
restoreAfterEach(opened);
const { service, clock } = opened;

async function issued(applicationId: string, token: string, refreshToken?: string) {
  const caller = await verifyAccessToken(service, token, EVERYWHERE);
  const { status, tokens } = await issue(service, { applicationId, refreshToken }, caller, EVERYWHERE);
  return { status, tokens, header: decodePart(tokens.token, 0), claims: decodePart(tokens.token, 1) };
}

describe('issue()', () => {
  it('gives a token for another application that ends when the first does (JWT-S08)', async () => {
    const { token } = await loginTo(service, APP_A);
    clock.advanceMs(10_000);
    const { status, tokens, header, claims } = await issued(APP_B, token);
    const first = decodePart(token, 1);
    expect(status).toBe(200);
    expect(claims).toMatchObject({
      aud: APP_B,
      applicationId: APP_B,
      roles: ['user'],
      sub: U1,
      exp: first['exp'],
      iat: clock() / 1000,
      auth_time: first['auth_time'],
      authenticationType: 'JWT_SSO',
    });
    expect(claims['jti']).not.toBe(first['jti']);
    expect(header['gty']).toEqual(['urn:ietf:params:oauth:grant-type:token-exchange']);
    expect(tokens.refreshToken).toBeNull();
  });

  it('answers 202 for an application where the user is not registered (JWT-S09)', async () => {
    const { token, refreshToken } = await loginTo(service, APP_A, 'u2@acme.com');
    const { status, claims, tokens } = await issued(APP_B, token, refreshToken.value);
    expect(status).toBe(202);
    expect(tokens.refreshToken).toBeNull();
    expect(claims).not.toHaveProperty('applicationId');
    expect(claims).not.toHaveProperty('roles');
  });

  it.each([
    ['unknown', '00000000-0000-4000-8000-999999999999'],
    ['of another tenant', APP_T2],
  ])('refuses an application that is %s (JWT-S11)', async (_, applicationId) => {
    const { token } = await loginTo(service, APP_A);
    await expect(issued(applicationId, token)).rejects.toMatchObject({
      status: 400,
      errors: { fieldErrors: { applicationId: [{ code: '[invalid]applicationId' }] } },
    });
  });

  it('answers 401, alike, where user or session are gone since (JWT-S101)', async () => {
    const userId = service.random.uuid();
    await addUser(service, userId, TEN1, 'u6@acme.com', [[APP_A, ['user']]]);
    const { token, refreshToken } = await loginTo(service, APP_A, 'u6@acme.com');
    const caller = await verifyAccessToken(service, token, EVERYWHERE);
    const attempt = () => issue(service, { applicationId: APP_A }, caller, EVERYWHERE);
    const user = await service.store.users.get(userId);
    await service.store.users.update({ ...user!, active: false });
    await expect(attempt()).rejects.toMatchObject({ status: 401, errors: null });
    await service.store.users.update(user!);
    await expect(attempt()).resolves.toBeDefined();
    await service.store.refreshTokens.revoke({ id: refreshToken.id }, clock());
    await expect(attempt()).rejects.toMatchObject({ status: 401, errors: null });
    await service.store.users.delete(userId);
    await expect(attempt()).rejects.toMatchObject({ status: 401, errors: null });
  });
});

describe('issue() with a refresh token', () => {
  it('gives a new one with the start of the old one (JWT-S12, JWT-S16)', async () => {
    const { token, refreshToken } = await loginTo(service, APP_A);
    clock.advanceMs(60_000);
    const { tokens, claims } = await issued(APP_B, token, refreshToken.value);
    const next = tokens.refreshToken;
    expect(next?.value).toMatch(/^[A-Za-z0-9_-]{54}$/);
    expect(next?.value).not.toBe(refreshToken.value);
    expect(next?.expiresInstant).toBe(refreshToken.expiresInstant);
    expect(claims['sid']).toBe(next?.id);
    const record = await service.store.refreshTokens.get(next?.id ?? '');
    const old = await service.store.refreshTokens.get(refreshToken.id);
    expect(record).toMatchObject({
      applicationId: APP_B,
      userId: U1,
      startInstant: old?.startInstant,
      insertInstant: clock(),
    });
    const refreshed = await refresh(service, { refreshToken: next?.value }, EVERYWHERE);
    expect(decodePart(refreshed.token, 1)['aud']).toBe(APP_B);
    await expect(refresh(service, { refreshToken: refreshToken.value }, EVERYWHERE)).resolves.toBeDefined();
  });

  it('gives none for an application that makes none (JWT-S14)', async () => {
    const { token, refreshToken } = await loginTo(service, APP_A);
    const { status, tokens, claims } = await issued(APP_N, token, refreshToken.value);
    expect({ status, refreshToken: tokens.refreshToken }).toEqual({ status: 200, refreshToken: null });
    expect(claims['sid']).toBe(refreshToken.id);
  });

  it('gives none where the expiration policies differ (JWT-S17)', async () => {
    const { token, refreshToken } = await loginTo(service, APP_A);
    expect((await issued(APP_S, token, refreshToken.value)).tokens.refreshToken).toBeNull();
    await configureTokens(service, APP_S, { refreshTokenExpirationPolicy: 'Fixed' });
    expect((await issued(APP_S, token, refreshToken.value)).tokens.refreshToken).not.toBeNull();
  });

  it('ignores one that is unknown, foreign, rotated away, revoked or expired (JWT-S15)', async () => {
    await configureTokens(service, APP_B, { refreshTokenUsagePolicy: 'OneTimeUse' });
    const none = async (value: string) => {
      const { token } = await loginTo(service, APP_A);
      const { status, tokens } = await issued(APP_A, token, value);
      expect({ status, refreshToken: tokens.refreshToken }).toEqual({ status: 200, refreshToken: null });
    };
    for (const value of ['garbage', '', 'undefined']) await none(value);
    const foreign = await loginTo(service, APP_A, 'u2@acme.com');
    await none(foreign.refreshToken.value);
    const revoked = await loginTo(service, APP_A);
    await service.store.refreshTokens.revoke({ id: revoked.refreshToken.id }, clock());
    await none(revoked.refreshToken.value);
    const rotated = await loginTo(service, APP_B);
    await refresh(service, { refreshToken: rotated.refreshToken.value }, EVERYWHERE);
    await none(rotated.refreshToken.value);
    const expired = await loginTo(service, APP_A);
    clock.setMs(expired.refreshToken.expiresInstant);
    await none(expired.refreshToken.value);
  });

  it('makes no session longer than its maximum by going from application to application', async () => {
    const bounded = {
      refreshTokenExpirationPolicy: 'SlidingWindowWithMaximumLifetime',
      refreshTokenTimeToLiveInMinutes: 60,
      refreshTokenSlidingWindowConfiguration: { maximumTimeToLiveInMinutes: 90 },
    } as const;
    await configureTokens(service, APP_A, bounded);
    await configureTokens(service, APP_B, { ...bounded, refreshTokenUsagePolicy: 'Reusable' });
    const { token, refreshToken } = await loginTo(service, APP_A);
    const start = clock();
    clock.advanceMs(59 * MINUTE_MS);
    const { tokens } = await issued(APP_B, token, refreshToken.value);
    const again = await refresh(service, { refreshToken: tokens.refreshToken?.value }, EVERYWHERE);
    expect(again.refreshToken.expiresInstant).toBe(start + 90 * MINUTE_MS);
  });

  it('gives no refresh token of one that is revoked meanwhile (security.md T04)', async () => {
    const { token, refreshToken } = await loginTo(service, APP_A);
    const second = await loginTo(service, APP_A);
    const caller = await verifyAccessToken(service, second.token, EVERYWHERE);
    const { signer } = service;
    const racing = {
      ...service,
      signer: {
        sign: async (...args: Parameters<typeof signer.sign>) => {
          await service.store.refreshTokens.revoke({ id: refreshToken.id }, clock());
          return signer.sign(...args);
        },
      },
    };
    const input = { applicationId: APP_B, refreshToken: refreshToken.value };
    const { tokens } = await issue(racing, input, caller, EVERYWHERE);
    expect(tokens.refreshToken).toBeNull();
    expect(decodePart(tokens.token, 1)['sid']).toBe(second.refreshToken.id);
    expect(token).not.toBe(second.token);
  });
});
