/** Master keys under which something may be sealed, how far all of it is sealed anew, and the sealed key of look-ups. */
import type { MasterKeyTable } from '../../tokens/master-key-table.ts';
import type { Queries } from '../driver.ts';
import { integer, text } from '../row.ts';

const USE = `INSERT INTO master_keys (id, used_instant, progress) VALUES ($1, $2, '')
  ON CONFLICT (id) DO UPDATE SET used_instant = excluded.used_instant`;
const BEGIN_AGAIN = `UPDATE master_keys SET progress = '' WHERE id <> $1 AND progress <> ''`;
const NOTE = `INSERT INTO master_keys (id, used_instant, progress) VALUES ($1, 0, '') ON CONFLICT (id) DO NOTHING`;
const INSERT_LOOKUP_KEY = `INSERT INTO lookup_keys (id, sealed_key) VALUES (1, $1) ON CONFLICT (id) DO NOTHING`;

export function masterKeyTable(queries: Queries): MasterKeyTable {
  const changes = async (sql: string, values: readonly (string | number)[]) =>
    (await queries.query(sql, values)).count > 0;
  return {
    async list() {
      const { rows } = await queries.query('SELECT id, used_instant FROM master_keys ORDER BY id');
      return rows.map((row) => ({ id: text(row, 'id'), usedInstant: integer(row, 'used_instant') }));
    },
    use: (id, nowMs) =>
      queries.transaction(async (inside) => {
        await inside.query(USE, [id, nowMs]);
        await inside.query(BEGIN_AGAIN, [id]);
      }),
    async note(id) {
      await queries.query(NOTE, [id]);
    },
    async progress(id) {
      const { rows } = await queries.query('SELECT progress FROM master_keys WHERE id = $1', [id]);
      return rows[0] === undefined ? '' : text(rows[0], 'progress');
    },
    advance: (id, from, to) =>
      changes('UPDATE master_keys SET progress = $3 WHERE id = $1 AND progress = $2', [id, from, to]),
    forget: (id, usedBefore) =>
      changes('DELETE FROM master_keys WHERE id = $1 AND used_instant < $2', [id, usedBefore]),
    async lookupKey() {
      const { rows } = await queries.query('SELECT sealed_key FROM lookup_keys WHERE id = 1');
      return rows[0] === undefined ? null : text(rows[0], 'sealed_key');
    },
    async insertLookupKey(sealedKey) {
      await queries.query(INSERT_LOOKUP_KEY, [sealedKey]);
    },
  };
}
