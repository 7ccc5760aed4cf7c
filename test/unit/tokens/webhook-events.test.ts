import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type TransactionType, webhookSchema } from '../../../src/objects/webhook.ts';
import type { WebhookCall, WebhookSender } from '../../../src/tokens/events/call.ts';
import { retryDelayMs, sendQueue } from '../../../src/tokens/events/queue.ts';
import { quorum, strictest } from '../../../src/tokens/events/quorum.ts';
import { createWebhookEvents } from '../../../src/tokens/events/webhook-events.ts';
import { createWebhook, deleteWebhook } from '../../../src/tokens/objects/webhooks.ts';
import { createSealer } from '../../../src/tokens/sealing.ts';
import type { TokenService } from '../../../src/tokens/service.ts';
import { StoreUnavailableError } from '../../../src/tokens/store.ts';
import type { WebhookDeliveryTable } from '../../../src/tokens/webhook-delivery.ts';
import { aDelivery } from '../../support/stored-objects.ts';
import { EVERYWHERE, K_RS, TEN1, TEN2 } from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';
import { decodePart } from '../../support/tokens.ts';

const DAY_MS = 86_400_000;

/** A service with webhooks; calls are written down and answered with the status that the test sets for their path. */
async function rig(webhooks: readonly object[]) {
  const { service, clock } = await testTokenService();
  for (const webhook of webhooks)
    await createWebhook(service, undefined, webhookSchema.parse({ eventsEnabled: ALL, ...webhook }));
  const calls: WebhookCall[] = [];
  const statuses = new Map<string, number>();
  const send = async (call: WebhookCall) => {
    calls.push(call);
    const status = statuses.get(call.url) ?? 200;
    if (status === 0) throw new Error('connection refused');
    return { status };
  };
  const marks: string[] = [];
  const events = createWebhookEvents({ service, send, onRecorded: () => marks.push('recorded') });
  const happen = async (tenantId = TEN1) => {
    const prepared = await events.prepare({ type: 'jwt.refresh', tenantId, body: { userId: 'u' } });
    await service.store.transaction((records) => prepared.record(records));
  };
  return {
    service,
    clock,
    calls,
    statuses,
    events,
    happen,
    recorded: () => marks.length,
    deliver: () => deliverDue(service, send),
    waiting: () => service.store.webhookDeliveries.count(),
  };
}

/** What deliveries do at one look, until all of it is done. */
async function deliverDue(service: TokenService, send: WebhookSender): Promise<void> {
  const queues = await service.store.webhookDeliveries.queues();
  const sender = { service, send, isStopped: () => false };
  const due = queues.filter(({ nextAttemptInstant }) => nextAttemptInstant <= service.clock());
  await Promise.all(due.map(({ webhookId }) => sendQueue(sender, webhookId)));
}

/** The same service on a store whose table of deliveries does some things otherwise. */
function withTable(service: TokenService, parts: Partial<WebhookDeliveryTable>): TokenService {
  const webhookDeliveries = { ...service.store.webhookDeliveries, ...parts };
  return { ...service, store: { ...service.store, webhookDeliveries } };
}

const gone = () => Promise.reject(new StoreUnavailableError('gone'));

const ALL = { 'jwt.refresh': true, 'jwt.refresh-token.revoke': true };
const HOOK = 'http://127.0.0.1:1/hook';

