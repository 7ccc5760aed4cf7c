/** Logins of one user, and what else happens to that user at the same time: none waits for ever, none outlives a change. */
import { beforeAll, describe, expect, it } from 'vitest';
import { userSchema } from '../../../src/objects/user.ts';
import { issue } from '../../../src/tokens/issue.ts';
import { deleteRegistration } from '../../../src/tokens/objects/registrations.ts';
import { changeUser } from '../../../src/tokens/objects/users.ts';
import type { TokenService } from '../../../src/tokens/service.ts';
import { verifyAccessToken } from '../../../src/tokens/verify-access-token.ts';
import { eachStore } from '../../support/store.ts';
import { APP_A, APP_B, addUser, EVERYWHERE, loginTo, TEN1 } from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';

const AT_ONCE = 8;
/** Deadlocks of PostgreSQL take a second each to be seen. */
const PATIENCE_MS = 120_000;

/** Counts how often the work of its transactions begins: more than once where the database asks for it. */
function counting(service: TokenService): { readonly service: TokenService; tries(): number } {
  let tries = 0;
  const { store } = service;
  const transaction: typeof store.transaction = (work) =>
    store.transaction((records) => {
      tries += 1;
      return work(records);
    });
  return { service: { ...service, store: { ...store, transaction } }, tries: () => tries };
}

/** Signs only when the gate opens: what was read before is old by then. */
function signingLate(service: TokenService): {
  readonly service: TokenService;
  readonly isSigning: Promise<void>;
  sign(): void;
} {
  const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const sign: TokenService['signer']['sign'] = async (...given) => {
    reached.resolve();
    await gate.promise;
    return await service.signer.sign(...given);
  };
  return { service: { ...service, signer: { sign } }, isSigning: reached.promise, sign: gate.resolve };
}

eachStore((_, open) => {
  let service: TokenService;
  let userId: string;
  let loginId: string;

  beforeAll(async () => {
    ({ service } = await testTokenService({ database: { open } }));
  });

  async function newUser(): Promise<void> {
    userId = service.random.uuid();
    loginId = `${userId}@acme.com`;
    await addUser(service, userId, TEN1, loginId, [
      [APP_A, ['admin']],
      [APP_B, ['user']],
    ]);
  }

  async function change(members: object): Promise<void> {
    await changeUser(service, userId, EVERYWHERE, ({ email, username, data }) =>
      userSchema.parse({ email, username, data, ...members }),
    );
  }

  describe('login() of one user, many times at once', () => {
    it(
      'begins a session each, without a deadlock',
      async () => {
        await newUser();
        const counted = counting(service);
        const logins = Array.from({ length: AT_ONCE }, () => loginTo(counted.service, APP_A, loginId));
        await Promise.all(logins);
        expect(counted.tries()).toBe(AT_ONCE);
        expect(await service.store.refreshTokens.list({ userId }, 100)).toHaveLength(AT_ONCE);
      },
      PATIENCE_MS,
    );
  });

  describe('login() while the user changes', () => {
    it('gives nothing for a password that was replaced meanwhile (security.md C02)', async () => {
      await newUser();
      const late = signingLate(service);
      const login = loginTo(late.service, APP_A, loginId);
      await late.isSigning;
      await change({ password: 'another horse battery' });
      late.sign();
      await expect(login).rejects.toMatchObject({ status: 404 });
      expect(await service.store.refreshTokens.list({ userId }, 100)).toEqual([]);
    });

    it('gives no session of an application that the user has left meanwhile', async () => {
      await newUser();
      const late = signingLate(service);
      const login = loginTo(late.service, APP_A, loginId);
      await late.isSigning;
      await deleteRegistration(service, userId, APP_A, EVERYWHERE);
      late.sign();
      expect((await login).refreshToken.id).toBe('');
      expect(await service.store.refreshTokens.list({ userId }, 100)).toEqual([]);
    });
  });

  describe('issue() while the user changes', () => {
    const issueOf = async (by: TokenService, tokens: Awaited<ReturnType<typeof loginTo>>) => {
      const caller = await verifyAccessToken(by, tokens.token, EVERYWHERE);
      const input = { applicationId: APP_B, refreshToken: tokens.refreshToken.value };
      return await issue(by, input, caller, EVERYWHERE);
    };

    it(
      'waits for the user before it takes a token, as all others do',
      async () => {
        await newUser();
        const tokens = await loginTo(service, APP_A, loginId);
        const counted = counting(service);
        const [locked, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
        const revoking = service.store.transaction(async ({ users, refreshTokens }) => {
          await users.get(userId, { lock: true });
          locked.resolve();
          await gate.promise;
          await refreshTokens.revoke({ userId }, service.clock());
        });
        await locked.promise;
        const issuing = issueOf(counted.service, tokens);
        await new Promise((wait) => setTimeout(wait, 300)); // it has come to what is locked
        gate.resolve();
        await revoking;
        await expect(issuing).rejects.toMatchObject({ status: 401 });
        expect(counted.tries()).toBe(1);
      },
      PATIENCE_MS,
    );

    it('gives no session of an application that the user has left meanwhile', async () => {
      await newUser();
      const tokens = await loginTo(service, APP_A, loginId);
      const late = signingLate(service);
      const issuing = issueOf(late.service, tokens);
      await late.isSigning;
      await deleteRegistration(service, userId, APP_B, EVERYWHERE);
      late.sign();
      expect(await issuing).toMatchObject({ status: 202, tokens: { refreshToken: null } });
      const kept = await service.store.refreshTokens.list({ userId }, 100);
      expect(kept.map(({ applicationId }) => applicationId)).toEqual([APP_A]);
    });
  });
});
