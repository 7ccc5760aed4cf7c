import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RefreshTokenRecord } from '../../../src/tokens/refresh-token.ts';
import type { Store } from '../../../src/tokens/store.ts';
import { eachStore } from '../../support/store.ts';
import {
  aRefreshToken,
  aRegistration,
  aSuccessor,
  aUser,
  NOW_MS,
  storedRefreshToken,
} from '../../support/stored-objects.ts';

const HOUR_MS = 3_600_000;
/** When all access tokens of the tests are dead. */
const DEAD_MS = NOW_MS + HOUR_MS;

describe('refresh tokens', () => {
  eachStore((_, open) => {
    let store: Store;
    const stored = (over: Partial<RefreshTokenRecord> = {}) => storedRefreshToken(store, over);
    beforeAll(async () => {
      store = await open();
    });

    it('come back as they were put in, by id and by value', async () => {
      const token = await stored();
      expect(await store.refreshTokens.get(token.id)).toEqual(token);
      expect(await store.refreshTokens.find(token.lookup)).toEqual({ use: 'current', record: token });
      const session = await stored({ applicationId: null, metaData: { device: {} } });
      expect(await store.refreshTokens.get(session.id)).toEqual(session);
    });

    it.each([0, 1, 3])('come with their user and its %i registrations, by either value', async (count) => {
      const registrations = Array.from({ length: count }, (_unused, index) =>
        aRegistration({ insertInstant: NOW_MS + index, data: { text: '","}],' } }),
      );
      const user = aUser({ registrations });
      await store.users.insert(user);
      const token = aRefreshToken({ userId: user.id });
      await store.refreshTokens.insert(token);
      expect(await store.refreshTokens.findWithUser(token.lookup)).toEqual({
        use: 'current',
        record: token,
        user,
      });
      const next = { ...token, lookup: randomUUID() };
      await store.refreshTokens.rotate(token.id, token.lookup, next, NOW_MS);
      expect(await store.refreshTokens.findWithUser(token.lookup)).toEqual({
        use: 'retired',
        record: { ...next, sequence: 1 },
        retiredInstant: NOW_MS,
        user,
      });
    });

    it('are null where there are none', async () => {
      expect(await store.refreshTokens.get(randomUUID())).toBeNull();
      expect(await store.refreshTokens.find(randomUUID())).toBeNull();
      expect(await store.refreshTokens.findWithUser(randomUUID())).toBeNull();
    });

    it('have one id and one value among all', async () => {
      const token = await stored();
      for (const taken of [{ id: token.id }, { lookup: token.lookup }])
        await expect(
          store.refreshTokens.insert(aRefreshToken({ userId: token.userId, ...taken })),
        ).rejects.toMatchObject({
          name: 'DuplicateError',
          what: 'refreshToken',
        });
    });

    it('never take a value that was retired', async () => {
      const token = await stored();
      await store.refreshTokens.rotate(token.id, token.lookup, aSuccessor(), NOW_MS);
      const again = store.refreshTokens.insert(aRefreshToken({ userId: token.userId, lookup: token.lookup }));
      await expect(again).rejects.toMatchObject({ what: 'refreshToken' });
    });

    it('belong to a user that there is', async () => {
      await expect(store.refreshTokens.insert(aRefreshToken())).rejects.toThrow();
    });

    it('are listed by user and by tenant, newest first, no more than asked for', async () => {
      const [userId, tenantId] = [randomUUID(), randomUUID()];
      const first = await stored({ userId, tenantId });
      const second = await stored({ userId, insertInstant: NOW_MS + 1 });
      expect(await store.refreshTokens.list({ userId }, 10)).toEqual([second, first]);
      expect(await store.refreshTokens.list({ userId }, 1)).toEqual([second]);
      expect(await store.refreshTokens.list({ tenantId }, 10)).toEqual([first]);
      expect(await store.refreshTokens.list({ userId, tenantId }, 10)).toEqual([first]);
      expect(await store.refreshTokens.list({ userId: randomUUID() }, 10)).toEqual([]);
    });
  });
});

