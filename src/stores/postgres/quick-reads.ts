/**
 * Reads of a few rows by an index. They share one connection, which takes the next one before it has answered the last:
 * what is asked in one turn of the event loop goes out in one write, the dearest part of a question.
 */
import pg from 'pg';
import type { Logger } from '../../core/log.ts';
import { StoreUnavailableError } from '../../tokens/store.ts';
import type { Outcome, Value } from '../driver.ts';
import { errorOf, leavesConnectionUsable } from './errors.ts';
import { connectionSettings } from './pool.ts';
import { runStatement } from './statement.ts';
import type { PostgresAddress } from './url.ts';

interface Asked {
  readonly sql: string;
  readonly values: readonly Value[];
  resolve(outcome: Promise<Outcome>): void;
}

interface Connection {
  readonly client: pg.Client;
  /** Rejects where there is none to be had. */
  readonly isReady: Promise<unknown>;
}

export class QuickReads {
  readonly #settings: pg.ClientConfig;
  readonly #log: Logger;
  #connection: Connection | null = null;
  #asked: Asked[] = [];
  #isClosed = false;

  constructor(address: PostgresAddress, statementTimeoutMs: number, log: Logger) {
    this.#settings = { ...connectionSettings(address, statementTimeoutMs), pipeline: true };
    this.#log = log;
  }

  /** @throws StoreUnavailableError */
  query(sql: string, values: readonly Value[] = []): Promise<Outcome> {
    if (this.#isClosed) return Promise.reject(new StoreUnavailableError('The store is closed'));
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    if (this.#asked.push({ sql, values, resolve }) === 1) setImmediate(() => void this.#send());
    return promise;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#connection?.isReady.catch(() => undefined);
    await this.#connection?.client.end();
  }

  async #send(): Promise<void> {
    const asked = this.#asked;
    this.#asked = [];
    this.#connection ??= this.#connect();
    const connection = this.#connection;
    try {
      await connection.isReady;
      const { stream } = connection.client.connection;
      stream.cork();
      for (const { sql, values, resolve } of asked) resolve(this.#answer(connection, sql, values));
      stream.uncork();
    } catch (error) {
      this.#end(connection);
      for (const { resolve } of asked) resolve(Promise.reject(errorOf(error)));
    }
  }

  async #answer(connection: Connection, sql: string, values: readonly Value[]): Promise<Outcome> {
    try {
      return await runStatement(connection.client, sql, values, {});
    } catch (error) {
      if (!leavesConnectionUsable(error)) this.#end(connection);
      throw errorOf(error);
    }
  }

  #connect(): Connection {
    const client = new pg.Client(this.#settings);
    const connection = { client, isReady: client.connect() };
    client.on('error', (error) => {
      this.#log.warn('a PostgreSQL connection broke', { reason: errorOf(error).message });
    });
    client.on('end', () => this.#end(connection));
    return connection;
  }

  /** The next question opens another one. */
  #end(connection: Connection): void {
    if (this.#connection === connection) this.#connection = null;
    connection.client.end().catch(() => undefined);
  }
}
