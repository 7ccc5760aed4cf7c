/** Connections to PostgreSQL: few, with limits on every wait, thrown away after any failure that may have spoilt them. */
import pg from 'pg';
import type { Logger } from '../../core/log.ts';
import type { Outcome, QueryOptions, Value } from '../driver.ts';
import { errorOf, isRetryable, leavesConnectionUsable } from './errors.ts';
import { ANSWER_GRACE_MS, runStatement } from './statement.ts';
import type { PostgresAddress } from './url.ts';

/** Of a process in all, whatever it does at once: many processes share a server that takes 100 by default. */
export const CONNECTIONS_MAX = 10;
/** Beside the pool: one for reads of a few rows, one for changes of a few rows, one that hears notices. */
const CONNECTIONS_BESIDE = 3;
const CONNECT_TIMEOUT_MS = 5000;
/** What touches few rows takes milliseconds; a caller waits. */
export const STATEMENT_TIMEOUT_MS = 15_000;
/** The locks of a process that stood still are given back. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;
const IDLE_CONNECTION_MS = 30_000;

/** BIGINT comes as text; all of ours are instants and counts below 2^53. */
const INT8_OID = 20;

/** Settings of every connection. */
export function connectionSettings(address: PostgresAddress, statementTimeoutMs: number): pg.ClientConfig {
  return {
    ...address,
    application_name: 'countersign',
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + ANSWER_GRACE_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === INT8_OID ? Number : pg.types.getTypeParser(oid, format),
    },
  };
}

export interface Session {
  query(sql: string, values?: readonly Value[], options?: QueryOptions): Promise<Outcome>;
}

export class PostgresPool {
  readonly #pool: pg.Pool;
  readonly #log: Logger;

  constructor(address: PostgresAddress, statementTimeoutMs: number, log: Logger) {
    this.#log = log;
    this.#pool = new pg.Pool({
      ...connectionSettings(address, statementTimeoutMs),
      max: CONNECTIONS_MAX - CONNECTIONS_BESIDE,
      idleTimeoutMillis: IDLE_CONNECTION_MS,
    });
    // Unheard, an error of a connection would end the process. The pool leaves out what broke while it was idle; what
    // broke while it was lent fails its next statement.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', (error) => this.#broke(error)));
  }

  /** Lends a connection to the work. @throws RetryableError; DuplicateError; StoreUnavailableError */
  async session<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    let isUsable = true;
    let last: Promise<unknown> = Promise.resolve();
    const ask = async (sql: string, values: readonly Value[], options: QueryOptions) => {
      try {
        return await runStatement(client, sql, values, options);
      } catch (error) {
        isUsable &&= leavesConnectionUsable(error);
        throw isRetryable(error) ? new RetryableError(errorOf(error)) : errorOf(error);
      }
    };
    // A connection has one statement at a time, also where the work asks for several.
    const query = (sql: string, values: readonly Value[] = [], options: QueryOptions = {}) => {
      const answer = last.then(() => ask(sql, values, options));
      last = answer.catch(() => undefined);
      return answer;
    };
    try {
      return await work({ query });
    } finally {
      client.release(!isUsable);
    }
  }

  async close(): Promise<void> {
    if (!this.#pool.ending) await this.#pool.end();
  }

  #broke(error: Error): void {
    this.#log.warn('a PostgreSQL connection broke', { reason: errorOf(error).message });
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw errorOf(error);
    }
  }
}

/** Another transaction was in the way. */
export class RetryableError extends Error {
  override readonly name = 'RetryableError';
  /** What to throw when it is not tried again. */
  override readonly cause: Error;

  constructor(cause: Error) {
    super('Another transaction was in the way');
    this.cause = cause;
  }
}
