/**
 * A SQLite connection in a thread of its own: questions go there, answers come back in the same order. What is asked in
 * one turn of the event loop, and while the thread is at work, goes in one message: to wake a thread costs more than most
 * statements.
 */
import { Worker } from 'node:worker_threads';
import { StoreUnavailableError } from '../../tokens/store.ts';
import type { Outcome, Statement, Value } from '../driver.ts';
import type { Answer, Change, Connection, GroupAnswer, Question } from './protocol.ts';
import { errorOf } from './result-codes.ts';
import { toSqlite } from './sql.ts';

/** Source in development, JavaScript in the package. */
const WORKER = new URL(`./worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

interface Asked {
  /** Not of a failure. */
  answered(answer: Answer | GroupAnswer): void;
  reject(error: Error): void;
}

export class SqliteThread {
  readonly #connection: Connection;
  #worker: Worker | null = null;
  #isClosed = false;
  #asked: Asked[] = [];
  /** Of those asked, what was not sent yet. */
  #unsent: Question[] = [];
  /** A message is on its way, or will be at the end of this turn. */
  #isBusy = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  query(sql: string, values: readonly Value[] = []): Promise<Outcome> {
    return this.#ask({ sql: toSqlite(sql), values }, outcomeOf);
  }

  /** See Change. */
  change(statements: readonly Statement[]): Promise<Outcome> {
    return this.#ask(changeOf(statements), outcomeOf);
  }

  /** See Group: what became of each. Rejects where nothing is kept. */
  group(changes: readonly (readonly Statement[])[]): Promise<readonly Answer[]> {
    return this.#ask({ changes: changes.map(changeOf) }, answersOf);
  }

  #ask<T>(question: Question, read: (answer: Answer | GroupAnswer) => T): Promise<T> {
    if (this.#isClosed) return Promise.reject(new StoreUnavailableError('The store is closed'));
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#worker ??= this.#start();
    this.#asked.push({ answered: (answer) => resolve(read(answer)), reject });
    this.#worker.ref();
    this.#unsent.push(question);
    if (!this.#isBusy) this.#sendSoon();
    return promise;
  }

  /** The thread closes the database after what it was asked before. */
  async close(): Promise<void> {
    const worker = this.#worker;
    const wasClosed = this.#isClosed;
    this.#isClosed = true;
    if (worker === null || wasClosed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    worker.once('exit', () => resolve());
    worker.ref();
    this.#send();
    worker.postMessage(null);
    await promise;
  }

  #start(): Worker {
    const worker = new Worker(WORKER, { workerData: this.#connection });
    worker.on('message', (answers: readonly (Answer | GroupAnswer)[]) => {
      for (const answer of answers) this.#settle(answer);
      this.#isBusy = false;
      // Most of what follows from these answers is asked by the end of this turn.
      if (this.#asked.length > 0) this.#sendSoon();
    });
    worker.on('error', (error) => this.#fail(worker, error.message));
    worker.on('exit', () => this.#fail(worker, 'it ended'));
    return worker;
  }

  #sendSoon(): void {
    this.#isBusy = true;
    setImmediate(() => this.#send());
  }

  #send(): void {
    const questions = this.#unsent;
    this.#unsent = [];
    if (questions.length > 0) this.#worker?.postMessage(questions);
  }

  #settle(answer: Answer | GroupAnswer): void {
    const asked = this.#asked.shift();
    // A thread that nobody waits for does not keep the process alive.
    if (this.#asked.length === 0) this.#worker?.unref();
    if ('failure' in answer) asked?.reject(errorOf(answer.failure));
    else asked?.answered(answer);
  }

  /** The next question starts another thread. */
  #fail(worker: Worker, message: string): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    const unanswered = this.#asked;
    this.#asked = [];
    this.#unsent = [];
    this.#isBusy = false;
    for (const { reject } of unanswered)
      reject(new StoreUnavailableError(`The SQLite thread failed: ${message}`));
  }
}

function changeOf(statements: readonly Statement[]): Change {
  return { statements: statements.map(({ sql, values }) => ({ sql: toSqlite(sql), values })) };
}

/** The thread answers each kind of question in its own form. */
function outcomeOf(answer: Answer | GroupAnswer): Outcome {
  if ('outcome' in answer) return answer.outcome;
  throw new TypeError('the thread answered another question');
}

function answersOf(answer: Answer | GroupAnswer): readonly Answer[] {
  if ('answers' in answer) return answer.answers;
  throw new TypeError('the thread answered another question');
}
