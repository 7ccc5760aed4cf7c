/** Logins at the same time, in one process and in two: one identity is one user with one link. */
import { beforeAll, describe, expect, it } from 'vitest';
import { addProvider, IDP1, joinProvider, type TestProvider } from '../../support/identity-provider.ts';
import { eachStore } from '../../support/store.ts';
import { TEN1 } from '../../support/token-fixtures.ts';
import {
  joinTestTokenService,
  type TestTokenService,
  testTokenService,
} from '../../support/token-service.ts';

/** Logins at once, half of them in each process. */
const ROUNDS = 5;
const AT_ONCE = 8;

eachStore((_, open) => {
  let first: TestTokenService;
  let second: TestTokenService;
  let here: TestProvider;
  let there: TestProvider;
  beforeAll(async () => {
    first = await testTokenService({ database: { open } });
    here = await addProvider(first);
    second = await joinTestTokenService({ database: { open }, clock: first.clock });
    there = joinProvider(second);
  });

  describe('reconcile() of one identity, many times at once on two processes', () => {
    it.each(['LinkByEmail', 'LinkByUsername', 'LinkAnonymously'])(
      'T16: makes one user and one link with %s',
      async (linkingStrategy) => {
        await here.change({ linkingStrategy });
        await second.service.refreshCatalog();
        for (let round = 0; round < ROUNDS; round += 1) {
          const sub = `${linkingStrategy}-${round}`;
          const claims = { sub, email: `${sub}@acme.com`, preferred_username: sub };
          const logins = Array.from({ length: AT_ONCE }, (_, index) =>
            (index % 2 === 0 ? here : there).login(here.token(claims)),
          );
          const results = await Promise.all(logins);
          const ids = new Set(results.map(({ user }) => user.id));
          expect(ids.size).toBe(1);
          const [userId = ''] = ids;
          const { store } = first.service;
          expect(await store.links.list(userId)).toHaveLength(1);
          expect(await store.loginRecords.list(userId, 100)).toHaveLength(AT_ONCE);
          expect(await store.refreshTokens.list({ userId }, 100)).toHaveLength(AT_ONCE);
          expect((await store.users.get(userId))?.registrations).toHaveLength(1);
        }
      },
    );

    it('T16: ends with the claims of one of the tokens, whole', async () => {
      await here.change({
        claimMap: { first_name: 'firstName', company: 'UserData', dept: 'RegistrationData' },
      });
      await second.service.refreshCatalog();
      const names = Array.from({ length: AT_ONCE }, (_, index) => `name-${index}`);
      const logins = names.map((name, index) => {
        const claims = {
          sub: 'claims',
          email: 'claims@acme.com',
          first_name: name,
          company: name,
          dept: name,
        };
        return (index % 2 === 0 ? here : there).login(here.token(claims));
      });
      const [login] = await Promise.all(logins);
      const user = await first.service.store.users.get(login?.user.id ?? '');
      const { firstName } = user ?? {};
      expect(names).toContain(firstName);
      expect([user?.data['company'], user?.registrations[0]?.data['dept']]).toEqual([firstName, firstName]);
    });

    it('gives no tokens where the store fails at the end, and leaves nothing', async () => {
      const { store } = first.service;
      const failing = {
        ...first.service,
        store: {
          ...store,
          transaction: <T>(work: (records: typeof store) => Promise<T>) =>
            store.transaction(async (records) => {
              await work({ ...store, ...records });
              throw new Error('the disk is full');
            }),
        },
      };
      const broken = joinProvider({ service: failing, clock: first.clock });
      const claims = { sub: 'nobody', email: 'nobody@acme.com' };
      await expect(broken.login(here.token(claims))).rejects.toThrow('the disk is full');
      expect(await store.users.findByEmail(TEN1, claims.email)).toBeNull();
      expect(await store.links.get(TEN1, IDP1, 'nobody')).toBeNull();
    });
  });
});
