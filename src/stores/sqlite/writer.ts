/**
 * Transactions one after the other, and one commit for those that wait together: a commit waits for the disk, and a
 * savepoint keeps each of them all or nothing. None is answered before the commit that holds it.
 */
import { StoreUnavailableError } from '../../tokens/store.ts';
import type { Outcome, Queries, Value } from '../driver.ts';
import { Transaction } from '../transaction.ts';
import { BEGIN } from './protocol.ts';

/** Transactions of one commit: the first of them waits for the last. */
const GROUP_MAX = 64;

type Query = (sql: string, values?: readonly Value[]) => Promise<Outcome>;

/** Runs within the group, and gives back how to answer once the group's fate is known. */
interface Job {
  run(group: Group): Promise<() => void>;
  reject(error: unknown): void;
}

/** Statements around the work. The next one is sent before they are answered: what follows a failed one fails too. */
class Group {
  readonly #query: Query;
  readonly #sent: Promise<unknown>[] = [];

  constructor(query: Query) {
    this.#query = query;
  }

  send(sql: string): void {
    const answer = this.#query(sql);
    answer.catch(() => undefined); // looked at in `settled`
    this.#sent.push(answer);
  }

  /** Rejects with the first failure. */
  async settled(): Promise<void> {
    for (const answer of this.#sent) await answer;
  }
}

export class SqliteWriter {
  readonly #query: Query;
  readonly #waiting: Job[] = [];
  #isRunning = false;

  constructor(query: Query) {
    this.#query = query;
  }

  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({ run: (group) => this.#inSavepoint(group, work, resolve, reject), reject });
    if (!this.#isRunning) void this.#runGroups();
    return promise;
  }

  async #runGroups(): Promise<void> {
    this.#isRunning = true;
    for (let first = this.#waiting.shift(); first !== undefined; first = this.#waiting.shift())
      await this.#runGroup(first);
    this.#isRunning = false;
  }

  async #runGroup(first: Job): Promise<void> {
    const group = new Group(this.#query);
    const jobs: Job[] = [];
    try {
      const answers: (() => void)[] = [];
      group.send(BEGIN);
      for (let job: Job | undefined = first; job !== undefined; job = this.#next(jobs.length)) {
        jobs.push(job);
        answers.push(await job.run(group));
      }
      await group.settled(); // a failed ROLLBACK TO must not be followed by COMMIT
      await this.#query('COMMIT');
      for (const answer of answers) answer();
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

  /** Throws where the database failed: then nothing of the group is kept. */
  async #inSavepoint<T>(
    group: Group,
    work: (queries: Queries) => Promise<T>,
    resolve: (result: T) => void,
    reject: (error: unknown) => void,
  ): Promise<() => void> {
    group.send('SAVEPOINT work');
    const transaction = new Transaction({
      dialect: 'sqlite',
      query: this.#query,
      notify: () => Promise.resolve(),
    });
    try {
      const result = await transaction.run(work);
      group.send('RELEASE work');
      return () => resolve(result);
    } catch (error) {
      if (error instanceof StoreUnavailableError) throw error;
      group.send('ROLLBACK TO work');
      group.send('RELEASE work');
      return () => reject(error);
    }
  }

  /** Where the database failed it has rolled back by itself, and there is nothing to roll back. */
  async #rollBack(): Promise<void> {
    await this.#query('ROLLBACK').catch(() => undefined);
  }
}
