/** Changes keep all of their statements or none: one within a transaction, or many together in a transaction of their own. */
import type { Statement } from '../driver.ts';
import { type Answer, BEGIN, type Change, type Group, type GroupAnswer } from './protocol.ts';
import { isUnavailable } from './result-codes.ts';

/** A connection, as far as changes need it. */
export interface Connected {
  run(statement: Statement): Answer;
  /** Ends the transaction, however it stands: whatever follows up to its COMMIT fails. */
  breakOff(): void;
}

export function command(sql: string): Statement {
  return { sql, values: [] };
}

/** Within a transaction, which ends where the database fails. */
export function change(on: Connected, { statements }: Change): Answer {
  const answer = statements.length === 1 ? inTurn(on, statements).answer : inSavepoint(on, statements);
  if (isBroken(answer)) on.breakOff();
  return answer;
}

/**
 * Without savepoints: for one, SQLite copies each page before it is changed. They are seldom missed. Where a change ends
 * behind its first statement, all of the group is undone, and done again with them.
 */
export function group(on: Connected, { changes }: Group): Answer | GroupAnswer {
  return together(on, changes, unprotected) ?? together(on, changes, change) ?? NOT_DONE;
}

const NOT_DONE: Answer = { failure: { code: null, message: 'a change within a savepoint was not undone' } };

/** Null: something is to be undone. */
type Attempt = (on: Connected, change: Change) => Answer | null;

/** A failure: nothing is kept. Null: nothing either, as an attempt asked for. */
function together(on: Connected, changes: readonly Change[], attempt: Attempt): Answer | GroupAnswer | null {
  const begun = on.run(command(BEGIN));
  if ('failure' in begun) return begun;
  const answers: Answer[] = [];
  for (const one of changes) {
    const answer = attempt(on, one);
    if (answer === null || isBroken(answer)) return brokenOff(on, answer);
    answers.push(answer);
  }
  const committed = on.run(command('COMMIT'));
  return 'failure' in committed ? brokenOff(on, committed) : { answers };
}

function brokenOff<Cause>(on: Connected, cause: Cause): Cause {
  on.breakOff();
  return cause;
}

/** A statement that fails is undone by SQLite, but not those before it. */
function unprotected(on: Connected, { statements }: Change): Answer | null {
  const { answer, before } = inTurn(on, statements);
  return before === 0 || isChanged(answer) || isBroken(answer) ? answer : null;
}

/** One statement is all or nothing by itself; several need a savepoint. */
function inSavepoint(on: Connected, statements: readonly Statement[]): Answer {
  const begun = on.run(command('SAVEPOINT change'));
  if ('failure' in begun) return begun;
  const { answer } = inTurn(on, statements);
  if (isBroken(answer)) return answer;
  if (isChanged(answer)) return ended(on, ['RELEASE change'], answer);
  return ended(on, ['ROLLBACK TO change', 'RELEASE change'], answer);
}

function ended(on: Connected, commands: readonly string[], answer: Answer): Answer {
  for (const sql of commands) {
    const end = on.run(command(sql));
    // What was to be undone is not: nothing of the transaction may be kept.
    if ('failure' in end) return { failure: { ...end.failure, code: null } };
  }
  return answer;
}

interface Run {
  /** Of the last statement that was run: the first one that failed or changed nothing. */
  readonly answer: Answer;
  /** Statements that were run before it, and changed something. */
  readonly before: number;
}

function inTurn(on: Connected, statements: readonly Statement[]): Run {
  let answer: Answer = { outcome: { rows: [], count: 0 } };
  for (const [before, statement] of statements.entries()) {
    answer = on.run(statement);
    if (!isChanged(answer)) return { answer, before };
  }
  return { answer, before: Math.max(0, statements.length - 1) };
}

function isChanged(answer: Answer): boolean {
  return 'outcome' in answer && answer.outcome.count > 0;
}

/** The database failed: what it holds of the transaction is anybody's guess. */
function isBroken(answer: Answer): boolean {
  return 'failure' in answer && isUnavailable(answer.failure);
}