describe('rotation', () => {
  eachStore((_, open) => {
    let store: Store;
    beforeAll(async () => {
      store = await open();
    });

    it('T02 replaces the value and remembers every old one', async () => {
      const token = await storedRefreshToken(store);
      const successors = [aSuccessor(), aSuccessor({ startInstant: NOW_MS + 9 })];
      let current = token.lookup;
      for (const [index, successor] of successors.entries()) {
        expect(await store.refreshTokens.rotate(token.id, current, successor, NOW_MS + index)).toBe(true);
        current = successor.lookup;
      }
      const record = { ...token, ...successors[1], sequence: 2 };
      expect(await store.refreshTokens.find(current)).toEqual({ use: 'current', record });
      const retired = [token.lookup, successors[0]?.lookup ?? ''];
      for (const [index, lookup] of retired.entries())
        expect(await store.refreshTokens.find(lookup)).toEqual({
          use: 'retired',
          record,
          retiredInstant: NOW_MS + index,
        });
    });

    it('T06 is ordered by numbers, so that a clock that goes back an hour changes nothing', async () => {
      const token = await storedRefreshToken(store);
      const [first, second] = [aSuccessor(), aSuccessor({ startInstant: NOW_MS - HOUR_MS })];
      await store.refreshTokens.rotate(token.id, token.lookup, first, NOW_MS);
      await store.refreshTokens.rotate(token.id, first.lookup, second, NOW_MS - HOUR_MS);
      const uses = [token.lookup, first.lookup, second.lookup].map(async (lookup) => {
        const found = await store.refreshTokens.find(lookup);
        return [found?.use, found?.record.sequence];
      });
      expect(await Promise.all(uses)).toEqual([
        ['retired', 2],
        ['retired', 2],
        ['current', 2],
      ]);
    });

    it('is refused from a value that is not the present one, and of a token that is gone', async () => {
      const token = await storedRefreshToken(store);
      const successor = aSuccessor();
      await store.refreshTokens.rotate(token.id, token.lookup, successor, NOW_MS);
      expect(await store.refreshTokens.rotate(token.id, token.lookup, aSuccessor(), NOW_MS)).toBe(false);
      expect(await store.refreshTokens.rotate(token.id, 'unknown', aSuccessor(), NOW_MS)).toBe(false);
      expect(await store.refreshTokens.rotate(randomUUID(), successor.lookup, aSuccessor(), NOW_MS)).toBe(
        false,
      );
      expect((await store.refreshTokens.find(successor.lookup))?.use).toBe('current');
      await store.refreshTokens.revoke({ id: token.id }, NOW_MS);
      expect(await store.refreshTokens.rotate(token.id, successor.lookup, aSuccessor(), NOW_MS)).toBe(false);
    });

    it('never shortens the life of access tokens that were given', async () => {
      const token = await storedRefreshToken(store);
      const { accessExpiresInstant } = token;
      const next = aSuccessor({ accessExpiresInstant: accessExpiresInstant - 1 });
      await store.refreshTokens.rotate(token.id, token.lookup, next, NOW_MS);
      expect((await store.refreshTokens.get(token.id))?.accessExpiresInstant).toBe(accessExpiresInstant);
    });

    it('a use without it moves what it should, under the same condition', async () => {
      const token = await storedRefreshToken(store);
      const use = {
        startInstant: NOW_MS + 1,
        accessExpiresInstant: NOW_MS + 2 * HOUR_MS,
        metaData: { device: {} },
      };
      expect(await store.refreshTokens.touch(token.id, token.lookup, use)).toBe(true);
      expect(await store.refreshTokens.get(token.id)).toEqual({ ...token, ...use });
      await store.refreshTokens.touch(token.id, token.lookup, { ...use, accessExpiresInstant: 0 });
      expect(await store.refreshTokens.get(token.id)).toEqual({ ...token, ...use });
      expect(await store.refreshTokens.touch(token.id, 'other', use)).toBe(false);
      expect(await store.refreshTokens.touch(randomUUID(), token.lookup, use)).toBe(false);
    });
  });
});

