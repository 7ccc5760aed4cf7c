/**
 * Keeps the queues of webhooks moving, each for itself: one that hangs or is gone holds up none of the others. Any
 * process may send what another recorded.
 */
import { MINUTE_MS, type Scheduler, SECOND_MS } from '../../core/time.ts';
import type { WebhookQueue } from '../webhook-delivery.ts';
import type { EventService, WebhookSender } from './call.ts';
import { type QueueSender, sendQueue } from './queue.ts';

/**
 * Queues that one process sends from at a time: a connection and a body of an event each. Those that failed least go
 * first, so that receivers that hang take the places that are left.
 */
const SENDING_MAX = 100;
/**
 * Events that wait for one webhook, some hundred MB at most. Beyond, the oldest go: the tokens and sessions that they
 * tell of are the first to end by themselves.
 */
const WAITING_MAX = 100_000;
/** How often what waits is counted; so long it may be more. */
const TRIM_EVERY_MS = MINUTE_MS;
/** Events that another process left behind are found this late. */
const POLL_MS = 5 * SECOND_MS;
/** So soon after it was recorded, a change is committed. */
const SOON_MS = 10;

export interface Deliveries {
  /** Something was recorded: look soon. */
  expect(): void;
  /** Waits for calls under way; begins no other. */
  close(): Promise<void>;
}

export interface DeliveryOptions {
  /** Queues that are sent from at a time. */
  readonly sendingMax?: number;
  /** Events that wait for one webhook. */
  readonly waitingMax?: number;
}

export function startDeliveries(
  service: EventService,
  send: WebhookSender,
  schedule: Scheduler,
  { sendingMax = SENDING_MAX, waitingMax = WAITING_MAX }: DeliveryOptions = {},
): Deliveries {
  const running = new RunningDeliveries(service, send, schedule, { sendingMax, waitingMax });
  return { expect: () => running.expect(), close: () => running.close() };
}

class RunningDeliveries {
  readonly #service: EventService;
  readonly #sender: QueueSender;
  readonly #schedule: Scheduler;
  readonly #limits: Required<DeliveryOptions>;
  /** By webhook. */
  readonly #sending = new Map<string, Promise<void>>();
  /** Null: no look is under way, and the timer of the next one runs. */
  #looking: Promise<void> | null = null;
  #cancel: () => void;
  #isSoon = false;
  #isClosed = false;
  #trimmedInstant: number;

  constructor(
    service: EventService,
    send: WebhookSender,
    schedule: Scheduler,
    limits: Required<DeliveryOptions>,
  ) {
    this.#service = service;
    this.#sender = { service, send, isStopped: () => this.#isClosed };
    this.#schedule = schedule;
    this.#limits = limits;
    this.#trimmedInstant = service.clock();
    this.#cancel = schedule(() => this.#run(), POLL_MS);
  }

  expect(): void {
    if (this.#isClosed || this.#isSoon) return;
    this.#isSoon = true;
    // A look under way may have missed it; its end asks for the next.
    if (this.#looking === null) this.#runIn(SOON_MS);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#looking;
    await Promise.all(this.#sending.values());
  }

  /** One timer at a time: where a second one ran, each would go on for ever. */
  #runIn(delayMs: number): void {
    this.#cancel();
    this.#cancel = this.#schedule(() => this.#run(), delayMs);
  }

  #run(): void {
    this.#isSoon = false;
    this.#looking = this.#look().finally(() => {
      this.#looking = null;
      if (!this.#isClosed) this.#runIn(this.#isSoon ? SOON_MS : POLL_MS);
    });
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    try {
      const queues = await this.#service.store.webhookDeliveries.queues();
      this.#sendFrom(queues);
      await this.#trim(queues);
    } catch (error) {
      this.#onHold(error);
    }
  }

  #sendFrom(queues: readonly WebhookQueue[]): void {
    const now = this.#service.clock();
    for (const { webhookId, nextAttemptInstant } of queues) {
      const isFull = this.#isClosed || this.#sending.size >= this.#limits.sendingMax;
      if (isFull || nextAttemptInstant > now || this.#sending.has(webhookId)) continue;
      this.#sending.set(webhookId, this.#send(webhookId));
    }
  }

  /** Never rejects. */
  async #send(webhookId: string): Promise<void> {
    let mayBeMore = false;
    try {
      mayBeMore = await sendQueue(this.#sender, webhookId);
    } catch (error) {
      this.#onHold(error);
    }
    this.#sending.delete(webhookId);
    // Also what found no place, or was recorded while the queue ended.
    if (mayBeMore || this.#sending.size === this.#limits.sendingMax - 1) this.expect();
  }

  async #trim(queues: readonly WebhookQueue[]): Promise<void> {
    const { clock, store, log } = this.#service;
    if (clock() - this.#trimmedInstant < TRIM_EVERY_MS) return;
    this.#trimmedInstant = clock();
    for (const { webhookId } of queues) {
      const events = await store.webhookDeliveries.trim(webhookId, this.#limits.waitingMax);
      if (events > 0)
        log.error('Too many events wait for a webhook; the oldest are given up', {
          webhook: webhookId,
          events,
        });
    }
  }

  #onHold(error: unknown): void {
    const cause = error instanceof Error ? error.message : 'unknown';
    this.#service.log.warn('Webhook deliveries are on hold', { cause });
  }
}
