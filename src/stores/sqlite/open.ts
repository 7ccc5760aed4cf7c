/** The embedded store: one SQLite file, shared by the processes of one machine. */
import { chmod, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '../../core/log.ts';
import type { Clock } from '../../core/time.ts';
import type { Sealer } from '../../tokens/ports.ts';
import { type Store, StoreUnavailableError } from '../../tokens/store.ts';
import { CatalogBodies } from '../catalog-bodies.ts';
import type { Driver, Outcome, Queries, Statement, Value } from '../driver.ts';
import { migrate, requireCurrent } from '../migrate.ts';
import { createStore } from '../store.ts';
import { sealObjects } from '../tables/catalog.ts';
import { ChangeWatch } from './change-watch.ts';
import { SqliteThread } from './thread.ts';
import { SqliteWriter } from './writer.ts';

/** It holds what opens sessions, sealed or not. */
const OWNER_ONLY = 0o600;
const DIRECTORY_OWNER_ONLY = 0o700;
const OTHERS = 0o077;

export interface SqliteStoreOptions {
  /** Path of the database; made where it does not exist, with its directory. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of the configuration objects. */
  readonly sealer: Pick<Sealer, 'seal' | 'open'>;
  /** For a look: the database must be there, as this version knows it. Nothing is made or changed. */
  readonly isUntouched?: boolean;
}

/** The name of a new file is on disk only then (fsync(2)). */
async function syncDirectory(directory: string): Promise<void> {
  const entry = await open(directory, 'r');
  try {
    await entry.sync();
  } finally {
    await entry.close();
  }
}

/** SQLite gives the files beside it (log, index of the log) the rights of the database. */
async function prepareFile(file: string): Promise<void> {
  const directory = dirname(file);
  try {
    await mkdir(directory, { recursive: true, mode: DIRECTORY_OWNER_ONLY });
    await (await open(file, 'a', OWNER_ONLY)).close();
    if (((await stat(file)).mode & OTHERS) !== 0) await chmod(file, OWNER_ONLY);
    await syncDirectory(directory);
  } catch (error) {
    throw new StoreUnavailableError(`The SQLite database cannot be opened: ${messageOf(error)}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** See Driver. File and tables are there already. */
export class SqliteDriver implements Driver {
  readonly dialect = 'sqlite';
  readonly #writing: SqliteThread;
  readonly #reading: SqliteThread;
  readonly #writer: SqliteWriter;
  readonly #watch: ChangeWatch;

  constructor(file: string) {
    this.#writing = new SqliteThread({ file, role: 'writer' });
    this.#reading = new SqliteThread({ file, role: 'reader' });
    this.#writer = new SqliteWriter(this.#writing);
    this.#watch = new ChangeWatch((sql) => this.#reading.query(sql));
  }

  query(sql: string, values: readonly Value[] = []): Promise<Outcome> {
    if (sql.startsWith('SELECT')) return this.#reading.query(sql, values);
    return this.#writer.change([{ sql, values }]);
  }

  async changeAll(statements: readonly Statement[]): Promise<boolean> {
    return (await this.#writer.change(statements)).count > 0;
  }

  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#writer.transaction(work);
  }

  notify(): Promise<void> {
    return Promise.resolve();
  }

  onNotice(listener: () => void): () => void {
    return this.#watch.listen(listener);
  }

  async close(): Promise<void> {
    this.#watch.close();
    await Promise.all([this.#reading.close(), this.#writing.close()]);
  }
}

async function prepare(
  queries: Queries,
  { clock, log, bodies }: Pick<SqliteStoreOptions, 'clock' | 'log'> & { readonly bodies: CatalogBodies },
): Promise<void> {
  await migrate(queries, { clock, log });
  await sealObjects(queries, bodies);
}

/**
 * Commits are on disk when they are answered.
 *
 * @throws StoreUnavailableError where the file cannot be opened
 * @throws SchemaError where a newer version made it
 */
export async function openSqliteStore({
  file,
  clock,
  log,
  sealer,
  isUntouched = false,
}: SqliteStoreOptions): Promise<Store> {
  const bodies = new CatalogBodies(sealer);
  if (!isUntouched) await prepareFile(file);
  const driver = new SqliteDriver(file);
  try {
    if (isUntouched) await requireCurrent(driver);
    else await driver.transaction((queries) => prepare(queries, { clock, log, bodies }));
    return createStore(driver, bodies);
  } catch (error) {
    await driver.close();
    throw error;
  }
}
