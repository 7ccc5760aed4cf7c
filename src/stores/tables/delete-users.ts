/** Users go with everything of them: what hangs on them by foreign keys, and where they came in. */
import type { Queries } from '../driver.ts';
import { text } from '../row.ts';
import { noteRevocations } from './revoke-refresh-tokens.ts';

/** See UserTable.delete. */
export function deleteUser(queries: Queries, id: string): Promise<boolean> {
  return queries.transaction(async (inside) => {
    await inside.query('DELETE FROM login_records WHERE user_id = $1', [id]);
    return (await inside.query('DELETE FROM users WHERE id = $1', [id])).count > 0;
  });
}

/** Nobody begins a session for a user whose row is locked. */
const LOCK_FIRST = 'SELECT id FROM users WHERE tenant_id = $1 ORDER BY id LIMIT $2 FOR UPDATE';
/** Those that are locked. */
const LOCKED = (tenant: string, last: string) =>
  `SELECT id FROM users WHERE tenant_id = ${tenant} AND id <= ${last}`;

/** See UserTable.deleteOfTenant. */
export function deleteUsersOfTenant(
  queries: Queries,
  tenantId: string,
  nowMs: number,
  maxCount: number,
): Promise<number> {
  return queries.transaction(async (inside) => {
    const { rows } = await inside.query(LOCK_FIRST, [tenantId, maxCount]);
    const last = rows.at(-1);
    if (last === undefined) return 0;
    const range = [tenantId, text(last, 'id')];
    await noteRevocations(inside, nowMs, { sql: `user_id IN (${LOCKED('$2', '$3')})`, values: range });
    await inside.query(`DELETE FROM login_records WHERE user_id IN (${LOCKED('$1', '$2')})`, range);
    await inside.query(`DELETE FROM users WHERE id IN (${LOCKED('$1', '$2')})`, range);
    await inside.notify();
    return rows.length;
  });
}
