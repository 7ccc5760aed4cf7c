/**
 * Changes of a few rows each, one statement each, that share a transaction with others of the same turn: a commit waits
 * for the disk, and a write of its own is the dearest part of a question. None is answered before the commit that holds it.
 */
import type pg from 'pg';
import type { Logger } from '../../core/log.ts';
import type { Outcome, Value } from '../driver.ts';
import { errorOf } from './errors.ts';
import { FewAtOnce } from './few-at-once.ts';
import { Pipeline } from './pipeline.ts';
import { connectionSettings } from './pool.ts';
import { runStatement } from './statement.ts';
import { type Asked, Turn } from './turn.ts';
import type { PostgresAddress } from './url.ts';

/**
 * A group holds the locks of its first statements while a later one waits for another. It gives up long before
 * PostgreSQL looks for deadlocks (a second, unless the server says otherwise): who revokes a million tokens must not be
 * the one that is sent away.
 */
const LOCK_TIMEOUT_MS = 100;
/** Of a group that is asked again: where one row is locked more may be, and those of the next turn wait for it. */
const LOCK_TIMEOUT_AGAIN_MS = 10;

/** How often what is left of a group is asked together, each time without the one that failed. The rest goes alone. */
const ROUNDS_MAX = 8;
/** That go alone at once, of the pool's seven connections: they may hold them as long as others hold their locks. */
const ALONE_MAX = 3;

/** Statements of one commit: the first of them waits for the last. */
const GROUP_MAX = 64;

const BEGIN = 'BEGIN';
const BEGIN_AGAIN = `BEGIN; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_AGAIN_MS}`;

type Alone = (sql: string, values: readonly Value[]) => Promise<Outcome>;

export class GroupCommit {
  readonly #pipeline: Pipeline;
  readonly #alone: Alone;
  readonly #few = new FewAtOnce(ALONE_MAX);
  readonly #turn = new Turn((asked) => this.#askInGroups(asked));

  /** `alone`: how a statement is run in a transaction of its own, where its group came to nothing by its fault. */
  constructor(address: PostgresAddress, statementTimeoutMs: number, log: Logger, alone: Alone) {
    const settings = connectionSettings(address, statementTimeoutMs);
    this.#pipeline = new Pipeline({ ...settings, lock_timeout: LOCK_TIMEOUT_MS }, log);
    this.#alone = alone;
  }

  /** @throws DuplicateError; StoreUnavailableError, after which nobody knows whether it was committed */
  query(sql: string, values?: readonly Value[]): Promise<Outcome> {
    return this.#turn.query(sql, values);
  }

  close(): Promise<void> {
    return this.#pipeline.close();
  }

  async #askInGroups(asked: readonly Asked[]): Promise<void> {
    const groups = Array.from({ length: Math.ceil(asked.length / GROUP_MAX) }, (_, index) =>
      asked.slice(index * GROUP_MAX, (index + 1) * GROUP_MAX),
    );
    await Promise.all(groups.map((group) => this.#ask(group)));
  }

  /** Of several groups of a turn, one that fails concerns its own members only. */
  async #ask(group: readonly Asked[]): Promise<void> {
    try {
      await this.#askInRounds(group);
    } catch (error) {
      for (const { reject } of group) reject(error); // those that went alone have their answer from there
    }
  }

  async #askInRounds(group: readonly Asked[]): Promise<void> {
    let left = await this.#askTogether(group, BEGIN);
    for (let round = 2; round <= ROUNDS_MAX && left.length > 0; round++)
      left = await this.#askTogether(left, BEGIN_AGAIN);
    for (const one of left) this.#askAlone(one);
  }

  /** Gives back whom to ask again: nobody, or, where the server has undone them all, those beside the first that failed. */
  async #askTogether(group: readonly Asked[], begin: string): Promise<readonly Asked[]> {
    const { isUndone, answers } = await this.#answers(group, begin);
    if (!isUndone) {
      for (const [index, one] of group.entries()) settle(one, answers[index]);
      return [];
    }
    const failed = group[answers.findIndex(({ status }) => status === 'rejected')];
    if (failed !== undefined) this.#askAlone(failed);
    return group.filter((one) => one !== failed);
  }

  #askAlone({ sql, values, resolve }: Asked): void {
    resolve(this.#few.run(() => this.#alone(sql, values)));
  }

  /** @throws StoreUnavailableError, DuplicateError; nobody knows then whether it was committed */
  async #answers(group: readonly Asked[], begin: string): Promise<Answers> {
    const { client, end, statements } = await this.#pipeline.send((to) => sent(to, group, begin));
    const answers = await Promise.allSettled(statements);
    try {
      return { isUndone: isUndoneBy(await end), answers };
    } catch (error) {
      this.#pipeline.failed(client, error);
      throw errorOf(error);
    }
  }
}

type Answer = PromiseSettledResult<Outcome>;

interface Answers {
  readonly isUndone: boolean;
  readonly answers: readonly Answer[];
}

/**
 * What the server says of the transaction, not what its statements say: one may be refused where it never began, and each
 * of the others was committed by itself then. The server ends a transaction that failed with ROLLBACK, whatever it is asked.
 */
function isUndoneBy({ command }: pg.QueryResult): boolean {
  if (command !== 'COMMIT' && command !== 'ROLLBACK')
    throw new Error('the end of a transaction was answered by something else');
  return command === 'ROLLBACK';
}

function settle({ resolve, reject }: Asked, answer: Answer | undefined): void {
  if (answer?.status === 'fulfilled') resolve(answer.value);
  else reject(errorOf(answer?.reason));
}

interface Sent {
  readonly client: pg.Client;
  readonly statements: readonly Promise<Outcome>[];
  readonly end: Promise<pg.QueryResult>;
}

function sent(client: pg.Client, group: readonly Asked[], begin: string): Sent {
  client.query(begin).catch(() => undefined); // COMMIT tells what became of it
  const statements = group.map(({ sql, values }) => runStatement(client, sql, values, {}));
  return { client, statements, end: client.query('COMMIT') };
}
