import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/stores/driver.ts';
import { GroupCommit } from '../../../src/stores/postgres/group-commit.ts';
import { PostgresPool } from '../../../src/stores/postgres/pool.ts';
import { retrying } from '../../../src/stores/postgres/retry.ts';
import { type PostgresAddress, parsePostgresUrl } from '../../../src/stores/postgres/url.ts';
import { DuplicateError, StoreUnavailableError } from '../../../src/tokens/store.ts';
import { createPostgresDatabase, hasPostgres } from '../../support/postgres.ts';
import { silentLog } from '../../support/store.ts';

const STATEMENT_TIMEOUT_MS = 20_000;
const INSERT =
  'INSERT INTO things (id, number) VALUES ($1, 0) RETURNING pg_current_xact_id()::text AS transaction';
const RAISE = 'UPDATE things SET number = number + 1 WHERE id = $1';

/** In front of the server: makes BEGIN a word that it does not know, of the same length. */
async function withoutBegin(address: PostgresAddress) {
  const server = createServer((client) => {
    const upstream = connect({ host: address.host, port: address.port });
    for (const socket of [client, upstream]) socket.on('error', () => client.destroy());
    client.on('data', (bytes) => {
      upstream.write(bytes.toString('latin1').replaceAll('BEGIN\0', 'BEGUN\0'), 'latin1');
    });
    upstream.pipe(client);
    client.on('close', () => upstream.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return { address: { ...address, host: '127.0.0.1', port }, close: () => server.close() };
}

describe.skipIf(!hasPostgres)('GroupCommit', () => {
  let database: Awaited<ReturnType<typeof createPostgresDatabase>>;
  let pool: PostgresPool;
  let changes: GroupCommit;
  let other: pg.Client;
  let aloneCount = 0;
  const alone = (sql: string, values: readonly (string | number | null)[]) => {
    aloneCount += 1;
    return retrying(() => pool.session((session) => session.query(sql, values)));
  };
  /** A group on a connection of its own, whose lone changes `run` gives an answer. */
  const apart = async <T>(
    run: () => Promise<Outcome>,
    work: (group: GroupCommit) => Promise<T>,
  ): Promise<T> => {
    const group = new GroupCommit(parsePostgresUrl(database.url), STATEMENT_TIMEOUT_MS, silentLog, run);
    try {
      return await work(group);
    } finally {
      await group.close();
    }
  };
  const things = (count: number) => Array.from({ length: count }, (_unused, index) => `thing ${index}`);
  const numbers = async (...ids: string[]) => {
    const { rows } = await other.query<{ number: number }>(
      'SELECT number FROM things WHERE id = ANY($1) ORDER BY id',
      [ids],
    );
    return rows.map(({ number }) => number);
  };
  beforeAll(async () => {
    database = await createPostgresDatabase();
    const address = parsePostgresUrl(database.url);
    pool = new PostgresPool(address, STATEMENT_TIMEOUT_MS, silentLog);
    changes = new GroupCommit(address, STATEMENT_TIMEOUT_MS, silentLog, alone);
    other = new pg.Client({ connectionString: database.url });
    other.on('error', () => undefined);
    await other.connect();
    // Sooner than others look: where there is a deadlock, this one is sent away.
    await other.query("SET deadlock_timeout = '500ms'").catch(() => undefined);
    await other.query('CREATE TABLE things (id TEXT PRIMARY KEY, number INTEGER NOT NULL)');
    await other.query('CREATE TABLE late (id TEXT UNIQUE DEFERRABLE INITIALLY DEFERRED)');
  }, 60_000);
  beforeEach(async () => {
    aloneCount = 0;
    await other.query("DELETE FROM things; INSERT INTO things VALUES ('a', 0), ('b', 0)");
  });
  afterAll(async () => {
    await Promise.all([changes.close(), pool.close(), other.end()]);
    await database.drop();
  });

  it('gives each change its own answer, and all of one turn share few commits', async () => {
    const ids = Array.from({ length: 100 }, (_unused, index) => `thing ${index}`);
    const outcomes = await Promise.all(ids.map((id) => changes.query(INSERT, [id])));
    expect(outcomes.map(({ count }) => count)).toEqual(ids.map(() => 1));
    expect(await numbers(...ids)).toHaveLength(ids.length);
    const transactions = new Set(outcomes.map(({ rows }) => rows[0]?.['transaction']));
    expect(transactions.size).toBe(2);
    expect(await Promise.all(['a', 'nobody'].map((id) => changes.query(RAISE, [id])))).toMatchObject([
      { count: 1 },
      { count: 0 },
    ]);
  });

  it('fails a change that is refused, and none beside it', async () => {
    const [before, refused, after] = await Promise.allSettled([
      changes.query(INSERT, ['new']),
      changes.query(INSERT, ['a']),
      changes.query(RAISE, ['b']),
    ]);
    expect([before, after]).toMatchObject([{ value: { count: 1 } }, { value: { count: 1 } }]);
    expect(refused).toMatchObject({ reason: expect.any(DuplicateError) });
    expect(await numbers('b', 'new')).toEqual([1, 0]);
  });

  it('lets no change wait for the lock of another: the others are answered before it is free', async () => {
    await other.query("BEGIN; UPDATE things SET number = 10 WHERE id = 'a'");
    const held = changes.query(RAISE, ['a']);
    expect(await changes.query(RAISE, ['b'])).toMatchObject({ count: 1 });
    await other.query('COMMIT');
    expect(await held).toMatchObject({ count: 1 });
    expect(await numbers('a', 'b')).toEqual([11, 1]);
  });

  it('T03 gives way to one that locks in another order, such as a revocation of many, which is never sent away', async () => {
    await other.query("BEGIN; UPDATE things SET number = 10 WHERE id = 'b'");
    const both = Promise.all(['a', 'b'].map((id) => changes.query(RAISE, [id])));
    await new Promise((wait) => setTimeout(wait, 20)); // it has the lock of a, and waits for that of b
    await other.query("UPDATE things SET number = 10 WHERE id = 'a'");
    await other.query('COMMIT');
    expect(await both).toMatchObject([{ count: 1 }, { count: 1 }]);
    expect(await numbers('a', 'b')).toEqual([11, 11]);
  });

  it('T08 is unavailable to those under way when its connection breaks, does none of them again, and goes on', async () => {
    await changes.query(RAISE, ['b']);
    await other.query("BEGIN; UPDATE things SET number = 10 WHERE id = 'a'");
    const asked = ['b', 'a'].map((id) => changes.query(RAISE, [id]));
    const refused = asked.map((one) => expect(one).rejects.toThrow(StoreUnavailableError));
    await new Promise((wait) => setTimeout(wait, 20)); // they are under way, and wait for the lock of a
    // Of those that wait for it alone: other suites share the server.
    await other.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))`,
    );
    await Promise.all(refused);
    await other.query('ROLLBACK');
    expect(aloneCount).toBe(0);
    expect(await numbers('a', 'b')).toEqual([0, 1]);
    expect(await changes.query(RAISE, ['b'])).toMatchObject({ count: 1 });
  });

  it('lets those beside a locked row share a commit again: only who waits for the lock goes alone', async () => {
    await other.query("BEGIN; UPDATE things SET number = 10 WHERE id IN ('a', 'b')");
    const held = ['a', 'b'].map((id) => changes.query(RAISE, [id]));
    const free = await Promise.all(things(40).map((id) => changes.query(INSERT, [id])));
    const aloneBefore = aloneCount;
    await other.query('COMMIT');
    expect(await Promise.all(held)).toMatchObject([{ count: 1 }, { count: 1 }]);
    expect(new Set(free.map(({ rows }) => rows[0]?.['transaction'])).size).toBe(1);
    expect(aloneBefore).toBe(2);
  });

  it('lets few go alone at once, however many of a group are refused, and answers them all', async () => {
    await Promise.all(things(40).map((id) => changes.query(INSERT, [id])));
    let running = 0;
    let runningMax = 0;
    const run = async (): Promise<Outcome> => {
      running += 1;
      runningMax = Math.max(runningMax, running);
      await new Promise((wait) => setTimeout(wait, 5));
      running -= 1;
      return { rows: [], count: 7 };
    };
    const outcomes = await apart(run, (group) =>
      Promise.all(things(40).map((id) => group.query(INSERT, [id]))),
    );
    expect(outcomes.map(({ count }) => count)).toEqual(things(40).map(() => 7));
    expect(runningMax).toBe(3);
  });

  it('T08 does none again that the server has committed: what it says of the end decides, not a BEGIN that failed', async () => {
    const behind = await withoutBegin(parsePostgresUrl(database.url));
    const group = new GroupCommit(behind.address, STATEMENT_TIMEOUT_MS, silentLog, alone);
    const [raised, refused, after] = await Promise.allSettled([
      group.query(RAISE, ['a']),
      group.query(INSERT, ['a']),
      group.query(RAISE, ['b']),
    ]);
    await group.close();
    behind.close();
    expect([raised, after]).toMatchObject([{ value: { count: 1 } }, { value: { count: 1 } }]);
    expect(refused).toMatchObject({ reason: expect.any(DuplicateError) });
    expect(aloneCount).toBe(0);
    expect(await numbers('a', 'b')).toEqual([1, 1]);
  });

  it('T08 fails the group whose commit is refused, and none of another group of the same turn', async () => {
    const insert = 'INSERT INTO late (id) VALUES ($1)';
    const first = ['twice', 'twice', ...things(62)].map((id) => changes.query(insert, [id]));
    const second = changes.query('INSERT INTO late (id) SELECT $1 FROM pg_sleep(0.05)', ['other']);
    const [kept, ...refused] = await Promise.allSettled([second, ...first]);
    expect(kept).toMatchObject({ value: { count: 1 } });
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set(['rejected']));
    const { rows } = await other.query('SELECT id FROM late');
    expect(rows).toEqual([{ id: 'other' }]);
    expect(aloneCount).toBe(0);
  });

  it('is unavailable once it is closed', async () => {
    const closed = new GroupCommit(parsePostgresUrl(database.url), STATEMENT_TIMEOUT_MS, silentLog, alone);
    await closed.query(RAISE, ['a']);
    await closed.close();
    await expect(closed.query(RAISE, ['a'])).rejects.toThrow(StoreUnavailableError);
  });
});
