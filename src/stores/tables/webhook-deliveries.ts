/** Events on their way to webhooks, in a queue of each; a lease keeps two processes from sending from one queue. */
import type { WebhookDelivery, WebhookDeliveryTable, WebhookQueue } from '../../tokens/webhook-delivery.ts';
import type { Outcome, Queries, Row } from '../driver.ts';
import { integer, text } from '../row.ts';

const INSERT = `INSERT INTO webhook_deliveries
    (id, webhook_id, event_id, sealed_body, insert_instant, attempts, next_attempt_instant)
  VALUES ($1, $2, $3, $4, $5, 0, $5)`;

/** From one webhook to the next by the index: a webhook that is down has many rows, and none of them is read. */
const WAITING = `WITH RECURSIVE waiting (webhook_id) AS (
    SELECT MIN(webhook_id) FROM webhook_deliveries
    UNION ALL
    SELECT (SELECT MIN(d.webhook_id) FROM webhook_deliveries d WHERE d.webhook_id > waiting.webhook_id)
    FROM waiting WHERE waiting.webhook_id IS NOT NULL)
  SELECT webhook_id FROM waiting WHERE webhook_id IS NOT NULL`;
/** Nobody has sent from a queue without a row yet. */
const QUEUES = `SELECT w.webhook_id, COALESCE(q.failures, 0) AS failures,
    COALESCE(q.next_attempt_instant, 0) AS next_attempt_instant
  FROM (${WAITING}) w LEFT JOIN webhook_queues q ON q.webhook_id = w.webhook_id
  ORDER BY failures, next_attempt_instant`;

const HELD = 'webhook_id = $1 AND next_attempt_instant = $2';
const QUEUE_COLUMNS = 'webhook_id, failures, next_attempt_instant';
const CLAIM = `INSERT INTO webhook_queues (${QUEUE_COLUMNS}) VALUES ($1, 1, $3)
  ON CONFLICT (webhook_id) DO UPDATE
    SET failures = webhook_queues.failures + 1, next_attempt_instant = excluded.next_attempt_instant
    WHERE webhook_queues.next_attempt_instant <= $2
  RETURNING ${QUEUE_COLUMNS}`;
const RENEW = `UPDATE webhook_queues SET next_attempt_instant = $3 WHERE ${HELD} RETURNING ${QUEUE_COLUMNS}`;
const RELEASE = `UPDATE webhook_queues SET failures = $3, next_attempt_instant = $4 WHERE ${HELD}`;

const LIST = `SELECT id, webhook_id, event_id, sealed_body, insert_instant FROM webhook_deliveries
  WHERE webhook_id = $1 ORDER BY webhook_deliveries.position LIMIT $2`;
/** NULL where there are no more than are kept, and then nothing goes. */
const TRIM = `DELETE FROM webhook_deliveries WHERE webhook_id = $1 AND webhook_deliveries.position <= (
    SELECT d.position FROM webhook_deliveries d WHERE d.webhook_id = $1
    ORDER BY d.position DESC LIMIT 1 OFFSET $2)`;

function deliveryOf(row: Row): WebhookDelivery {
  return {
    id: text(row, 'id'),
    webhookId: text(row, 'webhook_id'),
    eventId: text(row, 'event_id'),
    sealedBody: text(row, 'sealed_body'),
    insertInstant: integer(row, 'insert_instant'),
  };
}

function queueOf(row: Row): WebhookQueue {
  return {
    webhookId: text(row, 'webhook_id'),
    failures: integer(row, 'failures'),
    nextAttemptInstant: integer(row, 'next_attempt_instant'),
  };
}

function onlyQueue({ rows: [row] }: Outcome): WebhookQueue | null {
  return row === undefined ? null : queueOf(row);
}

export function webhookDeliveryTable(queries: Queries): WebhookDeliveryTable {
  return {
    async insert({ id, webhookId, eventId, sealedBody, insertInstant }) {
      await queries.query(INSERT, [id, webhookId, eventId, sealedBody, insertInstant]);
    },
    async queues() {
      return (await queries.query(QUEUES)).rows.map(queueOf);
    },
    async claim(webhookId, nowMs, leaseUntil) {
      return onlyQueue(await queries.query(CLAIM, [webhookId, nowMs, leaseUntil]));
    },
    async renew(held, leaseUntil) {
      const values = [held.webhookId, held.nextAttemptInstant, leaseUntil];
      return onlyQueue(await queries.query(RENEW, values));
    },
    async release(held, { failures, nextAttemptInstant }) {
      const values = [held.webhookId, held.nextAttemptInstant, failures, nextAttemptInstant];
      await queries.query(RELEASE, values);
    },
    async list(webhookId, maxCount) {
      return (await queries.query(LIST, [webhookId, maxCount])).rows.map(deliveryOf);
    },
    async delete(id) {
      await queries.query('DELETE FROM webhook_deliveries WHERE id = $1', [id]);
    },
    async deleteOlder(webhookId, insertedBefore) {
      const sql = 'DELETE FROM webhook_deliveries WHERE webhook_id = $1 AND insert_instant < $2';
      return (await queries.query(sql, [webhookId, insertedBefore])).count;
    },
    async trim(webhookId, keepCount) {
      return (await queries.query(TRIM, [webhookId, keepCount])).count;
    },
    deleteOf: (webhookId) =>
      queries.transaction(async (inside) => {
        await inside.query('DELETE FROM webhook_deliveries WHERE webhook_id = $1', [webhookId]);
        await inside.query('DELETE FROM webhook_queues WHERE webhook_id = $1', [webhookId]);
      }),
    async count() {
      const { rows } = await queries.query('SELECT COUNT(*) AS total FROM webhook_deliveries');
      return integer(rows[0] ?? {}, 'total');
    },
  };
}
