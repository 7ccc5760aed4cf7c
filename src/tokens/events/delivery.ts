/** Sends what was recorded for webhooks, until it is taken or too old. Any process may send what another recorded. */
import { DAY_MS, HOUR_MS, MINUTE_MS, type Scheduler, SECOND_MS } from '../../core/time.ts';
import type { WebhookDelivery } from '../store.ts';
import { deliveryContext, type EventService, tell, type WebhookSender } from './call.ts';

/** After this the receiver is gone, not away. */
const AGE_MAX_MS = DAY_MS;
/** Doubled after each failure, up to the last. */
const FIRST_RETRY_MS = SECOND_MS;
const LAST_RETRY_MS = HOUR_MS;
/** Longer than the slowest call of a batch: meanwhile nobody else sends it. */
const LEASE_MS = 2 * MINUTE_MS;
/** At a time, in one process. */
const BATCH_MAX = 20;
/** Deliveries that another process left behind are found this late. */
const POLL_MS = 5 * SECOND_MS;
/** So soon after it was recorded, a change is committed. */
const SOON_MS = 10;

export interface Deliveries {
  /** Something was recorded: look soon. */
  expect(): void;
  /** Waits for calls under way. */
  close(): Promise<void>;
}

export function startDeliveries(service: EventService, send: WebhookSender, schedule: Scheduler): Deliveries {
  let isClosed = false;
  let running: Promise<void> = Promise.resolve();
  let cancel = schedule(run, POLL_MS);
  let isSoon = false;

  function run(): void {
    isSoon = false;
    running = deliverDue(service, send).then((count) => {
      // A full batch: there may be more.
      if (!isClosed && !isSoon) cancel = schedule(run, count === BATCH_MAX ? SOON_MS : POLL_MS);
    });
  }

  return {
    expect() {
      if (isClosed || isSoon) return;
      isSoon = true;
      cancel();
      cancel = schedule(run, SOON_MS);
    },
    async close() {
      isClosed = true;
      cancel();
      await running;
    },
  };
}

/** Never rejects. How many were due. */
export async function deliverDue(service: EventService, send: WebhookSender): Promise<number> {
  const now = service.clock();
  try {
    const due = await service.store.webhookDeliveries.claimDue(now, now + LEASE_MS, BATCH_MAX);
    await Promise.all([...byWebhook(due).values()].map((queue) => deliverInOrder(service, send, queue)));
    return due.length;
  } catch (error) {
    const cause = error instanceof Error ? error.message : 'unknown';
    service.log.warn('Webhook deliveries are on hold: the store does not answer', { cause });
    return 0;
  }
}

function byWebhook(due: readonly WebhookDelivery[]): ReadonlyMap<string, readonly WebhookDelivery[]> {
  return Map.groupBy(due, ({ webhookId }) => webhookId);
}

/**
 * One receiver gets its events one after another, in the order of the changes. After a failure, and where the lease
 * runs out, the rest waits: an event that another process sends meanwhile would come twice.
 */
async function deliverInOrder(
  service: EventService,
  send: WebhookSender,
  queue: readonly WebhookDelivery[],
): Promise<void> {
  const claimedAt = service.clock();
  let goesOn = true;
  for (const delivery of queue) {
    if (goesOn)
      goesOn = (await deliver(service, send, delivery)) && service.clock() - claimedAt < LEASE_MS / 2;
    else await service.store.webhookDeliveries.retryAt(delivery.id, service.clock() + FIRST_RETRY_MS);
  }
}

/** False: it was not taken, and will be tried again. */
async function deliver(
  service: EventService,
  send: WebhookSender,
  delivery: WebhookDelivery,
): Promise<boolean> {
  const { store, clock, log, sealer } = service;
  const { id, webhookId, eventId, sealedBody, attempts, insertInstant } = delivery;
  const webhook = service.catalog().webhooks.get(webhookId);
  const body = sealer.open(sealedBody, deliveryContext(id));
  const isDone = webhook === undefined || (await tell(service, send, webhook, body));
  const isTooOld = clock() - insertInstant >= AGE_MAX_MS;
  if (!isDone && !isTooOld) {
    await store.webhookDeliveries.retryAt(id, clock() + retryDelayMs(attempts));
    return false;
  }
  if (!isDone)
    log.error('A webhook did not take an event for a day; it is given up', {
      webhook: webhookId,
      event: eventId,
    });
  await store.webhookDeliveries.delete(id);
  return true;
}

/** `attempts`: this one included, so at least 1. */
export function retryDelayMs(attempts: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts - 1, 30));
}
