/** Tenants that were deleted while users of theirs may be left. */
import type { RemovedTenantTable } from '../../tokens/removed-tenant.ts';
import type { Queries } from '../driver.ts';
import { integer, text } from '../row.ts';

export function removedTenantTable(queries: Queries): RemovedTenantTable {
  return {
    async insert(id, removedInstant) {
      await queries.query(
        `INSERT INTO removed_tenants (id, removed_instant) VALUES ($1, $2)
         ON CONFLICT (id) DO UPDATE SET removed_instant = excluded.removed_instant`,
        [id, removedInstant],
      );
    },
    async list() {
      const { rows } = await queries.query(
        'SELECT id, removed_instant FROM removed_tenants ORDER BY removed_instant, id',
      );
      return rows.map((row) => ({ id: text(row, 'id'), removedInstant: integer(row, 'removed_instant') }));
    },
    async delete(id) {
      return (await queries.query('DELETE FROM removed_tenants WHERE id = $1', [id])).count > 0;
    },
  };
}
