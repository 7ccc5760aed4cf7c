/** Links that wait for their user: found by HMAC, taken once. */
import type { PendingLink, PendingLinkTable } from '../../tokens/store.ts';
import type { Outcome, Queries } from '../driver.ts';
import { body } from '../row.ts';

function linkOf({ rows: [row] }: Outcome): PendingLink | null {
  return row === undefined ? null : body<PendingLink>(row);
}

export function pendingLinkTable(queries: Queries): PendingLinkTable {
  return {
    async insert(link) {
      await queries.query('INSERT INTO pending_links (lookup, expires_instant, body) VALUES ($1, $2, $3)', [
        link.lookup,
        link.expiresInstant,
        JSON.stringify(link),
      ]);
    },
    async get(lookup, nowMs) {
      return linkOf(
        await queries.query('SELECT body FROM pending_links WHERE lookup = $1 AND expires_instant > $2', [
          lookup,
          nowMs,
        ]),
      );
    },
    async take(lookup, nowMs) {
      return linkOf(
        await queries.query(
          'DELETE FROM pending_links WHERE lookup = $1 AND expires_instant > $2 RETURNING body',
          [lookup, nowMs],
        ),
      );
    },
    async deleteEnded(nowMs) {
      return (await queries.query('DELETE FROM pending_links WHERE expires_instant <= $1', [nowMs])).count;
    },
  };
}