describe('createWebhookEvents()', () => {
  it('writes an event with its change and sends it afterwards (JWT-S56)', async () => {
    const { happen, deliver, calls, waiting, recorded, clock } = await rig([{ url: HOOK }]);
    await happen();
    expect([calls.length, await waiting(), recorded()]).toEqual([0, 1, 1]);
    await deliver();
    const { event } = JSON.parse(calls[0]?.body ?? '');
    expect(event).toMatchObject({ type: 'jwt.refresh', tenantId: TEN1, userId: 'u', createInstant: clock() });
    expect(event.id).toMatch(/^[0-9a-f-]{36}$/);
    expect([calls.length, await waiting()]).toEqual([1, 0]);
  });

  it('sends nothing of a change that was rolled back', async () => {
    const { service, events, deliver, calls } = await rig([{ url: HOOK }]);
    const prepared = await events.prepare({ type: 'jwt.refresh', tenantId: TEN1, body: {} });
    const change = service.store.transaction(async (records) => {
      await prepared.record(records);
      throw new Error('no');
    });
    await expect(change).rejects.toThrow('no');
    await deliver();
    expect(calls).toEqual([]);
  });

  it('tells only webhooks of the event and of the tenant', async () => {
    const { happen, deliver, calls } = await rig([
      { url: `${HOOK}/all` },
      { url: `${HOOK}/other-event`, eventsEnabled: { 'jwt.refresh-token.revoke': true } },
      { url: `${HOOK}/other-tenant`, global: false, tenantIds: [TEN2] },
      { url: `${HOOK}/tenant`, global: false, tenantIds: [TEN1] },
    ]);
    await happen();
    await deliver();
    expect(calls.map(({ url }) => url).toSorted()).toEqual([`${HOOK}/all`, `${HOOK}/tenant`]);
  });

  it('keeps the body sealed while it waits: it may hold tokens (JWT-C95)', async () => {
    const { service, events } = await rig([{ url: HOOK }]);
    const prepared = await events.prepare({ type: 'jwt.refresh', tenantId: TEN1, body: { token: 'CANARY' } });
    await service.store.transaction((records) => prepared.record(records));
    const [webhook] = service.catalog().webhooks.keys();
    const [delivery] = await service.store.webhookDeliveries.list(webhook ?? '', 1);
    expect(delivery).toBeDefined();
    expect(JSON.stringify(delivery)).not.toContain('CANARY');
  });

  it('signs the body and says who it is, where the webhook wants that (JWT-P102)', async () => {
    const { happen, deliver, calls } = await rig([
      {
        url: HOOK,
        signatureConfiguration: { enabled: true, signingKeyId: K_RS },
        httpAuthenticationUsername: 'hook',
        httpAuthenticationPassword: 'pä:ss',
        headers: { 'x-own': 'yes' },
      },
    ]);
    await happen();
    await deliver();
    const { headers = {}, body = '' } = calls[0] ?? {};
    const claims = decodePart(headers['X-FusionAuth-Signature-JWT'] ?? '', 1);
    expect(claims['request_body_sha256']).toBe(createHash('sha256').update(body).digest('base64'));
    expect(headers['authorization']).toBe(`Basic ${Buffer.from('hook:pä:ss').toString('base64')}`);
    expect(headers['x-own']).toBe('yes');
  });
});

describe('a webhook call', () => {
  it('has each header once, ours in place of what an older version has stored', async () => {
    const { service, happen, deliver, calls } = await rig([
      { url: HOOK, httpAuthenticationUsername: 'hook', httpAuthenticationPassword: 'pw' },
    ]);
    const [webhook] = service.catalog().webhooks.values();
    const headers = { Authorization: 'Bearer old', 'Content-Type': 'text/plain', 'X-Own': 'yes' };
    await service.store.catalog.update('webhooks', { ...(webhook ?? expect.unreachable()), headers }, []);
    await service.refreshCatalog();
    await happen();
    await deliver();
    expect(calls[0]?.headers).toEqual({
      authorization: `Basic ${Buffer.from('hook:pw').toString('base64')}`,
      'content-type': 'application/json',
      'x-own': 'yes',
    });
  });
});

