/** Sends what waits for one webhook, one event after another, in the order of the changes. */
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../core/time.ts';
import type { WebhookDelivery, WebhookQueue } from '../webhook-delivery.ts';
import { deliveryContext, type EventService, tell, type WebhookSender } from './call.ts';

/** After this the receiver is gone, not away. */
const AGE_MAX_MS = DAY_MS;
/** Doubled after each failure, up to the last. */
const FIRST_RETRY_MS = SECOND_MS;
/** One call a webhook, however many events wait: who comes back does not wait long for them. */
const LAST_RETRY_MS = 5 * MINUTE_MS;
/** Longer than two of the slowest calls: meanwhile nobody else sends from the queue. */
const LEASE_MS = 3 * MINUTE_MS;
/** Events read at a time. */
const BATCH_MAX = 20;
/** A webhook that another process made is known here within seconds: only then its events are nobody's. */
const UNKNOWN_AFTER_MS = MINUTE_MS;

export interface QueueSender {
  readonly service: EventService;
  readonly send: WebhookSender;
  /** True: no further call is begun. */
  readonly isStopped: () => boolean;
}

/**
 * Until nothing waits, a call fails, or somebody else has the queue. After a failure all of it waits: a receiver that is
 * away is asked for once, not once an event. True: something was sent, and more may have come meanwhile.
 *
 * @throws StoreUnavailableError
 */
export async function sendQueue(sender: QueueSender, webhookId: string): Promise<boolean> {
  const { store, clock, catalog } = sender.service;
  const now = clock();
  if (!catalog().webhooks.has(webhookId)) {
    if (await isCatalogCurrent(sender.service))
      await store.webhookDeliveries.deleteOlder(webhookId, now - UNKNOWN_AFTER_MS);
    return false;
  }
  const held = await store.webhookDeliveries.claim(webhookId, now, now + LEASE_MS);
  return held !== null && (await sendHeld(sender, held));
}

/** A catalog that is kept for want of a newer one may lack webhooks that others know. */
async function isCatalogCurrent({ store, catalog }: EventService): Promise<boolean> {
  return (await store.catalog.revision()) === catalog().revision;
}

/** How it ended. `lost`: another process has the queue. */
type End = 'empty' | 'stopped' | 'failed' | 'lost';

interface Sending {
  /** The lease as it was renewed last. */
  held: WebhookQueue;
  /** Events that were taken. */
  count: number;
}

async function sendHeld(sender: QueueSender, claimed: WebhookQueue): Promise<boolean> {
  const { service } = sender;
  const sending: Sending = { held: claimed, count: 0 };
  try {
    const end = await sendAll(sender, sending);
    if (end === 'failed') await giveUpOld(service, claimed.webhookId);
    if (end !== 'lost') await release(service, end, sending);
    return end === 'empty' && sending.count > 0;
  } catch (error) {
    // Often the store is back at once. Where it is not, the lease ends by itself, and the cause is told already.
    await release(service, 'failed', sending).catch(() => {});
    throw error;
  }
}

/** Keeps `sending` up to date, also where it throws. */
async function sendAll(sender: QueueSender, sending: Sending): Promise<End> {
  const { webhookId } = sending.held;
  for (let next = await nextOf(sender, webhookId); next.length > 0; next = await nextOf(sender, webhookId))
    for (const delivery of next) {
      if (sender.isStopped()) return 'stopped';
      if (!(await deliver(sender, delivery))) return 'failed';
      sending.count += 1;
      const renewed = await stillHeld(sender.service, sending.held);
      if (renewed === null) return 'lost';
      sending.held = renewed;
    }
  return 'empty';
}

async function release({ store, clock }: EventService, end: End, { held, count }: Sending): Promise<void> {
  await store.webhookDeliveries.release(held, after(clock(), end, held, count));
}

/** The claim counted a failure before there was one. */
function after(
  nowMs: number,
  end: End,
  { failures }: WebhookQueue,
  count: number,
): Pick<WebhookQueue, 'failures' | 'nextAttemptInstant'> {
  const before = count > 0 ? 0 : failures - 1;
  if (end !== 'failed') return { failures: end === 'empty' ? 0 : before, nextAttemptInstant: nowMs };
  return { failures: before + 1, nextAttemptInstant: nowMs + retryDelayMs(before + 1) };
}

/** None of a webhook that was deleted meanwhile: what waits for it goes with it. */
async function nextOf(
  { service: { store, catalog } }: QueueSender,
  webhookId: string,
): Promise<readonly WebhookDelivery[]> {
  return catalog().webhooks.has(webhookId) ? await store.webhookDeliveries.list(webhookId, BATCH_MAX) : [];
}

/** False: it was not taken. */
async function deliver({ service, send }: QueueSender, delivery: WebhookDelivery): Promise<boolean> {
  const webhook = service.catalog().webhooks.get(delivery.webhookId);
  if (webhook === undefined) return true;
  const body = openBody(service, delivery);
  if (body !== null && !(await tell(service, send, webhook, body))) return false;
  await service.store.webhookDeliveries.delete(delivery.id);
  return true;
}

/** Null: sealed under a master key that is gone, so that nobody can send it, ever. */
function openBody(
  { sealer, log }: EventService,
  { id, webhookId, sealedBody }: WebhookDelivery,
): string | null {
  try {
    return sealer.open(sealedBody, deliveryContext(id));
  } catch {
    log.error('An event for a webhook does not open with the master key; it is given up', {
      webhook: webhookId,
    });
    return null;
  }
}

/** The lease outlasts each call. Null: it is over, and another process has the queue. */
async function stillHeld({ store, clock }: EventService, held: WebhookQueue): Promise<WebhookQueue | null> {
  const isFresh = held.nextAttemptInstant - clock() > LEASE_MS / 2;
  return isFresh ? held : await store.webhookDeliveries.renew(held, clock() + LEASE_MS);
}

async function giveUpOld({ store, clock, log }: EventService, webhookId: string): Promise<void> {
  const events = await store.webhookDeliveries.deleteOlder(webhookId, clock() - AGE_MAX_MS + 1);
  if (events > 0)
    log.error('A webhook did not take events for a day; they are given up', { webhook: webhookId, events });
}

/** `failures`: one after the other, at least 1. */
export function retryDelayMs(failures: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 30));
}
