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
    async deleteEnded(nowMs) {
      return (await queries.query('DELETE FROM revocations WHERE until_instant <= $1', [nowMs])).count;
    },
  };
}
