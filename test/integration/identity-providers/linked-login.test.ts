/** A login that leaves its user as it is: the store is asked twice, and what is answered is what it has then. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../../src/tokens/store.ts';
import { addProvider, joinProvider, type TestProvider } from '../../support/identity-provider.ts';
import { eachStore } from '../../support/store.ts';
import { APP_A, APP_N } from '../../support/token-fixtures.ts';
import { type TestTokenService, testTokenService } from '../../support/token-service.ts';

/** The store, and what it was asked for. */
function watched(store: Store): { readonly store: Store; readonly asked: string[] } {
  const asked: string[] = [];
  const { find, record } = store.logins;
  const logins: Store['logins'] = {
    find: (...identity) => {
      asked.push('find');
      return find(...identity);
    },
    record: (login) => {
      asked.push('record');
      return record(login);
    },
  };
  const transaction: Store['transaction'] = (work) => {
    asked.push('transaction');
    return store.transaction(work);
  };
  return { asked, store: { ...store, logins, transaction } };
}

eachStore((_, open) => {
  let bench: TestTokenService;
  let provider: TestProvider;
  let asked: string[];
  beforeAll(async () => {
    bench = await testTokenService({ database: { open } });
    await addProvider(bench, {
      applicationConfiguration: {
        [APP_A]: { enabled: true, createRegistration: true },
        [APP_N]: { enabled: true, createRegistration: false },
      },
    });
    const seen = watched(bench.service.store);
    asked = seen.asked;
    provider = joinProvider({ service: { ...bench.service, store: seen.store }, clock: bench.clock });
  });

  /** What the store is asked for by each login of one identity. */
  async function questionsOf(...applicationIds: string[]): Promise<string[][]> {
    const token = provider.token({ sub: applicationIds.join(), email: `${applicationIds.length}@acme.com` });
    const questions: string[][] = [];
    for (const applicationId of applicationIds) {
      asked.length = 0;
      await provider.login(token, { applicationId });
      questions.push([...asked]);
    }
    return questions;
  }

  describe('reconcile() of a linked user', () => {
    it('is one look and one change', async () => {
      const [first, second] = await questionsOf(APP_A, APP_A);
      expect(first).toEqual(['find', 'transaction']);
      expect(second).toEqual(['find', 'record']);
    });

    it('looks again under the lock where the user is not registered, or becomes it', async () => {
      const [, unregistered, registers, registered] = await questionsOf(APP_N, APP_N, APP_A, APP_A);
      expect([unregistered, registers]).toEqual([
        ['find', 'transaction'],
        ['find', 'transaction'],
      ]);
      expect(registered).toEqual(['find', 'record']);
    });

    it('answers with the user as the store has it then', async () => {
      const token = provider.token({ sub: 'same', email: 'same@acme.com' });
      await provider.login(token);
      bench.clock.advanceMs(5000);
      const { user, tokens } = await provider.login(token, { ipAddress: '192.0.2.7' });
      const { store } = bench.service;
      expect(user).toEqual(await store.users.get(user.id));
      expect(user.lastLoginInstant).toBe(bench.clock());
      expect(await store.refreshTokens.get(tokens?.refreshToken?.id ?? '')).toMatchObject({
        userId: user.id,
      });
      expect((await store.loginRecords.list(user.id, 10))[0]).toMatchObject({
        ipAddress: '192.0.2.7',
        instant: bench.clock(),
      });
    });
  });
});