describe('revocation', () => {
  eachStore((_, open) => {
    let store: Store;
    beforeAll(async () => {
      store = await open();
    });

    it('takes the token and all its values, and remembers its access tokens', async () => {
      const token = await storedRefreshToken(store);
      const successor = aSuccessor();
      await store.refreshTokens.rotate(token.id, token.lookup, successor, NOW_MS);
      const revoked = await store.refreshTokens.revoke({ id: token.id }, NOW_MS + 1);
      expect(revoked).toEqual({ count: 1, records: [{ ...token, ...successor, sequence: 1 }] });
      for (const lookup of [token.lookup, successor.lookup])
        expect(await store.refreshTokens.find(lookup)).toBeNull();
      expect(await store.revocations.since(NOW_MS + 1, NOW_MS + 1)).toContainEqual({
        sid: token.id,
        until: token.accessExpiresInstant,
        revokedInstant: NOW_MS + 1,
      });
    });

    it('remembers nothing of access tokens that are dead', async () => {
      const token = await storedRefreshToken(store, { accessExpiresInstant: NOW_MS });
      await store.refreshTokens.revoke({ id: token.id }, NOW_MS);
      const revocations = await store.revocations.since(0, 0);
      expect(revocations.map(({ sid }) => sid)).not.toContain(token.id);
    });

    it.each(['id', 'userId', 'applicationId', 'tenantId'] as const)(
      'by %s takes what has it',
      async (member) => {
        const [gone, kept] = [await storedRefreshToken(store), await storedRefreshToken(store)];
        const { count, records } = await store.refreshTokens.revoke({ [member]: gone[member] }, NOW_MS);
        expect({ count, records }).toEqual({ count: 1, records: [gone] });
        expect(await store.refreshTokens.get(gone.id)).toBeNull();
        expect(await store.refreshTokens.get(kept.id)).toEqual(kept);
      },
    );

    it('by several takes what has all of them', async () => {
      const [userId, applicationId] = [randomUUID(), randomUUID()];
      const gone = await storedRefreshToken(store, { userId, applicationId });
      const kept = [
        await storedRefreshToken(store, { userId }),
        await storedRefreshToken(store, { applicationId }),
      ];
      expect((await store.refreshTokens.revoke({ userId, applicationId }, NOW_MS)).records).toEqual([gone]);
      for (const token of kept) expect(await store.refreshTokens.get(token.id)).toEqual(token);
    });

    it('of nothing counts nothing', async () => {
      expect(await store.refreshTokens.revoke({ id: randomUUID() }, NOW_MS)).toEqual({
        count: 0,
        records: [],
      });
    });

    it('of access tokens alone lasts until all are dead, and leaves the tokens (security.md C02)', async () => {
      const userId = randomUUID();
      const kept = [
        await storedRefreshToken(store, { userId }),
        await storedRefreshToken(store, { userId, accessExpiresInstant: NOW_MS + 9 * HOUR_MS }),
        await storedRefreshToken(store),
      ];
      await store.refreshTokens.endAccess({ userId }, NOW_MS, NOW_MS + 5 * HOUR_MS);
      const ended = await store.revocations.since(NOW_MS, NOW_MS);
      const until = kept.map(({ id }) => ended.find(({ sid }) => sid === id)?.until);
      expect(until).toEqual([NOW_MS + 5 * HOUR_MS, NOW_MS + 9 * HOUR_MS, undefined]);
      for (const token of kept) expect(await store.refreshTokens.get(token.id)).toEqual(token);
    });

    it('without a filter is refused, for it would take every token', async () => {
      const token = await storedRefreshToken(store);
      await expect(async () => store.refreshTokens.revoke({}, NOW_MS)).rejects.toThrow(TypeError);
      expect(await store.refreshTokens.get(token.id)).toEqual(token);
    });

    it('of more than 1000 counts all and gives 1000', async () => {
      const user = aUser();
      await store.users.insert(user);
      const tokens = Array.from({ length: 1010 }, () => aRefreshToken({ userId: user.id }));
      await store.transaction(async ({ refreshTokens }) => {
        for (const token of tokens) await refreshTokens.insert(token);
      });
      const { count, records } = await store.refreshTokens.revoke({ userId: user.id }, NOW_MS + 77);
      expect([count, records.length]).toEqual([1010, 1000]);
      expect((await store.revocations.since(NOW_MS + 77, NOW_MS)).length).toBe(1010);
    });

    it('is undone with its transaction, and what it remembered too', async () => {
      const token = await storedRefreshToken(store);
      const undone = store.transaction(async ({ refreshTokens }) => {
        await refreshTokens.revoke({ id: token.id }, NOW_MS);
        throw new Error('no');
      });
      await expect(undone).rejects.toThrow('no');
      expect(await store.refreshTokens.get(token.id)).toEqual(token);
      expect((await store.revocations.since(0, 0)).map(({ sid }) => sid)).not.toContain(token.id);
    });

    it('of an id that comes again keeps the later end', async () => {
      const { id } = await storedRefreshToken(store);
      await store.refreshTokens.revoke({ id }, NOW_MS);
      const again = await storedRefreshToken(store, { id, accessExpiresInstant: NOW_MS + 1 });
      await store.refreshTokens.revoke({ id: again.id }, NOW_MS);
      const kept = (await store.revocations.since(NOW_MS, NOW_MS)).find(({ sid }) => sid === id);
      expect(kept?.until).toBe(NOW_MS + HOUR_MS);
    });
  });
});

