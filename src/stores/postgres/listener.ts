/** Hears that another process changed something: LISTEN on a connection of its own, and looking once a second without it. */
import pg from 'pg';
import type { Logger } from '../../core/log.ts';
import { SECOND_MS } from '../../core/time.ts';
import { errorOf } from './errors.ts';
import { connectionSettings, STATEMENT_TIMEOUT_MS } from './pool.ts';
import type { PostgresAddress } from './url.ts';

export const CHANNEL = 'countersign';

/** How long after a connection that broke or could not be had the next one is tried, and everybody looks by themselves. */
const RECONNECT_AFTER_MS = SECOND_MS;

export class PostgresListener {
  readonly #address: PostgresAddress;
  readonly #log: Logger;
  readonly #listeners = new Set<() => void>();
  #client: pg.Client | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(address: PostgresAddress, log: Logger) {
    this.#address = address;
    this.#log = log;
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#client === null && this.#timer === null) void this.#connect();
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listeners.clear();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#client?.end().catch(() => undefined);
  }

  async #connect(): Promise<void> {
    const client = new pg.Client(connectionSettings(this.#address, STATEMENT_TIMEOUT_MS));
    this.#client = client;
    client.on('notification', () => this.#tell());
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client, null));
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      this.#tell(); // what happened while nobody listened
    } catch (error) {
      this.#lost(client, error);
    }
  }

  #lost(client: pg.Client, error: unknown): void {
    if (this.#client !== client || this.#isClosed) return;
    this.#client = null;
    client.end().catch(() => undefined);
    const reason = error === null ? 'it ended' : errorOf(error).message;
    this.#log.warn('the connection for notices of the store broke', { reason });
    this.#timer = setTimeout(() => this.#retry(), RECONNECT_AFTER_MS).unref();
  }

  #retry(): void {
    this.#timer = null;
    this.#tell();
    void this.#connect();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
