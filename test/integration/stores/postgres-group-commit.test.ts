import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GroupCommit } from '../../../src/stores/postgres/group-commit.ts';
import { PostgresPool } from '../../../src/stores/postgres/pool.ts';
import { retrying } from '../../../src/stores/postgres/retry.ts';
import { parsePostgresUrl } from '../../../src/stores/postgres/url.ts';
import { DuplicateError, StoreUnavailableError } from '../../../src/tokens/store.ts';
import { createPostgresDatabase, hasPostgres } from '../../support/postgres.ts';
import { silentLog } from '../../support/store.ts';

const STATEMENT_TIMEOUT_MS = 20_000;
const INSERT =
  'INSERT INTO things (id, number) VALUES ($1, 0) RETURNING pg_current_xact_id()::text AS transaction';
const RAISE = 'UPDATE things SET number = number + 1 WHERE id = $1';

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

  it('is unavailable once it is closed', async () => {
    const closed = new GroupCommit(parsePostgresUrl(database.url), STATEMENT_TIMEOUT_MS, silentLog, alone);
    await closed.query(RAISE, ['a']);
    await closed.close();
    await expect(closed.query(RAISE, ['a'])).rejects.toThrow(StoreUnavailableError);
  });
});
