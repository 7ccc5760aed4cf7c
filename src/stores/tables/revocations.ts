/** Revocations: small, short-lived, read by every process. */
import type { RevocationTable } from '../../tokens/store.ts';
import type { Queries } from '../driver.ts';
import { integer, text } from '../row.ts';

export function revocationTable(queries: Queries): RevocationTable {
  return {
    async since(revokedInstant, nowMs) {
      const { rows } = await queries.query(
        `SELECT sid, until_instant, revoked_instant FROM revocations
         WHERE revoked_instant >= $1 AND until_instant > $2 ORDER BY revoked_instant`,
        [revokedInstant, nowMs],
      );
      return rows.map((row) => ({
        sid: text(row, 'sid'),
        until: integer(row, 'until_instant'),
        revokedInstant: integer(row, 'revoked_instant'),
      }));
    },
    async deleteEnded(instant) {
      // Nothing is over before it began: the index on that instant finds them.
      const sql = 'DELETE FROM revocations WHERE revoked_instant <= $1 AND until_instant <= $1';
      return (await queries.query(sql, [instant])).count;
    },
  };
}
