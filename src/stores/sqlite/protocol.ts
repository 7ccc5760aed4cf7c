/** What the event loop and a SQLite thread say to each other. Answers come in the order of the questions. */
import type { Outcome, Statement } from '../driver.ts';

/** The writer sees the schema first and holds transactions; the reader cannot change anything. */
export type Role = 'writer' | 'reader';

export interface Connection {
  readonly file: string;
  readonly role: Role;
}

/**
 * Statements, each of which must change a row, or none of them has changed one: decided there, so that many such changes
 * go in one message. Within a transaction, which ends where the database fails: a COMMIT may follow unseen.
 */
export interface Change {
  readonly statements: readonly Statement[];
}

/** Changes that share a transaction of their own, which is begun and committed there. */
export interface Group {
  readonly changes: readonly Change[];
}

/** A change is answered by the outcome of its last statement; of count 0: nothing was changed. */
export type Question = Statement | Change | Group;

/** What went wrong, as far as it may be told: SQLite's words hold names of tables and columns, never values. */
export interface Failure {
  /** Extended result code (sqlite.org/rescode.html); null: not SQLite's. */
  readonly code: number | null;
  readonly message: string;
}

/** Of a statement or a change; of a group: nothing of it is kept. */
export type Answer = { readonly outcome: Outcome } | { readonly failure: Failure };

/** Of a group that is committed: what became of each change. */
export interface GroupAnswer {
  readonly answers: readonly Answer[];
}

/** How a writer's transactions begin: with the lock, so that none finds out later that it cannot have it. */
export const BEGIN = 'BEGIN IMMEDIATE';
