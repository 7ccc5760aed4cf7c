/** Databases for the tortures of the token service: a SQLite file, and a PostgreSQL of their own where it is installed. */
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removedAtExit } from '../../test/support/endings.ts';
import type { StoreKind } from '../../test/support/open-store.ts';
import { postgresPrograms, startPostgres } from '../../test/support/postgres-server.ts';

export interface TortureDatabase {
  readonly kind: StoreKind;
  /** Path of the file, or URL of the database. */
  readonly address: string;
}

/** PostgreSQL does not run as root: its own user has to get through to the server's folder. */
const PASSABLE = 0o711;

/** Gives empty databases, and takes them away afterwards. */
export async function withDatabases<T>(
  use: (databases: readonly TortureDatabase[]) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-torture-'));
  const removeFolder = removedAtExit(folder);
  chmodSync(folder, PASSABLE);
  const hasPostgres = postgresPrograms() !== null;
  if (!hasPostgres) console.log('PostgreSQL is not installed: SQLite only');
  const server = hasPostgres ? await startPostgres(join(folder, 'postgres')) : null;
  const sqlite: TortureDatabase = { kind: 'sqlite', address: join(folder, 'countersign.db') };
  const shared: TortureDatabase[] =
    server === null ? [] : [{ kind: 'postgres', address: server.url('postgres') }];
  try {
    return await use([sqlite, ...shared]);
  } finally {
    await server?.remove();
    removeFolder();
  }
}
