import { afterEach, describe, expect, it } from 'vitest';
import { webhookSchema } from '../../../src/objects/webhook.ts';
import type { WebhookCall } from '../../../src/tokens/events/call.ts';
import {
  type Deliveries,
  type DeliveryOptions,
  startDeliveries,
} from '../../../src/tokens/events/delivery.ts';
import { createWebhookEvents } from '../../../src/tokens/events/webhook-events.ts';
import { createWebhook } from '../../../src/tokens/objects/webhooks.ts';
import type { WebhookDeliveryTable } from '../../../src/tokens/webhook-delivery.ts';
import { fakeScheduler, settled } from '../../support/scheduler.ts';
import { TEN1 } from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';

const HANGING = 'http://127.0.0.1:1/hangs';
const ANSWERING = 'http://127.0.0.1:1/answers';
const POLL_MS = 5000;

let open: Deliveries | null = null;
let letGo: () => void = () => {};
afterEach(async () => {
  letGo();
  await open?.close();
  open = null;
});

/** The table, and a way to wait until none of its calls is under way: the store has a thread of its own. */
function watched(table: WebhookDeliveryTable) {
  const underWay = new Set<Promise<unknown>>();
  const get = (target: WebhookDeliveryTable, name: string | symbol) => {
    const member: unknown = Reflect.get(target, name);
    if (typeof member !== 'function') return member;
    return (...args: unknown[]) => {
      const call: Promise<unknown> = Promise.resolve(Reflect.apply(member, target, args));
      underWay.add(call);
      const forget = () => void underWay.delete(call);
      call.then(forget, forget);
      return call;
    };
  };
  const quiet = async () => {
    for (await settled(); underWay.size > 0; await settled()) await Promise.allSettled(underWay);
  };
  return { table: new Proxy(table, { get }), quiet };
}

/** Deliveries to these receivers; those whose URL says so hang until `letGo`, and fail then. */
async function rig(
  urls: readonly string[],
  { onReleased = async () => {}, ...options }: DeliveryOptions & { onReleased?: () => Promise<void> } = {},
) {
  const { service, clock } = await testTokenService();
  const { webhookDeliveries } = service.store;
  const release: WebhookDeliveryTable['release'] = async (...args) => {
    await webhookDeliveries.release(...args);
    await onReleased();
  };
  const { table, quiet } = watched({ ...webhookDeliveries, release });
  const logged: object[] = [];
  const log = {
    ...service.log,
    error: (message: string, fields = {}) => void logged.push({ message, ...fields }),
  };
  for (const url of urls)
    await createWebhook(
      service,
      undefined,
      webhookSchema.parse({ url, eventsEnabled: { 'jwt.refresh': true } }),
    );
  const { promise: end, resolve } = Promise.withResolvers<void>();
  letGo = resolve;
  const calls: WebhookCall[] = [];
  const send = async (call: WebhookCall) => {
    calls.push(call);
    if (call.url.startsWith(HANGING)) await end;
    return { status: call.url.startsWith(HANGING) ? 503 : 200 };
  };
  const scheduler = fakeScheduler(clock);
  const store = { ...service.store, webhookDeliveries: table };
  const deliveries = startDeliveries({ ...service, store, log }, send, scheduler.schedule, options);
  open = deliveries;
  const events = createWebhookEvents({ service, send, onRecorded: deliveries.expect });
  const happen = async (count: number) => {
    const prepared = await events.prepare({ type: 'jwt.refresh', tenantId: TEN1, body: {} });
    for (let index = 0; index < count; index += 1) {
      await service.store.transaction((records) => prepared.record(records));
      clock.advanceMs(1);
    }
  };
  /** Look by look, each with all that follows from it: the clock never runs ahead of the store. */
  const pass = async (durationMs: number) => {
    for (let leftMs = durationMs; leftMs > 0; leftMs -= POLL_MS) {
      await scheduler.passMs(Math.min(leftMs, POLL_MS));
      await quiet();
    }
  };
  const callsTo = (url: string) => calls.filter((call) => call.url.startsWith(url)).length;
  return { service, clock, scheduler, deliveries, logged, happen, pass, quiet, callsTo };
}

