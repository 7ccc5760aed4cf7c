/**
 * A SQLite connection in a thread of its own: questions go there, answers come back in the same order. What is asked in
 * one turn of the event loop, and while the thread is at work, goes in one message: to wake a thread costs more than most
 * statements.
 */
import { Worker } from 'node:worker_threads';
import { StoreUnavailableError } from '../../tokens/store.ts';
import type { Outcome, Statement, Value } from '../driver.ts';
import type { Answer, Connection, Question } from './protocol.ts';
import { errorOf } from './result-codes.ts';
import { toSqlite } from './sql.ts';

/** Source in development, JavaScript in the package. */
const WORKER = new URL(`./worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

interface Asked {
  resolve(outcome: Outcome): void;
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
    return this.#ask({ sql: toSqlite(sql), values });
  }

  /** See Change. */
  change(statements: readonly Statement[]): Promise<Outcome> {
    return this.#ask({ statements: statements.map(({ sql, values }) => ({ sql: toSqlite(sql), values })) });
  }

  #ask(question: Question): Promise<Outcome> {
    if (this.#isClosed) return Promise.reject(new StoreUnavailableError('The store is closed'));
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    this.#worker ??= this.#start();
    this.#asked.push({ resolve, reject });
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
    worker.on('message', (answers: readonly Answer[]) => {
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

  #settle(answer: Answer): void {
    const asked = this.#asked.shift();
    // A thread that nobody waits for does not keep the process alive.
    if (this.#asked.length === 0) this.#worker?.unref();
    if ('outcome' in answer) asked?.resolve(answer.outcome);
    else asked?.reject(errorOf(answer.failure));
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
