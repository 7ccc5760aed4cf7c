/** A connection that takes the next questions before it has answered the last: many of them go out in one write. */
import pg from 'pg';
import type { Logger } from '../../core/log.ts';
import { StoreUnavailableError } from '../../tokens/store.ts';
import { errorOf, leavesConnectionUsable } from './errors.ts';

interface Connection {
  readonly client: pg.Client;
  /** Rejects where there is none to be had. */
  readonly isReady: Promise<unknown>;
}

export class Pipeline {
  readonly #settings: pg.ClientConfig;
  readonly #log: Logger;
  #connection: Connection | null = null;
  #isClosed = false;

  constructor(settings: pg.ClientConfig, log: Logger) {
    this.#settings = { ...settings, pipeline: true };
    this.#log = log;
  }

  /**
   * Asks what `ask` asks, in one write, and gives back what it gave back.
   *
   * @throws StoreUnavailableError where there is no connection
   */
  async send<T>(ask: (client: pg.Client) => T): Promise<T> {
    if (this.#isClosed) throw new StoreUnavailableError('The store is closed');
    this.#connection ??= this.#connect();
    const connection = this.#connection;
    try {
      await connection.isReady;
    } catch (error) {
      this.#end(connection);
      throw errorOf(error);
    }
    const { stream } = connection.client.connection;
    stream.cork();
    try {
      return ask(connection.client);
    } finally {
      stream.uncork();
    }
  }

  /** After a failure that may have spoilt it, the next question goes to another connection. */
  failed(client: pg.Client, error: unknown): void {
    if (this.#connection?.client === client && !leavesConnectionUsable(error)) this.#end(this.#connection);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#connection?.isReady.catch(() => undefined);
    await this.#connection?.client.end();
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

  #end(connection: Connection): void {
    if (this.#connection === connection) this.#connection = null;
    connection.client.end().catch(() => undefined);
  }
}
