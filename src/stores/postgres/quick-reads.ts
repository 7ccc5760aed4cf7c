/** Reads of a few rows by an index, on one connection: a write of its own is the dearest part of a question. */
import type pg from 'pg';
import type { Logger } from '../../core/log.ts';
import type { Outcome, Value } from '../driver.ts';
import { errorOf } from './errors.ts';
import { Pipeline } from './pipeline.ts';
import { connectionSettings } from './pool.ts';
import { runStatement } from './statement.ts';
import { type Asked, Turn } from './turn.ts';
import type { PostgresAddress } from './url.ts';

export class QuickReads {
  readonly #pipeline: Pipeline;
  readonly #turn = new Turn((asked) => this.#ask(asked));

  constructor(address: PostgresAddress, statementTimeoutMs: number, log: Logger) {
    this.#pipeline = new Pipeline(connectionSettings(address, statementTimeoutMs), log);
  }

  /** @throws StoreUnavailableError */
  query(sql: string, values?: readonly Value[]): Promise<Outcome> {
    return this.#turn.query(sql, values);
  }

  close(): Promise<void> {
    return this.#pipeline.close();
  }

  async #ask(asked: readonly Asked[]): Promise<void> {
    await this.#pipeline.send((client) => {
      for (const { sql, values, resolve } of asked) resolve(this.#answer(client, sql, values));
    });
  }

  async #answer(client: pg.Client, sql: string, values: readonly Value[]): Promise<Outcome> {
    try {
      return await runStatement(client, sql, values, {});
    } catch (error) {
      this.#pipeline.failed(client, error);
      throw errorOf(error);
    }
  }
}
