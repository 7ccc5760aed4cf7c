import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import type { LinkedLogin, LinkedUser } from '../../../src/tokens/linked-login.ts';
import type { Records, Store } from '../../../src/tokens/store.ts';
import { eachStore } from '../../support/store.ts';
import {
  aLink,
  aRefreshToken,
  aRegistration,
  aSuccessor,
  aUser,
  NOW_MS,
} from '../../support/stored-objects.ts';

const LATER_MS = NOW_MS + 60_000;

/** A user who is linked, and registered with two applications. */
async function linkedUser(store: Store) {
  const [registration, other] = [aRegistration(), aRegistration({ insertInstant: NOW_MS + 1 })];
  const user = aUser({ registrations: [registration, other] });
  const link = aLink({ userId: user.id, tenantId: user.tenantId });
  await store.users.insert(user);
  await store.links.insert(link);
  const find = async () => {
    const { tenantId, identityProviderId, identityProviderUserId } = link;
    const found = await store.logins.find(
      tenantId,
      identityProviderId,
      identityProviderUserId,
      registration.applicationId,
    );
    if (found === null) throw new Error('the link is there');
    return found;
  };
  return { user, registration, other, link, find };
}

function loginOf(linked: LinkedUser, over: Partial<LinkedLogin> = {}): LinkedLogin {
  const refreshToken = aRefreshToken({ userId: linked.user.id, tenantId: linked.user.tenantId });
  return { linked, ipAddress: '192.0.2.1', instant: LATER_MS, refreshToken, ...over };
}

/** Links of the identity that nobody holds a lock on. */
async function lockableLinks(url: string, identityProviderUserId: string): Promise<number | null> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const sql = 'SELECT 1 FROM links WHERE identity_provider_user_id = $1 FOR UPDATE SKIP LOCKED';
    return (await client.query(sql, [identityProviderUserId])).rowCount;
  } finally {
    await client.end();
  }
}

