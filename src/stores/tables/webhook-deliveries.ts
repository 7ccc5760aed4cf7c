/** Events on their way to webhooks; a lease keeps two processes from sending one of them twice. */
import type { WebhookDelivery, WebhookDeliveryTable } from '../../tokens/store.ts';
import type { Queries, Row } from '../driver.ts';
import { integer, text } from '../row.ts';

const COLUMNS = 'id, webhook_id, event_id, sealed_body, attempts, next_attempt_instant, insert_instant';

/**
 * Rows that another process is taking are passed over, not waited for. The sign before `position` says that its index is
 * no way to find them: it leads through all that wait for a webhook that is down, bodies included, each second anew.
 */
const CLAIM_DUE = `UPDATE webhook_deliveries SET next_attempt_instant = $2, attempts = attempts + 1
  WHERE next_attempt_instant <= $1 AND position IN (
    SELECT position FROM webhook_deliveries WHERE next_attempt_instant <= $1
    ORDER BY +position LIMIT $3 FOR UPDATE SKIP LOCKED)
  RETURNING position, ${COLUMNS}`;

function deliveryOf(row: Row): WebhookDelivery {
  return {
    id: text(row, 'id'),
    webhookId: text(row, 'webhook_id'),
    eventId: text(row, 'event_id'),
    sealedBody: text(row, 'sealed_body'),
    attempts: integer(row, 'attempts'),
    nextAttemptInstant: integer(row, 'next_attempt_instant'),
    insertInstant: integer(row, 'insert_instant'),
  };
}

export function webhookDeliveryTable(queries: Queries): WebhookDeliveryTable {
  return {
    async insert(delivery) {
      await queries.query(`INSERT INTO webhook_deliveries (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)`, [
        delivery.id,
        delivery.webhookId,
        delivery.eventId,
        delivery.sealedBody,
        delivery.attempts,
        delivery.nextAttemptInstant,
        delivery.insertInstant,
      ]);
    },
    async claimDue(nowMs, leaseUntil, maxCount) {
      const { rows } = await queries.query(CLAIM_DUE, [nowMs, leaseUntil, maxCount]);
      return rows
        .toSorted((one, other) => integer(one, 'position') - integer(other, 'position'))
        .map(deliveryOf);
    },
    async retryAt(id, nextAttemptInstant) {
      await queries.query('UPDATE webhook_deliveries SET next_attempt_instant = $2 WHERE id = $1', [
        id,
        nextAttemptInstant,
      ]);
    },
    async delete(id) {
      await queries.query('DELETE FROM webhook_deliveries WHERE id = $1', [id]);
    },
    async count() {
      const { rows } = await queries.query('SELECT COUNT(*) AS total FROM webhook_deliveries');
      return integer(rows[0] ?? {}, 'total');
    },
  };
}
