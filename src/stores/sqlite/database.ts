/** One SQLite connection, opened when it is first needed, and again after a failure that may have spoilt it. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { Outcome, Row, Statement, Value } from '../driver.ts';
import { fromStored, toStored } from '../value.ts';
import { change, command, group } from './changes.ts';
import {
  type Answer,
  BEGIN,
  type Connection,
  type Failure,
  type GroupAnswer,
  type Question,
} from './protocol.ts';
import { isBusy, leavesFileUsable } from './result-codes.ts';

/**
 * How long a statement waits for the writer of another process: about five seconds, in short steps. SQLite's own steps
 * grow to 100 ms, in which a process that writes without a pause never lets the lock be seen free.
 */
const BUSY_STEP_MS = 2;
const BUSY_STEPS = 2000;
/** A log that grew in a long transaction is cut back to this. */
const JOURNAL_MAX_BYTES = 64 * 1024 * 1024;
/**
 * Pages in the log before they are copied into the database, 16 MiB: a page that several commits change is copied once.
 * Four times SQLite's own number; what a reader has to look through is an index in memory.
 */
const CHECKPOINT_PAGES = 4000;
/** Pages in memory: what a million refresh tokens need of their indexes. Taken only as it is used. */
const CACHE_KIB = 64 * 1024;

/**
 * With a write-ahead log readers do not wait for the writer, nor it for them. FULL: a commit is on disk, not only with
 * the system, before it is answered.
 */
const PRAGMAS = [
  'PRAGMA journal_mode = WAL',
  'PRAGMA synchronous = FULL',
  `PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`,
  'PRAGMA foreign_keys = ON',
  `PRAGMA cache_size = -${CACHE_KIB}`,
  'PRAGMA trusted_schema = OFF',
  `PRAGMA journal_size_limit = ${JOURNAL_MAX_BYTES}`,
];

const NO_TRANSACTION: Failure = { code: null, message: 'there is no transaction' };

function pause(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}

function open({ file, role }: Connection): DatabaseSync {
  const location = pathToFileURL(file);
  location.search = 'mode=rw'; // a file that was taken away is not made again: it would be empty
  const database = new DatabaseSync(location, { timeout: 0, defensive: true });
  try {
    for (const pragma of PRAGMAS) database.exec(pragma);
    if (role === 'reader') database.exec('PRAGMA query_only = ON');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const isSqlite = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
  return { code: isSqlite ? Number(error.errcode) : null, message };
}

/** A prepared statement. */
interface Prepared {
  readonly statement: StatementSync;
  /** Asked once: node:sqlite describes all of them each time, which costs more than most statements. */
  readonly columns: readonly string[];
}

export class Database {
  readonly #connection: Connection;
  #database: DatabaseSync | null = null;
  /** Statements are few and fixed, so that all of them stay prepared. */
  readonly #statements = new Map<string, Prepared>();
  readonly #connected = {
    run: (statement: Statement) => this.#waiting(statement),
    breakOff: () => this.#breakOff(),
  };

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** In their order. Reads that came together see the database at one moment: each of its own would lock it anew. */
  answers(questions: readonly Question[]): readonly (Answer | GroupAnswer)[] {
    const isShared = this.#connection.role === 'reader' && questions.length > 1;
    if (isShared) this.#tried(command('BEGIN'));
    const answers = questions.map((question) => this.answer(question));
    if (isShared) this.#tried(command('COMMIT'));
    return answers;
  }

  answer(question: Question): Answer | GroupAnswer {
    if ('changes' in question) return group(this.#connected, question);
    return 'statements' in question ? change(this.#connected, question) : this.#waiting(question);
  }

  close(): void {
    this.#statements.clear();
    try {
      this.#database?.close();
    } catch {
      // What could not be closed is not used again either.
    }
    this.#database = null;
  }

  #breakOff(): void {
    this.#tried(command('ROLLBACK'));
    if (this.#database?.isTransaction === true) this.close();
  }

  #waiting(statement: Statement): Answer {
    for (let step = 1; ; step++) {
      const answer = this.#tried(statement);
      if (step === BUSY_STEPS || !('failure' in answer) || !isBusy(answer.failure)) return answer;
      pause(BUSY_STEP_MS);
    }
  }

  #tried({ sql, values }: Statement): Answer {
    if (!this.#isInPlace(sql)) return { failure: NO_TRANSACTION };
    try {
      return { outcome: run(this.#prepared(sql), values.map(toStored)) };
    } catch (error) {
      const failure = failureOf(error);
      if (!leavesFileUsable(failure)) this.close();
      return { failure };
    }
  }

  /** Where a transaction broke, what was meant for it must not be done by itself. */
  #isInPlace(sql: string): boolean {
    if (this.#connection.role === 'reader' || sql === BEGIN) return true;
    return this.#database?.isTransaction === true;
  }

  #prepared(sql: string): Prepared {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    this.#database ??= open(this.#connection);
    const statement = this.#database.prepare(sql);
    statement.setReturnArrays(true); // half the cost of objects
    const prepared = { statement, columns: statement.columns().map(({ name }) => name) };
    this.#statements.set(sql, prepared);
    return prepared;
  }
}

function run({ statement, columns }: Prepared, values: Value[]): Outcome {
  if (columns.length === 0) return { rows: [], count: Number(statement.run(...values).changes) };
  const rows = statement.all(...values).map((row) => decoded(columns, row));
  return { rows, count: rows.length };
}

/** `row`: an array, whatever its type says (setReturnArrays). */
function decoded(columns: readonly string[], row: unknown): Row {
  if (!Array.isArray(row)) throw new TypeError('a row is no array');
  const cells: Record<string, Value> = {};
  for (const [index, column] of columns.entries()) cells[column] = decodedValue(column, row[index]);
  return cells;
}

function decodedValue(column: string, value: unknown): Value {
  if (typeof value === 'string') return fromStored(value);
  if (typeof value === 'number' || value === null) return value;
  throw new TypeError(`${column} is no text and no number`);
}