describe('transactions of webhooks (JWT-P102)', () => {
  it.each<[TransactionType, number, number, boolean]>([
    ['None', 0, 3, true],
    ['Any', 1, 3, true],
    ['Any', 0, 3, false],
    ['SimpleMajority', 2, 4, true],
    ['SimpleMajority', 1, 4, false],
    ['SuperMajority', 2, 3, true],
    ['SuperMajority', 1, 3, false],
    ['AbsoluteMajority', 3, 3, true],
    ['AbsoluteMajority', 2, 3, false],
    ['AbsoluteMajority', 0, 0, true],
  ])('%s with %i of %i: enough is %s', (type, taken, webhooks, isEnough) => {
    expect(taken >= quorum(type, webhooks)).toBe(isEnough);
  });

  it('take the strictest of all that were asked for', () => {
    expect(strictest(['None', 'SuperMajority', 'Any'])).toBe('SuperMajority');
    expect(strictest([])).toBe('None');
  });

  it('refuse the change with 504 where too few took it', async () => {
    const { happen, statuses, calls, waiting } = await rig([
      { url: HOOK, transactionType: 'AbsoluteMajority' },
      { url: `${HOOK}/2` },
    ]);
    statuses.set(HOOK, 500);
    await expect(happen()).rejects.toMatchObject({ status: 504, errors: null });
    expect([calls.length, await waiting()]).toEqual([2, 0]);
  });

  it('send again only to those that did not take it', async () => {
    const { happen, deliver, statuses, calls, waiting } = await rig([
      { url: HOOK, transactionType: 'Any' },
      { url: `${HOOK}/2` },
    ]);
    statuses.set(HOOK, 0);
    await happen();
    expect(await waiting()).toBe(1);
    statuses.delete(HOOK);
    await deliver();
    expect(calls.map(({ url }) => url)).toEqual([HOOK, `${HOOK}/2`, HOOK]);
  });
});

describe('sendQueue()', () => {
  it('tries again, later each time, until the event is taken (JWT-P102)', async () => {
    const { happen, deliver, statuses, calls, clock, waiting } = await rig([{ url: HOOK }]);
    statuses.set(HOOK, 500);
    await happen();
    await deliver();
    await deliver();
    expect(calls.length).toBe(1);
    clock.advanceMs(retryDelayMs(1));
    await deliver();
    clock.advanceMs(retryDelayMs(1));
    await deliver();
    expect(calls.length).toBe(2);
    statuses.set(HOOK, 204);
    clock.advanceMs(retryDelayMs(2));
    await deliver();
    expect([calls.length, await waiting()]).toEqual([3, 0]);
  });

  it('keeps the order of changes for each webhook (JWT-P102)', async () => {
    const { happen, deliver, statuses, calls, clock } = await rig([{ url: HOOK }]);
    statuses.set(HOOK, 500);
    await happen();
    clock.advanceMs(1);
    await happen();
    await deliver();
    expect(calls.length).toBe(1);
    statuses.delete(HOOK);
    clock.advanceMs(retryDelayMs(1));
    await deliver();
    await deliver();
    const created = calls.map(({ body }) => JSON.parse(body).event.createInstant);
    expect(created).toEqual(created.toSorted());
    expect(new Set(calls.map(({ body }) => JSON.parse(body).event.id)).size).toBe(2);
  });

  it('gives up after a day', async () => {
    const { happen, deliver, statuses, clock, waiting } = await rig([{ url: HOOK }]);
    statuses.set(HOOK, 500);
    await happen();
    clock.advanceMs(DAY_MS);
    await deliver();
    expect(await waiting()).toBe(0);
  });

  it('finds nothing of a webhook that was deleted', async () => {
    const { service, happen, deliver, calls, waiting } = await rig([{ url: HOOK }]);
    await happen();
    const [webhook] = service.catalog().webhooks.keys();
    await deleteWebhook(service, webhook ?? '', EVERYWHERE);
    expect(await waiting()).toBe(0);
    await deliver();
    expect(calls).toEqual([]);
  });

  it('drops what nobody is to get, but not at once: another process may know of a new webhook first', async () => {
    const { service, happen, deliver, calls, waiting, clock } = await rig([{ url: HOOK }]);
    await happen();
    const [webhook] = service.catalog().webhooks.values();
    await service.store.catalog.delete('webhooks', webhook?.id ?? '');
    await service.refreshCatalog();
    await deliver();
    expect(await waiting()).toBe(1);
    clock.advanceMs(60_001);
    await deliver();
    expect([calls.length, await waiting()]).toEqual([0, 0]);
  });

  it('leaves alone what waits for a webhook that only a newer catalog knows (JWT-P102)', async () => {
    const { service, happen, waiting, clock } = await rig([]);
    const old = service.catalog();
    const webhook = webhookSchema.parse({ url: HOOK, eventsEnabled: ALL });
    await createWebhook(service, undefined, webhook);
    await happen();
    clock.advanceMs(DAY_MS);
    await deliverDue({ ...service, catalog: () => old }, async () => ({ status: 200 }));
    expect(await waiting()).toBe(1);
  });

  it('asks a receiver that is away once, however much waits for it', async () => {
    const { happen, deliver, statuses, calls, clock, waiting } = await rig([{ url: HOOK }]);
    statuses.set(HOOK, 0);
    for (let count = 0; count < 30; count += 1) await happen();
    await deliver();
    clock.advanceMs(retryDelayMs(1) - 1);
    await deliver();
    expect(calls.length).toBe(1);
    clock.advanceMs(1);
    await deliver();
    expect([calls.length, await waiting()]).toEqual([2, 30]);
    statuses.delete(HOOK);
    clock.advanceMs(retryDelayMs(2));
    await deliver();
    expect([calls.length, await waiting()]).toEqual([32, 0]);
  });

  it('begins to count failures anew after a success', async () => {
    const { service, happen, deliver, statuses, clock } = await rig([{ url: HOOK }]);
    statuses.set(HOOK, 500);
    await happen();
    for (const failures of [1, 2, 3]) {
      await deliver();
      clock.advanceMs(retryDelayMs(failures));
    }
    statuses.delete(HOOK);
    await deliver();
    statuses.set(HOOK, 500);
    await happen();
    await deliver();
    const [queue] = await service.store.webhookDeliveries.queues();
    expect(queue).toMatchObject({ failures: 1, nextAttemptInstant: clock() + retryDelayMs(1) });
  });

  it('gives up an event that no master key opens, and goes on with the next', async () => {
    const { service, happen, deliver, calls, waiting } = await rig([{ url: HOOK }]);
    const [webhook] = service.catalog().webhooks.keys();
    const lost = aDelivery({
      webhookId: webhook ?? '',
      sealedBody: createSealer(randomBytes(32)).seal('{}', ''),
    });
    await service.store.webhookDeliveries.insert(lost);
    await happen();
    await deliver();
    expect([calls.length, await waiting()]).toEqual([1, 0]);
  });

  it('waits five minutes at most', () => {
    expect([1, 2, 3, 50].map(retryDelayMs)).toEqual([1000, 2000, 4000, 300_000]);
  });
});