describe('revocations', () => {
  eachStore((_, open) => {
    let store: Store;
    const revokedAt = async (revokedInstant: number, until: number) => {
      const { id } = await storedRefreshToken(store, { accessExpiresInstant: until });
      await store.refreshTokens.revoke({ id }, revokedInstant);
      return id;
    };
    beforeAll(async () => {
      store = await open();
    });

    it('are given from an instant on, as long as they matter, and cleared away then', async () => {
      const ids = [await revokedAt(100, 1000), await revokedAt(200, 2000), await revokedAt(300, 1500)];
      const since = async (from: number, nowMs: number) =>
        (await store.revocations.since(from, nowMs)).map(({ sid }) => ids.indexOf(sid));
      expect(await since(0, 0)).toEqual([0, 1, 2]);
      expect(await since(200, 0)).toEqual([1, 2]);
      expect(await since(0, 1500)).toEqual([1]);
      expect(await store.revocations.deleteEnded(1500)).toBe(2);
      expect(await since(0, 0)).toEqual([1]);
    });

    it('carry no instant before those that are there, whatever the clock says (security.md C07)', async () => {
      const fast = await revokedAt(5000, 9000);
      const slow = await revokedAt(100, 9000);
      const found = await store.revocations.since(5000, 0);
      expect(found.map(({ sid }) => sid).toSorted()).toEqual([fast, slow].toSorted());
      await store.revocations.deleteEnded(9000);
    });

    it('reach another store, which is told', async () => {
      const other = await open();
      const { promise: told, resolve } = Promise.withResolvers<void>();
      let isWaiting = false;
      other.onNotice(() => isWaiting && resolve());
      await new Promise((wait) => setTimeout(wait, 1200)); // connected, and told of what was before
      isWaiting = true;
      const id = await revokedAt(400, 9000);
      await told;
      expect((await other.revocations.since(400, 400)).map(({ sid }) => sid)).toEqual([id]);
    });
  });
});

describe('refresh tokens that ended', () => {
  eachStore((_, open) => {
    let store: Store;
    beforeAll(async () => {
      store = await open();
    });

    it('are cleared away by application, the oldest first, no more than asked for', async () => {
      const applicationId = randomUUID();
      const starts = [1, 2, 3, 4].map((at) => storedRefreshToken(store, { applicationId, startInstant: at }));
      const tokens = await Promise.all(starts);
      const other = await storedRefreshToken(store, { startInstant: 1 });
      expect(await store.refreshTokens.deleteStartedBefore(applicationId, 4, DEAD_MS, 2)).toBe(2);
      const left = await Promise.all(tokens.map(({ id }) => store.refreshTokens.get(id)));
      expect(left.map((token) => token?.startInstant)).toEqual([undefined, undefined, 3, 4]);
      expect(await store.refreshTokens.deleteStartedBefore(applicationId, 4, DEAD_MS, 2)).toBe(1);
      expect(await store.refreshTokens.get(other.id)).toEqual(other);
    });

    it('stay while an access token of theirs lives: who revokes must find them (security.md C02)', async () => {
      const applicationId = randomUUID();
      const over = { applicationId, startInstant: 1 };
      const [alive, dead] = [
        await storedRefreshToken(store, { ...over, accessExpiresInstant: NOW_MS + 1 }),
        await storedRefreshToken(store, { ...over, accessExpiresInstant: NOW_MS }),
      ];
      expect(await store.refreshTokens.deleteStartedBefore(applicationId, 2, NOW_MS, 10)).toBe(1);
      expect(await store.refreshTokens.get(dead.id)).toBeNull();
      expect(await store.refreshTokens.get(alive.id)).toEqual(alive);
    });

    it('of no application are cleared away by themselves', async () => {
      const session = await storedRefreshToken(store, { applicationId: null, startInstant: 1 });
      const other = await storedRefreshToken(store, { startInstant: 1 });
      expect(await store.refreshTokens.deleteStartedBefore(null, 2, DEAD_MS, 10)).toBe(1);
      expect(await store.refreshTokens.get(session.id)).toBeNull();
      expect(await store.refreshTokens.get(other.id)).toEqual(other);
    });
  });
});