describe('startDeliveries()', () => {
  it('sends to one that answers while another hangs with all that waits for it (JWT-P102)', async () => {
    const { happen, pass, callsTo, service } = await rig([HANGING, ANSWERING]);
    await happen(30);
    await pass(POLL_MS);
    expect(callsTo(ANSWERING)).toBe(30);
    await happen(1);
    await pass(POLL_MS);
    expect(callsTo(ANSWERING)).toBe(31);
    expect(callsTo(HANGING)).toBe(1);
    expect(await service.store.webhookDeliveries.count()).toBe(31);
  });

  it('asks one that fails less and less often, and the other at once', async () => {
    const { happen, pass, callsTo } = await rig([HANGING, ANSWERING]);
    letGo();
    await happen(1);
    const counts: number[] = [];
    for (let minute = 1; minute <= 10; minute += 1) {
      await happen(1);
      await pass(60_000);
      counts.push(callsTo(HANGING));
    }
    expect(callsTo(ANSWERING)).toBe(11);
    const perMinute = counts.map((count, index) => count - (counts[index - 1] ?? 0));
    expect(perMinute[0]).toBeGreaterThan(2);
    expect(Math.max(...perMinute.slice(5))).toBeLessThanOrEqual(1);
  });

  it('has no more calls under way than it has places, and fills each that comes free soon', async () => {
    const sendingMax = 5;
    const urls = Array.from({ length: sendingMax + 3 }, (_, index) => `${HANGING}/${index}`);
    const { happen, pass, quiet, callsTo } = await rig(urls, { sendingMax });
    await happen(1);
    for (const _ of [1, 2]) {
      await pass(POLL_MS);
      expect(callsTo(HANGING)).toBe(sendingMax);
    }
    letGo();
    await quiet();
    await pass(10);
    expect(callsTo(HANGING)).toBe(sendingMax + 3);
  });

  it('keeps the newest events of one that takes none, and says how many went', async () => {
    const { happen, pass, service, logged } = await rig([HANGING], { waitingMax: 3 });
    const [webhookId = ''] = service.catalog().webhooks.keys();
    await happen(5);
    await pass(POLL_MS);
    const before = await service.store.webhookDeliveries.list(webhookId, 10);
    await pass(60_000);
    expect(logged).toEqual([expect.objectContaining({ webhook: webhookId, events: 2 })]);
    expect(await service.store.webhookDeliveries.list(webhookId, 10)).toEqual(before.slice(2));
  });

  it('ends after the call under way, and leaves the rest to others', async () => {
    const { happen, pass, deliveries, callsTo, service, clock } = await rig([HANGING]);
    await happen(3);
    await pass(POLL_MS);
    expect(callsTo(HANGING)).toBe(1);
    const closed = deliveries.close();
    letGo();
    await closed;
    expect(callsTo(HANGING)).toBe(1);
    const [queue] = await service.store.webhookDeliveries.queues();
    expect(queue).toMatchObject({ failures: 1, nextAttemptInstant: clock() + 1000 });
  });

  it('sends soon what was recorded, and looked for in vain, while its queue ended', async () => {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const { promise: released, resolve } = Promise.withResolvers<void>();
    const onReleased = async () => {
      resolve();
      await ended;
    };
    const { happen, scheduler, pass, quiet, callsTo } = await rig([ANSWERING], { onReleased });
    await happen(1);
    await scheduler.passMs(10);
    await released;
    await happen(1);
    await scheduler.passMs(10);
    while (scheduler.pending() === 0) await settled(); // the look under way
    expect(callsTo(ANSWERING)).toBe(1);
    end();
    await quiet();
    await pass(10);
    expect(callsTo(ANSWERING)).toBe(2);
  });
});

const LOOK_MS = 40;

/** Deliveries whose looks take a while, and find nothing. */
async function slowLooks() {
  const { service, clock } = await testTokenService();
  const scheduler = fakeScheduler(clock);
  const looks = { begun: 0, underWay: 0, underWayMax: 0 };
  const queues = async () => {
    looks.begun += 1;
    looks.underWay += 1;
    looks.underWayMax = Math.max(looks.underWayMax, looks.underWay);
    await new Promise<void>((resolve) => void scheduler.schedule(() => resolve(), LOOK_MS));
    looks.underWay -= 1;
    return [];
  };
  const store = { ...service.store, webhookDeliveries: { ...service.store.webhookDeliveries, queues } };
  const send = async () => ({ status: 200 });
  const deliveries = startDeliveries({ ...service, store }, send, scheduler.schedule);
  const load = async () => {
    for (let event = 0; event < 300; event += 1) {
      deliveries.expect();
      await scheduler.passMs((event * 7) % 60);
    }
  };
  return { deliveries, scheduler, looks, load };
}

describe('the looks of startDeliveries()', () => {
  it('never overlap, however often something is recorded (JWT-P102)', async () => {
    const { load, looks } = await slowLooks();
    await load();
    expect(looks.begun).toBeGreaterThan(10);
    expect(looks.underWayMax).toBe(1);
  });

  it('are as rare after a load as before it (JWT-P102)', async () => {
    const { load, looks, scheduler } = await slowLooks();
    await load();
    await scheduler.passMs(2 * POLL_MS);
    const before = looks.begun;
    await scheduler.passMs(10 * (POLL_MS + LOOK_MS));
    expect(looks.begun - before).toBe(10);
    expect(scheduler.pending()).toBe(1);
  });

  it('are followed soon by another where something was recorded meanwhile', async () => {
    const { deliveries, looks, scheduler } = await slowLooks();
    await scheduler.passMs(POLL_MS);
    deliveries.expect();
    await scheduler.passMs(LOOK_MS - 1);
    expect(looks.begun).toBe(1);
    await scheduler.passMs(1 + 10);
    expect(looks.begun).toBe(2);
  });

  it('are waited for by close(), which begins no other', async () => {
    const { deliveries, load, looks, scheduler } = await slowLooks();
    await load();
    await scheduler.passMs(POLL_MS + 2 * LOOK_MS);
    deliveries.expect();
    await scheduler.passMs(10);
    expect(looks.underWay).toBe(1);
    const closed = deliveries.close().then(() => looks.underWay);
    await settled();
    deliveries.expect();
    await scheduler.passMs(10 * POLL_MS);
    expect(await closed).toBe(0);
    expect(scheduler.pending()).toBe(0);
  });
});