describe('sendQueue() where the store fails meanwhile', () => {
  const taken: WebhookSender = async () => ({ status: 200 });

  it('lets go of the queue, and waits longer each time', async () => {
    const { service, happen, clock } = await rig([{ url: HOOK }]);
    await happen();
    for (const failures of [1, 2, 3]) {
      await expect(deliverDue(withTable(service, { delete: gone }), taken)).rejects.toThrow('gone');
      const [queue] = await service.store.webhookDeliveries.queues();
      expect(queue).toMatchObject({ failures, nextAttemptInstant: clock() + retryDelayMs(failures) });
      clock.advanceMs(retryDelayMs(failures));
    }
  });

  it('lets go of it under the lease as it was renewed last', async () => {
    const { service, happen, clock } = await rig([{ url: HOOK }]);
    for (let count = 0; count < 3; count += 1) await happen();
    const table = service.store.webhookDeliveries;
    let deletions = 0;
    const third = (id: string) => (++deletions < 3 ? table.delete(id) : gone());
    const slow: WebhookSender = async () => {
      clock.advanceMs(60_000);
      return { status: 200 };
    };
    await expect(deliverDue(withTable(service, { delete: third }), slow)).rejects.toThrow('gone');
    const [queue] = await table.queues();
    expect(queue).toMatchObject({ failures: 1, nextAttemptInstant: clock() + retryDelayMs(1) });
  });

  it('tells the first cause where it cannot even let go', async () => {
    const { service, happen } = await rig([{ url: HOOK }]);
    await happen();
    const release = () => Promise.reject(new StoreUnavailableError('still gone'));
    const broken = withTable(service, { list: gone, release });
    await expect(deliverDue(broken, taken)).rejects.toThrow(/^gone$/);
  });
});
