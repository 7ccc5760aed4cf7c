/** One SQLite connection, opened when it is first needed, and again after a failure that may have spoilt it. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { Outcome, Row, Statement, Value } from '../driver.ts';
import { fromStored, toStored } from '../value.ts';
import { type Answer, BEGIN, type Connection, type Failure, type Question } from './protocol.ts';
import { isBusy, isUnavailable, leavesFileUsable } from './result-codes.ts';

/**
 * How long a statement waits for the writer of another process: about five seconds, in short steps. SQLite's own steps
 * grow to 100 ms, in which a process that writes without a pause never lets the lock be seen free.
 */
const BUSY_STEP_MS = 2;
const BUSY_STEPS = 2000;
/** A log that grew in a long transaction is cut back to this. */
const JOURNAL_MAX_BYTES = 64 * 1024 * 1024;
/** Pages in memory: what a million refresh tokens need of their indexes. Taken only as it is used. */
const CACHE_KIB = 64 * 1024;

/**
 * With a write-ahead log readers do not wait for the writer, nor it for them. FULL: a commit is on disk, not only with
 * the system, before it is answered.
 */
const PRAGMAS = [
  'PRAGMA journal_mode = WAL',
  'PRAGMA synchronous = FULL',
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

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** In their order. Reads that came together see the database at one moment: each of its own would lock it anew. */
  answers(questions: readonly Question[]): readonly Answer[] {
    const isShared = this.#connection.role === 'reader' && questions.length > 1;
    if (isShared) this.#tried(command('BEGIN'));
    const answers = questions.map((question) => this.answer(question));
    if (isShared) this.#tried(command('COMMIT'));
    return answers;
  }

  answer(question: Question): Answer {
    return 'statements' in question ? this.#changed(question.statements) : this.#waiting(question);
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

  #changed(statements: readonly Statement[]): Answer {
    const answer = statements.length === 1 ? this.#inTurn(statements) : this.#inSavepoint(statements);
    if (isBroken(answer)) this.#breakOff();
    return answer;
  }

  /** One statement is all or nothing by itself; several need a savepoint. */
  #inSavepoint(statements: readonly Statement[]): Answer {
    const begun = this.#waiting(command('SAVEPOINT change'));
    if ('failure' in begun) return begun;
    const answer = this.#inTurn(statements);
    if (isBroken(answer)) return answer;
    if (isChanged(answer)) return this.#ended(['RELEASE change'], answer);
    return this.#ended(['ROLLBACK TO change', 'RELEASE change'], answer);
  }

  /** Up to the first one that fails or changes nothing, which is the answer then. */
  #inTurn(statements: readonly Statement[]): Answer {
    let answer: Answer = { outcome: { rows: [], count: 0 } };
    for (const statement of statements) {
      answer = this.#waiting(statement);
      if (!isChanged(answer)) return answer;
    }
    return answer;
  }

  #ended(commands: readonly string[], answer: Answer): Answer {
    for (const sql of commands) {
      const ended = this.#waiting(command(sql));
      // What was to be undone is not: nothing of the transaction may be kept.
      if ('failure' in ended) return { failure: { ...ended.failure, code: null } };
    }
    return answer;
  }

  /** Ends the transaction, however it stands: whatever follows up to its COMMIT fails. */
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

function command(sql: string): Statement {
  return { sql, values: [] };
}

function isChanged(answer: Answer): boolean {
  return 'outcome' in answer && answer.outcome.count > 0;
}

/** The database failed: what it holds of the transaction is anybody's guess. */
function isBroken(answer: Answer): boolean {
  return 'failure' in answer && isUnavailable(answer.failure);
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
