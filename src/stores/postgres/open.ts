/** The shared store: PostgreSQL, for more than one instance. */
import type { Logger } from '../../core/log.ts';
import type { Clock } from '../../core/time.ts';
import type { Sealer } from '../../tokens/ports.ts';
import type { Store } from '../../tokens/store.ts';
import { CatalogBodies } from '../catalog-bodies.ts';
import type { Driver, Outcome, Queries, QueryOptions, Statement, Value } from '../driver.ts';
import { migrate, requireCurrent, SchemaError } from '../migrate.ts';
import { createStore } from '../store.ts';
import { sealObjects } from '../tables/catalog.ts';
import { Transaction } from '../transaction.ts';
import { GroupCommit } from './group-commit.ts';
import { CHANNEL, PostgresListener } from './listener.ts';
import { PostgresPool, type Session, STATEMENT_TIMEOUT_MS } from './pool.ts';
import { QuickReads } from './quick-reads.ts';
import { retrying } from './retry.ts';
import { isLocal, parsePostgresUrl } from './url.ts';

export interface PostgresStoreOptions {
  /** See parsePostgresUrl. Shown in no error and no log line. */
  readonly url: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of the configuration objects. */
  readonly sealer: Pick<Sealer, 'seal' | 'open'>;
  /** How long a statement that touches few rows may take, in milliseconds. */
  readonly statementTimeoutMs?: number;
  /** For a look: the tables must be there, as this version knows them. Nothing is made or changed. */
  readonly isUntouched?: boolean;
}

/** Any number that nobody else takes an advisory lock on. */
const MIGRATION_LOCK = 0x636f_756e;

const NOTIFY = `SELECT pg_notify('${CHANNEL}', '')`;

/** READ COMMITTED: what must not change between two statements is locked, or compared and set in one. */
async function inTransaction<T>(session: Session, work: (queries: Queries) => Promise<T>): Promise<T> {
  await session.query('BEGIN');
  try {
    const transaction = new Transaction({
      dialect: 'postgres',
      query: session.query,
      notify: async () => void (await session.query(NOTIFY)),
    });
    const result = await transaction.run(work);
    await session.query('COMMIT');
    return result;
  } catch (error) {
    await session.query('ROLLBACK').catch(() => undefined); // the connection is gone, and the transaction with it
    throw error;
  }
}

/** Ends a transaction: one of its statements had nothing to change. */
class NothingChanged extends Error {}

/** @throws NothingChanged */
async function changeEach(queries: Queries, statements: readonly Statement[]): Promise<void> {
  for (const { sql, values } of statements)
    if ((await queries.query(sql, values)).count === 0) throw new NothingChanged();
}

/** See Driver. The tables are there already. */
export class PostgresDriver implements Driver {
  readonly dialect = 'postgres';
  readonly #pool: PostgresPool;
  readonly #quickReads: QuickReads;
  readonly #groupCommit: GroupCommit;
  readonly #listener: PostgresListener;

  constructor({ url, log, statementTimeoutMs = STATEMENT_TIMEOUT_MS }: PostgresStoreOptions) {
    const address = parsePostgresUrl(url);
    if (address.ssl === false && !isLocal(address.host)) log.warn('PostgreSQL is spoken to in the clear');
    this.#pool = new PostgresPool(address, statementTimeoutMs, log);
    this.#quickReads = new QuickReads(address, statementTimeoutMs, log);
    this.#groupCommit = new GroupCommit(address, statementTimeoutMs, log, (sql, values) =>
      this.#alone(sql, values),
    );
    this.#listener = new PostgresListener(address, log);
  }

  query(sql: string, values?: readonly Value[], { isQuick }: QueryOptions = {}): Promise<Outcome> {
    if (!isQuick) return this.#alone(sql, values);
    return sql.startsWith('SELECT')
      ? this.#quickReads.query(sql, values)
      : this.#groupCommit.query(sql, values);
  }

  #alone(sql: string, values?: readonly Value[]): Promise<Outcome> {
    return retrying(() => this.#pool.session((session) => session.query(sql, values)));
  }

  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return retrying(() => this.#pool.session((session) => inTransaction(session, work)));
  }

  async changeAll(statements: readonly Statement[]): Promise<boolean> {
    const [first] = statements;
    // One statement is all or nothing by itself.
    if (first !== undefined && statements.length === 1)
      return (await this.query(first.sql, first.values, { isQuick: true })).count > 0;
    try {
      await this.transaction((queries) => changeEach(queries, statements));
      return true;
    } catch (error) {
      if (error instanceof NothingChanged) return false;
      throw error;
    }
  }

  async notify(): Promise<void> {
    await this.query(NOTIFY);
  }

  onNotice(listener: () => void): () => void {
    return this.#listener.listen(listener);
  }

  async close(): Promise<void> {
    await this.#listener.close();
    await Promise.all([this.#pool.close(), this.#quickReads.close(), this.#groupCommit.close()]);
  }
}

/** Text of any language, and one meaning of lower case, need UTF-8. */
async function checkEncoding(queries: Queries): Promise<void> {
  const { rows } = await queries.query('SHOW server_encoding');
  if (rows[0]?.['server_encoding'] !== 'UTF8')
    throw new SchemaError('The PostgreSQL database is not encoded in UTF8');
}

async function prepare(
  queries: Queries,
  options: PostgresStoreOptions,
  bodies: CatalogBodies,
): Promise<void> {
  await checkEncoding(queries);
  await queries.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK], { isLong: true });
  await migrate(queries, options);
  await sealObjects(queries, bodies);
}

/**
 * Reconnects by itself. Commits are as durable as the server's `synchronous_commit` makes them (`on` by default).
 *
 * @throws TypeError for a URL that is none
 * @throws StoreUnavailableError where the server cannot be reached
 * @throws SchemaError where a newer version made the schema
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const driver = new PostgresDriver(options);
  const bodies = new CatalogBodies(options.sealer);
  try {
    if (options.isUntouched === true) await requireCurrent(driver);
    else await driver.transaction((queries) => prepare(queries, options, bodies));
    return createStore(driver, bodies);
  } catch (error) {
    await driver.close();
    throw error;
  }
}
