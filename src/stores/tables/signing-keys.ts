/** The one row of signing keys. */
import type { SigningKeyTable } from '../../tokens/signing-key-table.ts';
import type { Queries } from '../driver.ts';
import { integer, text } from '../row.ts';

export function signingKeyTable(queries: Queries): SigningKeyTable {
  return {
    async get() {
      const { rows } = await queries.query('SELECT revision, sealed_keys FROM signing_keys WHERE id = 1');
      const [row] = rows;
      if (row === undefined) return null;
      return { revision: integer(row, 'revision'), sealedKeys: text(row, 'sealed_keys') };
    },

    async replace(revision, sealedKeys) {
      const { count } =
        revision === 0
          ? await queries.query(
              'INSERT INTO signing_keys (id, revision, sealed_keys) VALUES (1, 1, $1) ON CONFLICT (id) DO NOTHING',
              [sealedKeys],
            )
          : await queries.query(
              'UPDATE signing_keys SET revision = revision + 1, sealed_keys = $2 WHERE id = 1 AND revision = $1',
              [revision, sealedKeys],
            );
      return count > 0;
    },
  };
}
