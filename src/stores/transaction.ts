/** A transaction in progress: its first failure is its last, whatever the work makes of it. */
import { StoreUnavailableError } from '../tokens/store.ts';
import type { Outcome, Queries, QueryOptions, Statement, Value } from './driver.ts';

/**
 * How long work may ask nothing. A transaction holds locks, on SQLite the only writer's: work that falls silent waits for
 * something that it must not wait for, such as a call on the store that is not on the transaction's records.
 */
export const SILENCE_MAX_MS = 10_000;

/** Its work fell silent. The database is well: what shares a commit with it is kept. */
export class SilentTransactionError extends StoreUnavailableError {}

export interface TransactionPort {
  readonly dialect: Queries['dialect'];
  query(sql: string, values: readonly Value[], options?: QueryOptions): Promise<Outcome>;
  notify(): Promise<void>;
}

export class Transaction implements Queries {
  readonly dialect: Queries['dialect'];
  readonly #port: TransactionPort;
  #failure: { readonly error: unknown } | null = null;
  #isOver = false;
  #inFlight = 0;
  readonly #silence = Promise.withResolvers<never>();
  #silenceTimer: NodeJS.Timeout | undefined;

  constructor(port: TransactionPort) {
    this.dialect = port.dialect;
    this.#port = port;
  }

  async query(sql: string, values: readonly Value[] = [], options: QueryOptions = {}): Promise<Outcome> {
    if (this.#isOver) throw new Error('The transaction is over');
    if (this.#failure !== null) throw this.#failure.error;
    this.#inFlight++;
    clearTimeout(this.#silenceTimer);
    try {
      return await this.#port.query(sql, values, options);
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    } finally {
      this.#inFlight--;
      this.#awaitWork();
    }
  }

  async changeAll(statements: readonly Statement[]): Promise<boolean> {
    for (const [index, { sql, values }] of statements.entries()) {
      if ((await this.query(sql, values)).count > 0) continue;
      if (index === 0) return false;
      this.#failure ??= { error: new Error('A statement of a change within a transaction changed nothing') };
      throw this.#failure.error;
    }
    return true;
  }

  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return work(this);
  }

  notify(): Promise<void> {
    return this.#port.notify();
  }

  /**
   * Runs the work; rejects with the first failure of a statement even where the work caught it.
   *
   * @throws SilentTransactionError
   */
  async run<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    this.#awaitWork();
    try {
      const result = await Promise.race([work(this), this.#silence.promise]);
      if (this.#failure !== null) throw this.#failure.error;
      return result;
    } finally {
      this.#isOver = true;
      clearTimeout(this.#silenceTimer);
    }
  }

  #awaitWork(): void {
    if (this.#inFlight > 0 || this.#isOver) return;
    this.#silenceTimer = setTimeout(() => this.#fellSilent(), SILENCE_MAX_MS).unref();
  }

  /** The error is made only now: one for each statement would cost more than the statement. */
  #fellSilent(): void {
    this.#silence.reject(new SilentTransactionError(`A transaction asked nothing for ${SILENCE_MAX_MS} ms`));
  }
}
