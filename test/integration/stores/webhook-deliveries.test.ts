import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../../src/tokens/store.ts';
import type { WebhookDelivery, WebhookQueue } from '../../../src/tokens/webhook-delivery.ts';
import { eachStore } from '../../support/store.ts';
import { aDelivery, NOW_MS } from '../../support/stored-objects.ts';

const LEASE_MS = 60_000;
const LEASED = NOW_MS + LEASE_MS;

describe('webhook deliveries', () => {
  eachStore((_, open) => {
    let store: Store;
    const insert = async (over: Partial<WebhookDelivery> = {}) => {
      const delivery = aDelivery(over);
      await store.webhookDeliveries.insert(delivery);
      return delivery;
    };
    const claim = (webhookId: string, nowMs = NOW_MS) =>
      store.webhookDeliveries.claim(webhookId, nowMs, nowMs + LEASE_MS);
    /** Fails the test where there is none. */
    const claimed = async (webhookId: string, nowMs = NOW_MS): Promise<WebhookQueue> => {
      const held = await claim(webhookId, nowMs);
      if (held === null) throw new Error('The queue is not due');
      return held;
    };
    const idsOf = async (webhookId: string, maxCount = 100) =>
      (await store.webhookDeliveries.list(webhookId, maxCount)).map(({ id }) => id);
    const queueOf = async (webhookId: string) =>
      (await store.webhookDeliveries.queues()).find((queue) => queue.webhookId === webhookId);
    beforeAll(async () => {
      store = await open();
    });

    it('wait in a queue of each webhook, in the order of insertion', async () => {
      const [mine, other] = [randomUUID(), randomUUID()];
      const first = await insert({ webhookId: mine, insertInstant: NOW_MS });
      await insert({ webhookId: other });
      const second = await insert({ webhookId: mine, insertInstant: NOW_MS - 5 });
      expect(await store.webhookDeliveries.list(mine, 100)).toEqual([first, second]);
      expect(await idsOf(mine, 1)).toEqual([first.id]);
    });

    it('name the webhooks that they wait for, once each, those that failed least first', async () => {
      const [failing, fine] = [randomUUID(), randomUUID()];
      for (const webhookId of [failing, failing, fine, fine]) await insert({ webhookId });
      await store.webhookDeliveries.release(await claimed(failing), {
        failures: 3,
        nextAttemptInstant: LEASED,
      });
      const named = (await store.webhookDeliveries.queues()).filter(
        ({ webhookId }) => webhookId === failing || webhookId === fine,
      );
      expect(named).toEqual([
        { webhookId: fine, failures: 0, nextAttemptInstant: 0 },
        { webhookId: failing, failures: 3, nextAttemptInstant: LEASED },
      ]);
    });

    it('are sent by whoever has the lease of their queue, which counts until it is given back', async () => {
      const { webhookId } = await insert();
      const held = await claimed(webhookId);
      expect(held).toEqual({ webhookId, failures: 1, nextAttemptInstant: LEASED });
      expect([await claim(webhookId), await claim(webhookId, LEASED - 1)]).toEqual([null, null]);
      await store.webhookDeliveries.release(held, { failures: 0, nextAttemptInstant: NOW_MS + 7 });
      expect(await queueOf(webhookId)).toMatchObject({ failures: 0, nextAttemptInstant: NOW_MS + 7 });
      expect([await claim(webhookId, NOW_MS + 6), await claim(webhookId, NOW_MS + 7)]).toEqual([
        null,
        expect.objectContaining({ failures: 1 }),
      ]);
    });

    it('go to another process when the lease is over, and whoever had it changes nothing any more', async () => {
      const { webhookId } = await insert();
      const lost = await claimed(webhookId);
      const held = await claimed(webhookId, LEASED);
      expect(held.failures).toBe(2);
      expect(await store.webhookDeliveries.renew(lost, LEASED + 1)).toBeNull();
      await store.webhookDeliveries.release(lost, { failures: 0, nextAttemptInstant: 0 });
      expect(await claim(webhookId, LEASED)).toBeNull();
      const renewed = await store.webhookDeliveries.renew(held, LEASED + 2 * LEASE_MS);
      expect(renewed).toEqual({ ...held, nextAttemptInstant: LEASED + 2 * LEASE_MS });
    });

    it('of one queue are never sent by two stores at once', async () => {
      const stores = [store, await open(), store];
      const { webhookId } = await insert();
      const claims = await Promise.all(
        stores.map(({ webhookDeliveries }) => webhookDeliveries.claim(webhookId, NOW_MS, LEASED)),
      );
      expect(claims.filter((held) => held !== null)).toHaveLength(1);
    });

    it('are given up when they are too old, or too many', async () => {
      const webhookId = randomUUID();
      const other = await insert({ insertInstant: 1 });
      const deliveries = [];
      for (const insertInstant of [1, 2, 3, 4, 5])
        deliveries.push(await insert({ webhookId, insertInstant }));
      const [, , third, fourth, fifth] = deliveries.map(({ id }) => id);
      expect(await store.webhookDeliveries.deleteOlder(webhookId, 3)).toBe(2);
      expect(await idsOf(webhookId)).toEqual([third, fourth, fifth]);
      expect(await store.webhookDeliveries.trim(webhookId, 3)).toBe(0);
      expect(await store.webhookDeliveries.trim(webhookId, 1)).toBe(2);
      expect(await idsOf(webhookId)).toEqual([fifth]);
      expect(await idsOf(other.webhookId)).toEqual([other.id]);
    });

    it('go with their webhook, and are counted until they are gone', async () => {
      const before = await store.webhookDeliveries.count();
      const { webhookId } = await insert();
      const [one] = [await insert(), await insert({ webhookId })];
      await claimed(webhookId);
      expect(await store.webhookDeliveries.count()).toBe(before + 3);
      await store.webhookDeliveries.deleteOf(webhookId);
      expect(await store.webhookDeliveries.count()).toBe(before + 1);
      await store.webhookDeliveries.delete(one.id);
      expect(await store.webhookDeliveries.count()).toBe(before);
      await insert({ webhookId });
      expect(await queueOf(webhookId)).toEqual({ webhookId, failures: 0, nextAttemptInstant: 0 });
    });

    it('have one id', async () => {
      const delivery = await insert();
      await expect(insert({ id: delivery.id })).rejects.toMatchObject({ what: 'webhookDelivery' });
    });
  });
});
