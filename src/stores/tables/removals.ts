/** What was deleted while a part of what hangs on it may be left. */
import { REMOVAL_KINDS, type Removal, type RemovalTable } from '../../tokens/removal-table.ts';
import type { Queries, Row } from '../driver.ts';
import { integer, text } from '../row.ts';

/** None: a kind of a later version. */
function removalsOf(row: Row): Removal[] {
  const kind = REMOVAL_KINDS.find((one) => one === row['kind']);
  return kind === undefined
    ? []
    : [{ kind, id: text(row, 'id'), removedInstant: integer(row, 'removed_instant') }];
}

export function removalTable(queries: Queries): RemovalTable {
  return {
    async insert({ kind, id, removedInstant }) {
      await queries.query(
        `INSERT INTO removals (kind, id, removed_instant) VALUES ($1, $2, $3)
         ON CONFLICT (kind, id) DO UPDATE SET removed_instant = excluded.removed_instant`,
        [kind, id, removedInstant],
      );
    },
    async list() {
      const { rows } = await queries.query(
        'SELECT kind, id, removed_instant FROM removals ORDER BY removed_instant, kind, id',
      );
      return rows.flatMap(removalsOf);
    },
    async delete(kind, id) {
      return (await queries.query('DELETE FROM removals WHERE kind = $1 AND id = $2', [kind, id])).count > 0;
    },
  };
}
