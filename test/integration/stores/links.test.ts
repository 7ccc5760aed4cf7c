import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../../src/tokens/store.ts';
import { eachStore } from '../../support/store.ts';
import { aLink, aPendingLink, aUser, NOW_MS } from '../../support/stored-objects.ts';

describe('links', () => {
  eachStore((_, open) => {
    let store: Store;
    const user = aUser();
    const linked = async (over = {}) => {
      const link = aLink({ userId: user.id, ...over });
      await store.links.insert(link);
      return link;
    };
    beforeAll(async () => {
      store = await open();
      await store.users.insert(user);
    });

    it('are found by tenant, provider and id there, and by nothing less', async () => {
      const link = await linked();
      const { tenantId, identityProviderId, identityProviderUserId } = link;
      expect(await store.links.get(tenantId, identityProviderId, identityProviderUserId)).toEqual(link);
      for (const other of [
        store.links.get('x', identityProviderId, identityProviderUserId),
        store.links.get(tenantId, 'x', identityProviderUserId),
        store.links.get(tenantId, identityProviderId, identityProviderUserId.toUpperCase()),
      ])
        expect(await other).toBeNull();
    });

    it('are listed by user, and by provider', async () => {
      const owner = aUser();
      await store.users.insert(owner);
      const links = [
        await linked({ userId: owner.id }),
        await linked({ userId: owner.id, insertInstant: NOW_MS + 1 }),
      ];
      expect(await store.links.list(owner.id)).toEqual(links);
      expect(await store.links.list(owner.id, links[1]?.identityProviderId)).toEqual([links[1]]);
    });

    it('of a provider go, no more at once than asked for, and no others', async () => {
      const identityProviderId = randomUUID();
      const kept = await linked();
      for (const identityProviderUserId of ['a', 'b', 'c'])
        await linked({ identityProviderId, identityProviderUserId });
      expect(await store.links.deleteOfProvider(identityProviderId, 2)).toBe(2);
      expect(await store.links.deleteOfProvider(identityProviderId, 2)).toBe(1);
      expect(await store.links.list(user.id, identityProviderId)).toEqual([]);
      expect(await store.links.list(user.id, kept.identityProviderId)).toEqual([kept]);
    });

    it('are one an identity', async () => {
      const link = await linked();
      await expect(store.links.insert({ ...link, displayName: null })).rejects.toMatchObject({
        name: 'DuplicateError',
        what: 'identityProviderLink',
      });
    });

    it('keep two identities apart whose ids no database can write as they are', async () => {
      const { tenantId, identityProviderId } = aLink();
      const ids = ['\ud800', '\ud801', '\ufffd', 'a', 'a\0', 'a\0b', '', '\u{E000}"a\\u0000"', '\u{E000}'];
      for (const identityProviderUserId of ids)
        await linked({ tenantId, identityProviderId, identityProviderUserId });
      for (const id of ids)
        expect((await store.links.get(tenantId, identityProviderId, id))?.identityProviderUserId).toBe(id);
    });

    it('remember the last login, of theirs only', async () => {
      const [link, other] = [await linked(), await linked()];
      expect(await store.links.touch(link, NOW_MS + 5)).toBe(true);
      const of = ({ tenantId, identityProviderId, identityProviderUserId }: typeof link) =>
        store.links.get(tenantId, identityProviderId, identityProviderUserId);
      expect((await of(link))?.lastLoginInstant).toBe(NOW_MS + 5);
      expect((await of(other))?.lastLoginInstant).toBeNull();
    });

    it('are deleted once', async () => {
      const { tenantId, identityProviderId, identityProviderUserId } = await linked();
      const remove = () => store.links.delete(tenantId, identityProviderId, identityProviderUserId);
      expect([await remove(), await remove()]).toEqual([true, false]);
    });

    it('tell of a use of none', async () => {
      expect(await store.links.touch(aLink(), NOW_MS)).toBe(false);
    });
  });
});

describe('pending links', () => {
  eachStore((_, open) => {
    let store: Store;
    beforeAll(async () => {
      store = await open();
    });

    it('are seen until they end', async () => {
      const link = aPendingLink();
      await store.pendingLinks.insert(link);
      expect(await store.pendingLinks.get(link.lookup, link.expiresInstant - 1)).toEqual(link);
      expect(await store.pendingLinks.get(link.lookup, link.expiresInstant)).toBeNull();
      expect(await store.pendingLinks.take(link.lookup, link.expiresInstant)).toBeNull();
    });

    it('are taken by exactly one of many, on two stores', async () => {
      const other = await open();
      for (let round = 0; round < 20; round++) {
        const link = aPendingLink();
        await store.pendingLinks.insert(link);
        const takers = Array.from({ length: 8 }, (_unused, index) =>
          (index % 2 === 0 ? store : other).pendingLinks.take(link.lookup, NOW_MS),
        );
        expect((await Promise.all(takers)).filter((taken) => taken !== null)).toEqual([link]);
      }
    });

    it('that ended are cleared away, the others are not', async () => {
      const [ended, live] = [aPendingLink({ expiresInstant: NOW_MS }), aPendingLink()];
      await store.pendingLinks.insert(ended);
      await store.pendingLinks.insert(live);
      expect(await store.pendingLinks.deleteEnded(NOW_MS)).toBe(1);
      expect(await store.pendingLinks.get(live.lookup, NOW_MS)).toEqual(live);
    });
  });
});
