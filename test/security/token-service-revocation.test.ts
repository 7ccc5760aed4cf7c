/** What ends a session, and whether anything of it is taken afterwards. */
import { describe, expect, it } from 'vitest';
import { userSchema } from '../../src/objects/user.ts';
import { introspect } from '../../src/tokens/introspect.ts';
import { changeUser } from '../../src/tokens/objects/users.ts';
import { refresh } from '../../src/tokens/refresh.ts';
import { CLOCK_SKEW_MAX_MS } from '../../src/tokens/refresh-policy.ts';
import { revoke } from '../../src/tokens/revoke.ts';
import { StoreUnavailableError } from '../../src/tokens/store.ts';
import { validate } from '../../src/tokens/validate.ts';
import { APP_A, EVERYWHERE, loginTo, U1, U2 } from '../support/token-fixtures.ts';
import { testTokenService } from '../support/token-service.ts';

const { service, clock } = await testTokenService();

async function change(userId: string, members: object) {
  await changeUser(service, userId, EVERYWHERE, ({ email, data }) =>
    userSchema.parse({ email, data, ...members }),
  );
}

async function isAlive({ token, refreshToken }: Awaited<ReturnType<typeof loginTo>>) {
  const access = await validate(service, token, EVERYWHERE).then(
    () => true,
    () => false,
  );
  const session = await refresh(service, { refreshToken: refreshToken.value }, EVERYWHERE).then(
    () => true,
    () => false,
  );
  return { access, session };
}

describe('a session', () => {
  it.each([
    ['the user is deactivated', { active: false }],
    ['the account ends', { expiry: 1 }],
    ['the password changes', { password: 'another horse battery' }],
  ])('ends at once when %s, with its access tokens (security.md C02)', async (_when, members) => {
    const [ended, other] = [await loginTo(service, APP_A), await loginTo(service, APP_A, 'u2@acme.com')];
    await change(U1, members);
    await change(U1, { active: true });
    expect(await isAlive(ended)).toEqual({ access: false, session: false });
    expect(await isAlive(other)).toEqual({ access: true, session: true });
    await service.store.users.update({
      ...((await service.store.users.get(U1)) ?? expect.unreachable()),
      passwordHash: (await service.store.users.get(U2))?.passwordHash ?? null,
    });
  });

  it('answers 404 while its user is shut out (JWT-S45)', async () => {
    const tokens = await loginTo(service, APP_A);
    await change(U1, { active: false });
    expect((await isAlive(tokens)).access).toBe(false);
    const used = refresh(service, { refreshToken: tokens.refreshToken.value }, EVERYWHERE);
    await expect(used).rejects.toMatchObject({ status: 404 });
    await change(U1, {});
  });

  it('goes on when something else of the user changes', async () => {
    const tokens = await loginTo(service, APP_A);
    await change(U1, { firstName: 'Una' });
    expect(await isAlive(tokens)).toEqual({ access: true, session: true });
  });

  it('that ends after its access token is still told to realms that allow clock skew (security.md C02)', async () => {
    const { refreshToken, tokenExpirationInstant } = await loginTo(service, APP_A);
    clock.setMs(tokenExpirationInstant + CLOCK_SKEW_MAX_MS - 1);
    const [apiKey] = service.catalog().apiKeys.values();
    const caller = { kind: 'apiKey', apiKey: apiKey ?? expect.unreachable() } as const;
    await revoke(service, { tokenId: refreshToken.id }, caller, EVERYWHERE);
    expect(service.revocations.isRevoked(refreshToken.id)).toBe(true);
  });
});

describe('an access token, while nobody knows which sessions have ended', () => {
  it('is neither good nor bad: 503 (security.md C02, T08)', async () => {
    const { token } = await loginTo(service, APP_A);
    const blind = { ...service, revocations: { ...known(), isCurrent: () => false } };
    await expect(validate(blind, token, EVERYWHERE)).rejects.toThrow(StoreUnavailableError);
    await expect(introspect(blind, token, EVERYWHERE)).rejects.toThrow(StoreUnavailableError);
  });

  function known() {
    return { isRevoked: () => false, refresh: async () => {} };
  }
});
