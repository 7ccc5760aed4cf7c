/** Everything a store holds, as whoever steals it reads it: the bytes of SQLite's files, the rows of PostgreSQL. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import type { StoreKind } from './open-store.ts';

/** One text a file or table, by its name. `address`: path of the file, or URL of the database. */
export async function storedBytes(kind: StoreKind, address: string): Promise<ReadonlyMap<string, string>> {
  return kind === 'sqlite' ? filesBeside(address) : await tablesOf(address);
}

/** The database, its write-ahead log and what else is there. Latin 1 keeps every byte, and text as it is. */
function filesBeside(file: string): ReadonlyMap<string, string> {
  const folder = dirname(file);
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(names.map(({ name }) => [name, readFileSync(join(folder, name), 'latin1')]));
}

async function tablesOf(connectionString: string): Promise<ReadonlyMap<string, string>> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public'`,
    );
    const texts = new Map<string, string>();
    for (const { name } of rows) {
      const table = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      texts.set(name, table.rows.map(({ row }) => row).join('\n'));
    }
    return texts;
  } finally {
    await client.end();
  }
}
