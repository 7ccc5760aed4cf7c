import { describe, expect, it } from 'vitest';
import { newRefreshTokenValue } from '../../../src/tokens/refresh-token-value.ts';
import { retrieveRefreshToken, retrieveRefreshTokens } from '../../../src/tokens/retrieve.ts';
import { APP_A, APP_B, EVERYWHERE, loginTo, TEN1, TEN2, U1, U2 } from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';

const { service, clock } = await testTokenService();
const elsewhere = { ...EVERYWHERE, tenantId: TEN2 };

describe('retrieveRefreshToken()', () => {
  it('shows a token with its value (JWT-S57)', async () => {
    const { refreshToken } = await loginTo(service, APP_A);
    expect(await retrieveRefreshToken(service, refreshToken.id, EVERYWHERE)).toEqual({
      applicationId: APP_A,
      id: refreshToken.id,
      insertInstant: clock(),
      metaData: { device: { lastAccessedInstant: clock() }, scopes: [] },
      startInstant: clock(),
      token: refreshToken.value,
      userId: U1,
    });
  });

  it('answers 404 for unknown, revoked and ended ones, and those of another tenant (JWT-S58, JWT-S86)', async () => {
    const missing = { status: 404, errors: null };
    const { refreshToken } = await loginTo(service, APP_A);
    const show = (scope = EVERYWHERE) => retrieveRefreshToken(service, refreshToken.id, scope);
    await expect(retrieveRefreshToken(service, U1, EVERYWHERE)).rejects.toMatchObject(missing);
    await expect(show(elsewhere)).rejects.toMatchObject(missing);
    await expect(show({ ...EVERYWHERE, tenantId: TEN1 })).resolves.toBeDefined();
    const begin = clock();
    clock.setMs(refreshToken.expiresInstant);
    await expect(show()).rejects.toMatchObject(missing);
    clock.setMs(begin);
    await service.store.refreshTokens.revoke({ id: refreshToken.id }, clock());
    await expect(show()).rejects.toMatchObject(missing);
  });

  it('shows no application of a session token (JWT-S99)', async () => {
    const { refreshToken } = await loginTo(service, APP_A);
    const record = await service.store.refreshTokens.get(refreshToken.id);
    const id = service.random.uuid();
    const { value, ...kept } = newRefreshTokenValue(service, id);
    await service.store.refreshTokens.insert({ ...record!, ...kept, id, applicationId: null });
    const view = await retrieveRefreshToken(service, id, EVERYWHERE);
    expect(view).toMatchObject({ id, token: value });
    expect(view).not.toHaveProperty('applicationId');
  });
});

describe('retrieveRefreshTokens()', () => {
  it('shows the tokens of a user, and none for one without or out of sight (JWT-S59, JWT-S86)', async () => {
    await service.store.refreshTokens.revoke({ userId: U1 }, clock());
    const tokens = [await loginTo(service, APP_A), await loginTo(service, APP_B)];
    const shown = await retrieveRefreshTokens(service, U1, EVERYWHERE);
    expect(shown.map(({ token }) => token).toSorted()).toEqual(
      tokens.map(({ refreshToken }) => refreshToken.value).toSorted(),
    );
    expect(await retrieveRefreshTokens(service, U2, EVERYWHERE)).toEqual([]);
    expect(await retrieveRefreshTokens(service, U1, elsewhere)).toEqual([]);
    clock.setMs(tokens[0]!.refreshToken.expiresInstant);
    expect(await retrieveRefreshTokens(service, U1, EVERYWHERE)).toEqual([]);
  });
});
