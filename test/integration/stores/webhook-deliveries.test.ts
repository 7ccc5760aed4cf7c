import { beforeAll, describe, expect, it } from 'vitest';
import type { Store, WebhookDelivery } from '../../../src/tokens/store.ts';
import { eachStore } from '../../support/store.ts';
import { aDelivery, NOW_MS } from '../../support/stored-objects.ts';

const LEASE_MS = 60_000;

describe('webhook deliveries', () => {
  eachStore((_, open) => {
    let store: Store;
    const insert = async (over: Partial<WebhookDelivery> = {}) => {
      const delivery = aDelivery(over);
      await store.webhookDeliveries.insert(delivery);
      return delivery;
    };
    const claim = (nowMs: number, maxCount = 100) =>
      store.webhookDeliveries.claimDue(nowMs, nowMs + LEASE_MS, maxCount);
    const clear = async (deliveries: readonly WebhookDelivery[]) => {
      for (const { id } of deliveries) await store.webhookDeliveries.delete(id);
    };
    beforeAll(async () => {
      store = await open();
    });

    it('are claimed when they are due, in the order of insertion, leased and counted', async () => {
      const first = await insert({ nextAttemptInstant: NOW_MS });
      const second = await insert({ nextAttemptInstant: NOW_MS - 5 });
      const later = await insert({ nextAttemptInstant: NOW_MS + 1 });
      const leased = { attempts: 1, nextAttemptInstant: NOW_MS + LEASE_MS };
      expect(await claim(NOW_MS)).toEqual([
        { ...first, ...leased },
        { ...second, ...leased },
      ]);
      expect(await claim(NOW_MS)).toEqual([]);
      expect((await claim(NOW_MS + 1)).map(({ id }) => id)).toEqual([later.id]);
      await clear([first, second, later]);
    });

    it('come again when their lease is over, or at the time that was said', async () => {
      const [lost, failed] = [await insert(), await insert()];
      await claim(NOW_MS);
      await store.webhookDeliveries.retryAt(failed.id, NOW_MS + 5);
      expect((await claim(NOW_MS + 5)).map(({ id, attempts }) => [id, attempts])).toEqual([[failed.id, 2]]);
      expect((await claim(NOW_MS + LEASE_MS)).map(({ id }) => id)).toEqual([lost.id]);
      await clear([lost, failed]);
    });

    it('are claimed no more at once than asked for, and counted until they are deleted', async () => {
      const deliveries = [await insert(), await insert(), await insert()];
      expect(await claim(NOW_MS, 2)).toHaveLength(2);
      expect(await store.webhookDeliveries.count()).toBe(3);
      await clear(deliveries);
      expect(await store.webhookDeliveries.count()).toBe(0);
    });

    it('have one id', async () => {
      const delivery = await insert();
      await expect(insert({ id: delivery.id })).rejects.toMatchObject({ what: 'webhookDelivery' });
      await clear([delivery]);
    });

    it('are never given to two stores that claim at once', async () => {
      const stores = [store, await open()];
      const deliveries = await Promise.all(Array.from({ length: 100 }, () => insert()));
      const claimed: string[] = [];
      const claimAll = async (claimer: Store) => {
        for (;;) {
          const batch = await claimer.webhookDeliveries.claimDue(NOW_MS, NOW_MS + LEASE_MS, 3);
          if (batch.length === 0) return;
          claimed.push(...batch.map(({ id }) => id));
        }
      };
      await Promise.all([...stores, ...stores].map(claimAll));
      for (const last of await claim(NOW_MS)) claimed.push(last.id); // passed over while another looked at it
      expect(claimed.toSorted()).toEqual(deliveries.map(({ id }) => id).toSorted());
    });
  });
});
