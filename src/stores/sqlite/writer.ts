/**
 * Transactions one after the other, and one commit for those that wait together: a commit waits for the disk. Each is all
 * or nothing, and none is answered before the commit that holds it. Changes that wait together are one question.
 */
import { StoreUnavailableError } from '../../tokens/store.ts';
import type { Outcome, Queries, Statement } from '../driver.ts';
import { SilentTransactionError, Transaction } from '../transaction.ts';
import { type Answer, BEGIN } from './protocol.ts';
import { errorOf } from './result-codes.ts';
import type { SqliteThread } from './thread.ts';

/** Transactions of one commit: the first of them waits for the last. */
const GROUP_MAX = 64;

type Thread = Pick<SqliteThread, 'query' | 'change' | 'group'>;

/** What was asked for, to be done within a group. */
interface Job {
  /** All of it is asked at once, and the thread decides. Null: work, which asks, hears and asks again, alone. */
  readonly change: AtOnce | null;
  /** Gives back how to answer once the group is committed. Rejects where the database failed: nothing of the group is kept then. */
  run(group: Group): Promise<() => void>;
  reject(error: unknown): void;
}

interface AtOnce {
  readonly statements: readonly Statement[];
  settle(answer: Answer): void;
  reject(error: unknown): void;
}

/** Statements around the work. The next one is sent before they are answered: what follows a failed one fails too. */
class Group {
  readonly #thread: Thread;
  readonly #sent: Promise<unknown>[] = [];

  constructor(thread: Thread) {
    this.#thread = thread;
  }

  send(sql: string): void {
    this.follow(this.#thread.query(sql));
  }

  /** Its rejection is looked at in `settled`. */
  follow(answer: Promise<unknown>): void {
    answer.catch(() => undefined);
    this.#sent.push(answer);
  }

  /** Rejects with the first failure. */
  async settled(): Promise<void> {
    for (const answer of this.#sent) await answer;
  }
}

export class SqliteWriter {
  readonly #thread: Thread;
  readonly #waiting: Job[] = [];
  #isRunning = false;

  constructor(thread: Thread) {
    this.#thread = thread;
  }

  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const run = async (group: Group) => {
      const fate = await this.#inSavepoint(group, work);
      return () => ('result' in fate ? resolve(fate.result) : reject(fate.error));
    };
    this.#add({ change: null, run, reject });
    return promise;
  }

  /** Resolves with the outcome of the last statement; of count 0: nothing was changed. */
  change(statements: readonly Statement[]): Promise<Outcome> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const run = async () => {
      const fate = await fateOf(this.#thread.change(statements));
      return () => ('result' in fate ? resolve(fate.result) : reject(fate.error));
    };
    const settle = (answer: Answer) =>
      'outcome' in answer ? resolve(answer.outcome) : reject(errorOf(answer.failure));
    this.#add({ change: { statements, settle, reject }, run, reject });
    return promise;
  }

  /** In the next turn: what is asked in this one shares a commit. */
  #add(job: Job): void {
    this.#waiting.push(job);
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(() => void this.#runGroups());
  }

  async #runGroups(): Promise<void> {
    for (let first = this.#waiting.shift(); first !== undefined; first = this.#waiting.shift())
      await (first.change === null ? this.#runMixed(first) : this.#runChanges(first.change));
    this.#isRunning = false;
  }

  /** Up to the next work, which shares no commit with them. */
  async #runChanges(first: AtOnce): Promise<void> {
    const changes = [first];
    for (
      let next = this.#waiting[0]?.change ?? null;
      next !== null;
      next = this.#waiting[0]?.change ?? null
    ) {
      if (changes.length === GROUP_MAX) break;
      this.#waiting.shift();
      changes.push(next);
    }
    try {
      const answers = await this.#thread.group(changes.map(({ statements }) => statements));
      for (const [index, answer] of answers.entries()) changes[index]?.settle(answer);
    } catch (error) {
      for (const { reject } of changes) reject(error);
    }
  }

  async #runMixed(first: Job): Promise<void> {
    const group = new Group(this.#thread);
    const jobs: Job[] = [];
    try {
      const answers: Promise<() => void>[] = [];
      group.send(BEGIN);
      for (let job: Job | undefined = first; job !== undefined; job = this.#next(jobs.length)) {
        jobs.push(job);
        const answer = job.run(group);
        group.follow(answer);
        answers.push(answer);
        if (job.change === null) await answer;
      }
      // A failed ROLLBACK TO must not be followed by COMMIT.
      await group.settled();
      await this.#thread.query('COMMIT');
      for (const answer of await Promise.all(answers)) answer();
    } catch (error) {
      const cause = await group.settled().then(
        () => error,
        (earlier: unknown) => earlier,
      );
      await this.#rollBack();
      for (const job of jobs) job.reject(cause);
    }
  }

  #next(groupSize: number): Job | undefined {
    return groupSize < GROUP_MAX ? this.#waiting.shift() : undefined;
  }

  async #inSavepoint<T>(group: Group, work: (queries: Queries) => Promise<T>): Promise<Fate<T>> {
    group.send('SAVEPOINT work');
    const transaction = new Transaction({
      dialect: 'sqlite',
      query: (sql, values) => this.#thread.query(sql, values),
      notify: () => Promise.resolve(),
    });
    const fate = await fateOf(transaction.run(work));
    if ('error' in fate) group.send('ROLLBACK TO work');
    group.send('RELEASE work');
    return fate;
  }

  /** Where the database failed it has rolled back by itself, and there is nothing to roll back. */
  async #rollBack(): Promise<void> {
    await this.#thread.query('ROLLBACK').catch(() => undefined);
  }
}

/** What became of one job, apart from the others of its group. */
type Fate<T> = { readonly result: T } | { readonly error: unknown };

/** Rejects where the database failed: that concerns them all. Work that fell silent is undone by itself. */
async function fateOf<T>(work: Promise<T>): Promise<Fate<T>> {
  try {
    return { result: await work };
  } catch (error) {
    if (error instanceof StoreUnavailableError && !(error instanceof SilentTransactionError)) throw error;
    return { error };
  }
}
