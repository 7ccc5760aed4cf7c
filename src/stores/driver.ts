/** What the tables need of a database: portable SQL and transactions. sqlite/ and postgres/ implement it. */

export type Value = string | number | null;

export type Row = Readonly<Record<string, Value>>;

export interface Outcome {
  readonly rows: readonly Row[];
  /** Rows that were read, inserted, updated or deleted. */
  readonly count: number;
}

export interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
}

export interface QueryOptions {
  /** Of as many rows as there are, such as an application's million tokens; within a transaction. */
  readonly isLong?: true;
  /**
   * Reads or changes a few rows by an index. Reads may wait behind others that do, and lock nothing; changes may share a
   * commit with others, until which they hold their locks.
   */
  readonly isQuick?: true;
}

/**
 * Portable SQL: parameters `$1`, `$2`, …; types TEXT, INTEGER and BIGINT; JSON as text; booleans as 0 and 1.
 * `FOR UPDATE` and `SKIP LOCKED` count on PostgreSQL only: SQLite has one writer at a time.
 */
export interface Queries {
  readonly dialect: 'sqlite' | 'postgres';
  /**
   * One statement.
   *
   * @throws DuplicateError for a unique index
   * @throws StoreUnavailableError
   */
  query(sql: string, values?: readonly Value[], options?: QueryOptions): Promise<Outcome>;
  /**
   * All of the statements, each of which must change a row, or none of them. False: none. Within a transaction the first
   * one decides: where a later one changes nothing, the transaction fails.
   *
   * @throws DuplicateError, StoreUnavailableError
   */
  changeAll(statements: readonly Statement[]): Promise<boolean>;
  /** All of the work or nothing: in this transaction, or in one of its own. */
  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
  /** Tells other processes, once the transaction is committed, that they should look. */
  notify(): Promise<void>;
}

export interface Driver extends Queries {
  /** See Store.onNotice. */
  onNotice(listener: () => void): () => void;
  close(): Promise<void>;
}

/** Declares a number that rises with each row; the only type whose spelling differs. */
export const ROW_NUMBER = 'ROW_NUMBER_KEY';
