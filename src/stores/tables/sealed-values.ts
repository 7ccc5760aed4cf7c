/** Sealed text of all tables, read page by page and replaced where it is still what was read. */
import type { ResealedValue, SealedPlace, SealedValueTable } from '../../tokens/sealed-values.ts';
import type { Queries } from '../driver.ts';
import { text } from '../row.ts';
import { raiseRevision } from './catalog.ts';

interface Place {
  readonly table: string;
  /** Names a row, as text; unique in the table. */
  readonly id: string;
  readonly column: string;
  /** What finds the row by its name, where that is no column: from `$3` on, with as many words of the name. */
  readonly match?: string;
}

const PLACES: Readonly<Record<SealedPlace, Place>> = {
  lookupKey: { table: 'lookup_keys', id: 'CAST(id AS TEXT)', column: 'sealed_key' },
  catalogObjects: {
    table: 'catalog_objects',
    id: "kind || ' ' || id",
    column: 'body',
    match: 'kind = $3 AND id = $4',
  },
  signingKeys: { table: 'signing_keys', id: 'CAST(id AS TEXT)', column: 'sealed_keys' },
  refreshTokens: { table: 'refresh_tokens', id: 'id', column: 'sealed_value' },
  webhookDeliveries: { table: 'webhook_deliveries', id: 'id', column: 'sealed_body' },
};

export function sealedValueTable(queries: Queries): SealedValueTable {
  return {
    async page(place, after, maxCount) {
      const { table, id, column } = PLACES[place];
      const { rows } = await queries.query(
        `SELECT ${id} AS value_id, ${column} AS sealed FROM ${table} WHERE ${id} > $1 ORDER BY ${id} LIMIT $2`,
        [after, maxCount],
      );
      return rows.map((row) => ({ id: text(row, 'value_id'), sealed: text(row, 'sealed') }));
    },
    replace: (place, values) =>
      queries.transaction(async (inside) => {
        if (values.length === 0) return 0;
        // Secrets within an object are sealed anew too: it is another one to whoever has loaded it.
        if (place === 'catalogObjects') await raiseRevision(inside);
        const { table, id, column, match } = PLACES[place];
        const names = (value: ResealedValue) => (match === undefined ? [value.id] : value.id.split(' '));
        const sql = `UPDATE ${table} SET ${column} = $2 WHERE ${column} = $1 AND ${match ?? `${id} = $3`}`;
        const outcomes = await Promise.all(
          values.map((value) => inside.query(sql, [value.sealed, value.next, ...names(value)])),
        );
        return outcomes.reduce((total, { count }) => total + count, 0);
      }),
  };
}
