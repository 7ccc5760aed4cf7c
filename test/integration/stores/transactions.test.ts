import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { DuplicateError, type Store } from '../../../src/tokens/store.ts';
import { eachStore } from '../../support/store.ts';
import {
  aPendingLink,
  aRegistration,
  aUser,
  NOW_MS,
  storedRefreshToken,
} from '../../support/stored-objects.ts';

describe('transaction()', () => {
  eachStore((_, open) => {
    let store: Store;
    let other: Store;
    beforeAll(async () => {
      store = await open();
      other = await open();
    });

    it('keeps all of its work, and gives back what the work gave', async () => {
      const [user, link] = [aUser(), aPendingLink()];
      const given = await store.transaction(async (records) => {
        await records.users.insert(user);
        await records.pendingLinks.insert(link);
        return (await records.users.get(user.id))?.id;
      });
      expect(given).toBe(user.id);
      expect(await other.users.get(user.id)).toEqual(user);
      expect(await other.pendingLinks.get(link.lookup, NOW_MS)).toEqual(link);
    });

    it('keeps nothing of work that rejects, and passes the reason on', async () => {
      const [user, link] = [aUser({ registrations: [aRegistration()] }), aPendingLink()];
      const reason = new Error('a reason');
      const work = store.transaction(async (records) => {
        await records.users.insert(user);
        await records.pendingLinks.insert(link);
        throw reason;
      });
      await expect(work).rejects.toBe(reason);
      expect(await store.users.get(user.id)).toBeNull();
      expect(await store.pendingLinks.get(link.lookup, NOW_MS)).toBeNull();
    });

    it('shows nothing to others before it is over', async () => {
      const user = aUser();
      await store.transaction(async (records) => {
        await records.users.insert(user);
        expect(await other.users.get(user.id)).toBeNull();
        expect(await store.users.get(user.id)).toBeNull();
      });
    });

    it('keeps nothing after a failed statement, though the work caught it', async () => {
      const [user, link] = [aUser(), aPendingLink()];
      await store.users.insert(user);
      const work = store.transaction(async (records) => {
        await records.pendingLinks.insert(link);
        await records.users.insert(user).catch(() => undefined);
        await records.pendingLinks.get(link.lookup, NOW_MS).catch(() => undefined);
      });
      await expect(work).rejects.toThrow(DuplicateError);
      expect(await store.pendingLinks.get(link.lookup, NOW_MS)).toBeNull();
    });

    it('lets no statement in once it is over', async () => {
      const user = aUser();
      const records = await store.transaction((inside) => Promise.resolve(inside));
      await expect(records.users.insert(user)).rejects.toThrow('The transaction is over');
      expect(await store.users.get(user.id)).toBeNull();
    });

    it('is apart from those that wait with it: one that fails takes none along', async () => {
      const users = Array.from({ length: 30 }, () => aUser());
      const works = users.map((user, index) =>
        store.transaction(async (records) => {
          await records.users.insert(user);
          if (index % 3 === 0) throw new Error('no');
          if (index % 3 === 1) await records.users.insert(user);
        }),
      );
      const results = await Promise.allSettled(works);
      const found = await Promise.all(users.map(({ id }) => store.users.get(id)));
      expect(results.map(({ status }) => status)).toEqual(
        users.map((_unused, index) => (index % 3 === 2 ? 'fulfilled' : 'rejected')),
      );
      expect(found.map((user) => user !== null)).toEqual(users.map((_unused, index) => index % 3 === 2));
    });

    it('that locks a user sees what the one before it did, and none of it is lost', async () => {
      const user = aUser({ data: { count: 0 } });
      await store.users.insert(user);
      const addOne = (to: Store) =>
        to.transaction(async ({ users }) => {
          const now = await users.get(user.id, { lock: true });
          const count = Number(now?.data['count']);
          await users.update({ ...user, data: { count: count + 1 } });
          await users.insertRegistration(user.id, aRegistration());
          return now?.registrations.length === count;
        });
      const seen = await Promise.all(
        Array.from({ length: 40 }, (_unused, index) => addOne(index % 2 ? store : other)),
      );
      expect(seen).toEqual(seen.map(() => true));
      expect((await store.users.get(user.id))?.data).toEqual({ count: 40 });
    });

    it('does its work again where two of them wait for each other', async () => {
      const [first, second] = [aUser({ data: { count: 0 } }), aUser({ data: { count: 0 } })];
      for (const user of [first, second]) await store.users.insert(user);
      const visit = (from: Store, order: readonly { readonly id: string }[]) =>
        from.transaction(async ({ users }) => {
          for (const { id } of order) {
            const user = await users.get(id, { lock: true });
            if (user !== null)
              await users.update({ ...user, data: { count: Number(user.data['count']) + 1 } });
          }
        });
      const visits = Array.from({ length: 4 }, (_unused, index) =>
        index % 2 === 0 ? visit(store, [first, second]) : visit(other, [second, first]),
      );
      await Promise.all(visits);
      for (const { id } of [first, second]) expect((await store.users.get(id))?.data).toEqual({ count: 4 });
    });

    it('holds rotation: undone with it, the old value is the present one again', async () => {
      const token = await storedRefreshToken(store);
      const next = { ...token, lookup: randomUUID() };
      const undone = store.transaction(async ({ refreshTokens }) => {
        expect(await refreshTokens.rotate(token.id, token.lookup, next, NOW_MS)).toBe(true);
        throw new Error('the event could not be written');
      });
      await expect(undone).rejects.toThrow('the event');
      expect(await store.refreshTokens.find(token.lookup)).toEqual({ use: 'current', record: token });
      expect(await store.refreshTokens.find(next.lookup)).toBeNull();
    });
  });
});

describe('text that no database keeps', () => {
  eachStore((_, open) => {
    it('finds nothing, and fails nothing', async () => {
      const store = await open();
      for (const text of ['\0', '\ud800', 'a\0b', '\u{E000}']) {
        expect(await store.users.findByEmail(text, text)).toBeNull();
        expect(await store.users.tenantsOf(text)).toEqual([]);
        expect(await store.refreshTokens.get(text)).toBeNull();
        expect(await store.refreshTokens.revoke({ id: text }, NOW_MS)).toMatchObject({ count: 0 });
      }
    });
  });
});
