/** Login records: who came, from where, when. */
import type { LoginRecordTable } from '../../tokens/store.ts';
import type { Queries } from '../driver.ts';
import { integer, text, textOrNull } from '../row.ts';

export function loginRecordTable(queries: Queries): LoginRecordTable {
  return {
    async insert({ tenantId, userId, applicationId, ipAddress, instant }) {
      await queries.query(
        `INSERT INTO login_records (tenant_id, user_id, application_id, ip_address, instant)
         VALUES ($1, $2, $3, $4, $5)`,
        [tenantId, userId, applicationId, ipAddress, instant],
      );
    },
    async list(userId, maxCount) {
      const { rows } = await queries.query(
        `SELECT tenant_id, user_id, application_id, ip_address, instant FROM login_records
         WHERE user_id = $1 ORDER BY instant DESC, position DESC LIMIT $2`,
        [userId, maxCount],
      );
      return rows.map((row) => ({
        tenantId: text(row, 'tenant_id'),
        userId: text(row, 'user_id'),
        applicationId: textOrNull(row, 'application_id'),
        ipAddress: textOrNull(row, 'ip_address'),
        instant: integer(row, 'instant'),
      }));
    },
    async trim(beforeInstant, maxCount) {
      const { count } = await queries.query(
        `DELETE FROM login_records WHERE position IN (
           SELECT position FROM login_records WHERE instant < $1 ORDER BY instant LIMIT $2)`,
        [beforeInstant, maxCount],
      );
      return count;
    },
  };
}
