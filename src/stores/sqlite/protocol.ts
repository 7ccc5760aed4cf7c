/** What the event loop and a SQLite thread say to each other. Answers come in the order of the questions. */
import type { Outcome, Value } from '../driver.ts';

/** The writer sees the schema first and holds transactions; the reader cannot change anything. */
export type Role = 'writer' | 'reader';

export interface Connection {
  readonly file: string;
  readonly role: Role;
}

export interface Question {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** What went wrong, as far as it may be told: SQLite's words hold names of tables and columns, never values. */
export interface Failure {
  /** Extended result code (sqlite.org/rescode.html); null: not SQLite's. */
  readonly code: number | null;
  readonly message: string;
}

export type Answer = { readonly outcome: Outcome } | { readonly failure: Failure };

/** How a writer's transactions begin: with the lock, so that none finds out later that it cannot have it. */
export const BEGIN = 'BEGIN IMMEDIATE';
