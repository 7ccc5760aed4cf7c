import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../../src/tokens/store.ts';
import { eachStore } from '../../support/store.ts';
import { aLink, aRegistration, aUser, NOW_MS, storedRefreshToken } from '../../support/stored-objects.ts';

describe('users', () => {
  eachStore((_, open) => {
    let store: Store;
    beforeAll(async () => {
      store = await open();
    });

    it('come back as they were put in, registrations in the order in which they were made', async () => {
      const registrations = [2, 1, 3].map((at) => aRegistration({ insertInstant: NOW_MS + at }));
      const user = aUser({
        username: 'Peter',
        registrations,
        firstName: 'P\u{1F600}',
        data: { a: [1, null, 'x'] },
      });
      await store.users.insert(user);
      const [second, first, third] = registrations;
      expect(await store.users.get(user.id)).toEqual({ ...user, registrations: [first, second, third] });
    });

    it('are null where there are none', async () => {
      expect(await store.users.get(randomUUID())).toBeNull();
      expect(await store.users.findByEmail(randomUUID(), 'nobody@example.com')).toBeNull();
      expect(await store.users.findByUsername(randomUUID(), 'nobody')).toBeNull();
    });

    it('are found by e-mail address and username in any case, in their tenant only', async () => {
      const user = aUser({ email: `Ann.${randomUUID()}@Example.COM`, username: `Ännchen-${randomUUID()}` });
      await store.users.insert(user);
      const { tenantId, email = '', username = '' } = user;
      expect(await store.users.findByEmail(tenantId, email.toLowerCase())).toEqual(user);
      expect(await store.users.findByEmail(tenantId, email.toUpperCase())).toEqual(user);
      expect(await store.users.findByUsername(tenantId, username.toUpperCase())).toEqual(user);
      expect(await store.users.findByEmail(randomUUID(), email)).toBeNull();
      expect(await store.users.findByEmail(tenantId, username)).toBeNull();
    });

    it('give the tenants of a login id, once each', async () => {
      const loginId = `both-${randomUUID()}@example.com`;
      const [one, other] = [aUser({ email: loginId, username: loginId }), aUser({ username: loginId })];
      await store.users.insert(one);
      await store.users.insert(other);
      const found = await store.users.tenantsOf(loginId.toUpperCase());
      expect(found.toSorted()).toEqual([one.tenantId, other.tenantId].toSorted());
      expect(await store.users.tenantsOf('nobody')).toEqual([]);
    });

    it.each([
      ['user.email', (email: string) => ({ email })],
      ['user.username', (username: string) => ({ username })],
    ])('%s is unique in a tenant, in any letter case', async (what, name) => {
      const [tenantId, value] = [randomUUID(), `${randomUUID()}@example.com`];
      await store.users.insert(aUser({ tenantId, ...name(value) }));
      const taken = store.users.insert(aUser({ tenantId, ...name(value.toUpperCase()) }));
      await expect(taken).rejects.toMatchObject({ name: 'DuplicateError', what });
      await store.users.insert(aUser(name(value)));
    });

    it('have one id', async () => {
      const user = aUser();
      await store.users.insert(user);
      await expect(store.users.insert(aUser({ id: user.id }))).rejects.toMatchObject({ what: 'user.id' });
    });

    it('need neither e-mail address nor username', async () => {
      const { email: _unused, ...nameless } = aUser();
      const { email: _too, ...other } = aUser({ tenantId: nameless.tenantId });
      await store.users.insert(nameless);
      await store.users.insert(other);
      expect(await store.users.get(nameless.id)).toEqual(nameless);
    });

    it('are updated without their registrations', async () => {
      const user = aUser({ registrations: [aRegistration()] });
      await store.users.insert(user);
      expect(await store.users.update({ ...user, email: 'new@example.com', registrations: [] })).toBe(true);
      expect(await store.users.findByEmail(user.tenantId, 'NEW@example.com')).toEqual({
        ...user,
        email: 'new@example.com',
      });
      expect(await store.users.findByEmail(user.tenantId, user.email ?? '')).toBeNull();
    });

    it('cannot take the name of another one by update', async () => {
      const first = aUser();
      const second = aUser({ tenantId: first.tenantId });
      await store.users.insert(first);
      await store.users.insert(second);
      const update = store.users.update({ ...second, email: first.email?.toUpperCase() });
      await expect(update).rejects.toMatchObject({ what: 'user.email' });
    });

    it('tell of an update and a deletion of nobody', async () => {
      expect(await store.users.update(aUser())).toBe(false);
      expect(await store.users.delete(randomUUID())).toBe(false);
    });

    it('go with their registrations, links and refresh tokens', async () => {
      const user = aUser({ registrations: [aRegistration()] });
      await store.users.insert(user);
      const token = await storedRefreshToken(store, { userId: user.id });
      const link = aLink({ userId: user.id });
      await store.links.insert(link);
      expect(await store.users.delete(user.id)).toBe(true);
      expect(await store.users.get(user.id)).toBeNull();
      expect(await store.refreshTokens.get(token.id)).toBeNull();
      expect(await store.links.list(user.id)).toEqual([]);
      await store.users.insert(user);
    });
  });
});