describe('logins', () => {
  eachStore((kind, open, address) => {
    let store: Store;
    let another: Store;
    beforeAll(async () => {
      store = await open();
      another = await open();
    });

    it('find the user of a link with its registrations, and nobody without one', async () => {
      const { user, registration, link, find } = await linkedUser(store);
      expect(await find()).toMatchObject({ user, link, applicationId: registration.applicationId });
      const { tenantId, identityProviderId } = link;
      expect(await store.logins.find(tenantId, identityProviderId, randomUUID(), randomUUID())).toBeNull();
    });

    it.each(['by itself', 'within a transaction'] as const)(
      'leave their instant, a record and a refresh token, and nothing else changed, %s',
      async (how) => {
        const { user, registration, other, link, find } = await linkedUser(store);
        const login = loginOf(await find());
        const record = ({ logins }: Pick<Records, 'logins'>) => logins.record(login);
        expect(await (how === 'by itself' ? record(store) : store.transaction(record))).toBe(true);
        expect(await another.users.get(user.id)).toEqual({
          ...user,
          lastLoginInstant: LATER_MS,
          registrations: [{ ...registration, lastLoginInstant: LATER_MS }, other],
        });
        expect(await another.links.list(user.id)).toEqual([{ ...link, lastLoginInstant: LATER_MS }]);
        expect(await another.refreshTokens.list({ userId: user.id }, 10)).toEqual([login.refreshToken]);
        expect(await another.loginRecords.list(user.id, 10)).toEqual([
          {
            tenantId: user.tenantId,
            userId: user.id,
            applicationId: registration.applicationId,
            ipAddress: '192.0.2.1',
            instant: LATER_MS,
          },
        ]);
      },
    );

    it('give no refresh token where there is none', async () => {
      const { user, find } = await linkedUser(store);
      const login = loginOf(await find(), { refreshToken: null, ipAddress: null });
      expect(await store.logins.record(login)).toBe(true);
      expect(await store.refreshTokens.list({ userId: user.id }, 10)).toEqual([]);
      expect(await store.loginRecords.list(user.id, 10)).toHaveLength(1);
    });

    it('do not count as a change of the user to each other', async () => {
      const { user, find } = await linkedUser(store);
      const linked = await find();
      const logins = Array.from({ length: 8 }, (_unused, index) =>
        loginOf(linked, { instant: NOW_MS + index }),
      );
      const written = logins.map((login, index) => (index % 2 === 0 ? store : another).logins.record(login));
      expect(await Promise.all(written)).toEqual(logins.map(() => true));
      expect(await store.refreshTokens.list({ userId: user.id }, 10)).toHaveLength(8);
    });

    type Scene = Awaited<ReturnType<typeof linkedUser>>;
    const CHANGES: readonly [what: string, change: (records: Records, scene: Scene) => Promise<unknown>][] = [
      ['the user was changed', ({ users }, { user }) => users.update({ ...user, active: false })],
      [
        'the registration was changed',
        ({ users }, { user, registration }) =>
          users.updateRegistration(user.id, { ...registration, roles: [] }),
      ],
      [
        'the registration was taken away',
        ({ users }, { user, registration }) => users.deleteRegistration(user.id, registration.applicationId),
      ],
      [
        'the link was taken away',
        ({ links }, { link }) =>
          links.delete(link.tenantId, link.identityProviderId, link.identityProviderUserId),
      ],
      ['the user was deleted', ({ users }, { user }) => users.delete(user.id)],
    ];

    it.each(CHANGES)('T16 leave nothing where %s since', async (_what, change) => {
      const scene = await linkedUser(store);
      const login = loginOf(await scene.find());
      await change(another, scene);
      const [user, links] = [await store.users.get(scene.user.id), await store.links.list(scene.user.id)];
      expect(await store.logins.record(login)).toBe(false);
      expect(await store.transaction(({ logins }) => logins.record(login))).toBe(false);
      expect(await store.users.get(scene.user.id)).toEqual(user);
      expect(await store.links.list(scene.user.id)).toEqual(links);
      expect(await store.refreshTokens.list({ userId: scene.user.id }, 10)).toEqual([]);
      expect(await store.loginRecords.list(scene.user.id, 10)).toEqual([]);
    });

    it.each(CHANGES)('T16 leave nothing where %s while they were written', async (_what, change) => {
      const scene = await linkedUser(store);
      const login = loginOf(await scene.find());
      let written: Promise<boolean> | undefined;
      await another.transaction(async (records) => {
        await records.users.get(scene.user.id, { lock: true });
        await change(records, scene);
        written = store.logins.record(login);
        await store.ping();
        await records.loginRecords.list(scene.user.id, 1);
      });
      expect(await written).toBe(false);
      expect(await store.refreshTokens.list({ userId: scene.user.id }, 10)).toEqual([]);
      expect(await store.loginRecords.list(scene.user.id, 10)).toEqual([]);
    });

    it.runIf(kind === 'postgres')('wait for the user before they lock anything of the user', async () => {
      const { user, link, find } = await linkedUser(store);
      const linked = await find();
      const [locked, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const holding = another.transaction(async ({ users }) => {
        await users.get(user.id, { lock: true });
        locked.resolve();
        await gate.promise;
      });
      await locked.promise;
      const login = store.logins.record(loginOf(linked));
      await new Promise((wait) => setTimeout(wait, 300)); // it waits, by itself, for what is locked
      expect(await lockableLinks(address(), link.identityProviderUserId)).toBe(1);
      gate.resolve();
      await holding;
      expect(await login).toBe(true);
    });

    it('leave nothing where the value of the refresh token was retired before', async () => {
      const { user, find } = await linkedUser(store);
      const used = aRefreshToken({ userId: user.id });
      await store.refreshTokens.insert(used);
      await store.refreshTokens.rotate(used.id, used.lookup, aSuccessor(), NOW_MS);
      const refreshToken = aRefreshToken({ userId: user.id, lookup: used.lookup });
      const login = loginOf(await find(), { refreshToken });
      expect(await store.logins.record(login)).toBe(false);
      expect(await store.loginRecords.list(user.id, 10)).toEqual([]);
      expect((await store.users.get(user.id))?.lastLoginInstant).toBeNull();
    });
  });
});
