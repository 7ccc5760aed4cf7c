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

describe('changeAll()', () => {
  eachStore((_, open) => {
    let store: Store;
    let other: Store;
    beforeAll(async () => {
      store = await open();
      other = await open();
    });

    it('writes all that the work asks, and others see it', async () => {
      const user = aUser({ registrations: [aRegistration(), aRegistration({ insertInstant: NOW_MS + 1 })] });
      const link = aPendingLink();
      const isWritten = await store.changeAll(async ({ users, pendingLinks }) => {
        await users.insert(user);
        await pendingLinks.insert(link);
      });
      expect(isWritten).toBe(true);
      expect(await other.users.get(user.id)).toEqual(user);
      expect(await other.pendingLinks.get(link.lookup, NOW_MS)).toEqual(link);
    });

    it.each([0, 1, 2])('writes nothing where its change %i changes nothing', async (failing) => {
      const [first, second] = [aUser(), aUser()];
      const link = aPendingLink();
      const isWritten = await store.changeAll(async ({ users, pendingLinks }) => {
        const missing = () => users.update(aUser());
        await (failing === 0 ? missing() : users.insert(first));
        await (failing === 1 ? missing() : pendingLinks.insert(link));
        await (failing === 2 ? missing() : users.insert(second));
      });
      expect(isWritten).toBe(false);
      expect(await store.users.get(first.id)).toBeNull();
      expect(await store.users.get(second.id)).toBeNull();
      expect(await store.pendingLinks.get(link.lookup, NOW_MS)).toBeNull();
    });

    it('writes nothing where one of its changes is refused, and says why', async () => {
      const [user, link] = [aUser(), aPendingLink()];
      await store.users.insert(user);
      const work = store.changeAll(async ({ users, pendingLinks }) => {
        await pendingLinks.insert(link);
        await users.insert(user);
      });
      await expect(work).rejects.toThrow(DuplicateError);
      expect(await store.pendingLinks.get(link.lookup, NOW_MS)).toBeNull();
    });

    it('writes nothing of work that rejects, and passes the reason on', async () => {
      const user = aUser();
      const work = store.changeAll(async ({ users }) => {
        await users.insert(user);
        throw new Error('a reason');
      });
      await expect(work).rejects.toThrow('a reason');
      expect(await store.users.get(user.id)).toBeNull();
    });

    it('refuses work that reads, which would find nothing', async () => {
      const work = store.changeAll(({ users }) => users.get(randomUUID()));
      await expect(work).rejects.toThrow(TypeError);
    });

    it('is apart from those that wait with it, transactions among them', async () => {
      const users = Array.from({ length: 40 }, () => aUser());
      const works = users.map((user, index) => {
        if (index % 4 === 0) return store.changeAll((records) => records.users.insert(user));
        if (index % 4 === 1) return store.transaction((records) => records.users.insert(user));
        if (index % 4 === 2)
          return store.changeAll(async (records) => {
            await records.users.insert(user);
            await records.users.update(aUser());
          });
        return store.transaction(async (records) => {
          await records.users.insert(user);
          throw new Error('no');
        });
      });
      await Promise.allSettled(works);
      const found = await Promise.all(users.map(({ id }) => store.users.get(id)));
      expect(found.map((user) => user !== null)).toEqual(users.map((_unused, index) => index % 4 < 2));
    });

    it('T04 is one of many that rotate one value: exactly one does', async () => {
      const token = await storedRefreshToken(store);
      const rotations = Array.from({ length: 20 }, (_unused, index) =>
        (index % 2 ? store : other).changeAll(({ refreshTokens }) =>
          refreshTokens.rotate(token.id, token.lookup, { ...token, lookup: randomUUID() }, NOW_MS),
        ),
      );
      const isRotated = await Promise.all(rotations);
      expect(isRotated.filter(Boolean)).toHaveLength(1);
      expect((await store.refreshTokens.get(token.id))?.sequence).toBe(token.sequence + 1);
      expect(await store.refreshTokens.find(token.lookup)).toMatchObject({ use: 'retired' });
    });
  });
});
