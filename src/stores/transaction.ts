/** A transaction in progress: its first failure is its last, whatever the work makes of it. */
import { StoreUnavailableError } from '../tokens/store.ts';
import type { Outcome, Queries, Value } from './driver.ts';

/**
 * A transaction holds locks, on SQLite the only writer's: work that takes longer waits for something it must not wait
 * for, such as a call on the store that is not on the transaction's records.
 */
export const TRANSACTION_MAX_MS = 20_000;

export interface TransactionPort {
  readonly dialect: Queries['dialect'];
  query(sql: string, values: readonly Value[]): Promise<Outcome>;
  notify(): Promise<void>;
}

export class Transaction implements Queries {
  readonly dialect: Queries['dialect'];
  readonly #port: TransactionPort;
  #failure: { readonly error: unknown } | null = null;
  #isOver = false;

  constructor(port: TransactionPort) {
    this.dialect = port.dialect;
    this.#port = port;
  }

  async query(sql: string, values: readonly Value[] = []): Promise<Outcome> {
    if (this.#isOver) throw new Error('The transaction is over');
    if (this.#failure !== null) throw this.#failure.error;
    try {
      return await this.#port.query(sql, values);
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }

  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return work(this);
  }

  notify(): Promise<void> {
    return this.#port.notify();
  }

  /** Runs the work; rejects with the first failure of a statement even where the work caught it. */
  async run<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    const limit = timeLimit();
    try {
      const result = await Promise.race([work(this), limit.passed]);
      if (this.#failure !== null) throw this.#failure.error;
      return result;
    } finally {
      this.#isOver = true;
      limit.cancel();
    }
  }
}

function timeLimit(): { readonly passed: Promise<never>; cancel(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  const error = new StoreUnavailableError(`A transaction took longer than ${TRANSACTION_MAX_MS} ms`);
  const timer = setTimeout(reject, TRANSACTION_MAX_MS, error).unref();
  return { passed: promise, cancel: () => clearTimeout(timer) };
}
