/**
 * Changes of a few rows each, one statement each, that share a transaction with others of the same turn: a commit waits
 * for the disk, and a write of its own is the dearest part of a question. None is answered before the commit that holds it.
 */
import type pg from 'pg';
import type { Logger } from '../../core/log.ts';
import type { Outcome, Value } from '../driver.ts';
import { errorOf } from './errors.ts';
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

/** Statements of one commit: the first of them waits for the last. */
const GROUP_MAX = 64;

type Alone = (sql: string, values: readonly Value[]) => Promise<Outcome>;

export class GroupCommit {
  readonly #pipeline: Pipeline;
  readonly #alone: Alone;
  readonly #turn = new Turn((asked) => this.#askInGroups(asked));

  /** `alone`: how a statement is run in a transaction of its own, where its group came to nothing. */
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

  async #ask(group: readonly Asked[]): Promise<void> {
    const { isCommitted, outcomes } = await this.#answers(group);
    for (const [index, { sql, values, resolve }] of group.entries()) {
      const outcome = outcomes[index];
      resolve(isCommitted && outcome !== undefined ? outcome : this.#alone(sql, values));
    }
  }

  /** `isCommitted` false: one of them failed, and the server says that it has undone them all. */
  async #answers(group: readonly Asked[]): Promise<Group> {
    const { client, end, statements } = await this.#pipeline.send((to) => sent(to, group));
    const answers = await Promise.allSettled(statements);
    try {
      const { command } = await end;
      const outcomes = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
      return { isCommitted: command === 'COMMIT' && outcomes.length === group.length, outcomes };
    } catch (error) {
      this.#pipeline.failed(client, error);
      throw errorOf(error);
    }
  }
}

interface Group {
  readonly isCommitted: boolean;
  readonly outcomes: readonly Outcome[];
}

interface Sent {
  readonly client: pg.Client;
  readonly statements: readonly Promise<Outcome>[];
  readonly end: Promise<pg.QueryResult>;
}

function sent(client: pg.Client, group: readonly Asked[]): Sent {
  const begin = client.query('BEGIN');
  begin.catch(() => undefined); // what follows fails with it
  const statements = group.map(({ sql, values }) => runStatement(client, sql, values, {}));
  return { client, statements, end: client.query('COMMIT') };
}
