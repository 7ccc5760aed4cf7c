/** Events on their way to webhooks, as the store keeps them. */

/** An event on its way to one webhook; written with the change it tells of, so that neither is without the other. */
export interface WebhookDelivery {
  readonly id: string;
  readonly webhookId: string;
  readonly eventId: string;
  /** The whole request body, sealed: it may hold tokens. */
  readonly sealedBody: string;
  /** Milliseconds. */
  readonly insertInstant: number;
}

/** A webhook for which events wait. */
export interface WebhookQueue {
  readonly webhookId: string;
  /** Calls that failed one after the other; while one is made, it counts already: one that ends the process counts too. */
  readonly failures: number;
  /** Milliseconds: before, nobody sends. While a process does, the end of its lease. */
  readonly nextAttemptInstant: number;
}

/** Events wait in one queue a webhook, in the order of their changes; one process at a time sends from it. */
export interface WebhookDeliveryTable {
  insert(delivery: WebhookDelivery): Promise<void>;
  /** Of webhooks for which something waits, those that failed least first. */
  queues(): Promise<readonly WebhookQueue[]>;
  /** Takes a queue that is due, and counts a failure until `release`. Null: nobody may send yet, or another does. */
  claim(webhookId: string, nowMs: number, leaseUntil: number): Promise<WebhookQueue | null>;
  /** A longer lease. Null: it ran out, and another process has the queue. */
  renew(held: WebhookQueue, leaseUntil: number): Promise<WebhookQueue | null>;
  /** Without effect where the lease ran out and another process has the queue. */
  release(held: WebhookQueue, next: Pick<WebhookQueue, 'failures' | 'nextAttemptInstant'>): Promise<void>;
  /** Oldest first. */
  list(webhookId: string, maxCount: number): Promise<readonly WebhookDelivery[]>;
  delete(id: string): Promise<void>;
  /** Gives back how many. */
  deleteOlder(webhookId: string, insertedBefore: number): Promise<number>;
  /** Keeps the newest `keepCount`. Gives back how many went. */
  trim(webhookId: string, keepCount: number): Promise<number>;
  /** All that waits for a webhook, and its queue. */
  deleteOf(webhookId: string): Promise<void>;
  count(): Promise<number>;
}