describe('registrations', () => {
  eachStore((_, open) => {
    let store: Store;
    beforeAll(async () => {
      store = await open();
    });

    it('are added, changed and taken away', async () => {
      const [user, registration] = [aUser(), aRegistration()];
      await store.users.insert(user);
      await store.users.insertRegistration(user.id, registration);
      expect((await store.users.get(user.id))?.registrations).toEqual([registration]);
      const changed = { ...registration, roles: ['admin'] };
      expect(await store.users.updateRegistration(user.id, changed)).toBe(true);
      expect((await store.users.get(user.id))?.registrations).toEqual([changed]);
      expect(await store.users.deleteRegistration(user.id, registration.applicationId)).toBe(true);
      expect((await store.users.get(user.id))?.registrations).toEqual([]);
    });

    it('are one a user and application', async () => {
      const registration = aRegistration();
      const user = aUser({ registrations: [registration] });
      await store.users.insert(user);
      const again = store.users.insertRegistration(user.id, { ...registration, id: randomUUID() });
      await expect(again).rejects.toMatchObject({ name: 'DuplicateError', what: 'registration' });
    });

    it('leave no user behind when one of them cannot be', async () => {
      const { applicationId } = aRegistration();
      const registrations = [aRegistration({ applicationId }), aRegistration({ applicationId })];
      const user = aUser({ registrations });
      await expect(store.users.insert(user)).rejects.toMatchObject({ what: 'registration' });
      expect(await store.users.get(user.id)).toBeNull();
    });

    it('belong to a user that there is', async () => {
      await expect(store.users.insertRegistration(randomUUID(), aRegistration())).rejects.toThrow();
    });

    it('tell of an update and a deletion of none', async () => {
      expect(await store.users.updateRegistration(randomUUID(), aRegistration())).toBe(false);
      expect(await store.users.deleteRegistration(randomUUID(), randomUUID())).toBe(false);
    });

    it('of an application go, no more at once than asked for', async () => {
      const [gone, kept] = [aRegistration(), aRegistration()];
      const users = [aUser({ registrations: [gone, kept] }), aUser({ registrations: [gone] })];
      for (const user of users) await store.users.insert(user);
      const { applicationId } = gone;
      expect(await store.users.deleteRegistrationsOf(applicationId, 1)).toBe(1);
      expect(await store.users.deleteRegistrationsOf(applicationId, 5)).toBe(1);
      const left = await Promise.all(users.map(({ id }) => store.users.get(id)));
      expect(left.map((user) => user?.registrations)).toEqual([[kept], []]);
    });
  });
});
