import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONNECTIONS_MAX } from '../../../src/stores/postgres/pool.ts';
import type { Store } from '../../../src/tokens/store.ts';
import { hasPostgres } from '../../support/postgres.ts';
import { type TestDatabase, testDatabase } from '../../support/store.ts';
import { aSuccessor, NOW_MS } from '../../support/stored-objects.ts';

/** More than there are connections. */
const AT_ONCE = 4 * CONNECTIONS_MAX;

describe.skipIf(!hasPostgres)('a PostgreSQL store', () => {
  let database: TestDatabase;
  let observer: pg.Client;
  beforeAll(async () => {
    database = await testDatabase('postgres');
    observer = new pg.Client({ connectionString: database.address });
    await observer.connect();
  }, 60_000);
  afterAll(async () => {
    await observer.end();
    await database.remove();
  });

  async function connectionCount(): Promise<number> {
    const { rows } = await observer.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    return rows[0]?.count ?? 0;
  }

  /** Of each kind: transactions, short reads and short changes. */
  function busy(store: Store): Promise<unknown> {
    return Promise.all(
      Array.from({ length: AT_ONCE }, () => [
        store.transaction(({ users }) => users.get(randomUUID())),
        store.refreshTokens.get(randomUUID()),
        store.refreshTokens.rotate(randomUUID(), randomUUID(), aSuccessor(), NOW_MS),
      ]).flat(),
    );
  }

  it('holds 10 connections and no more, whatever is asked of it at once', async () => {
    const store = await database.open();
    const { promise: told, resolve } = Promise.withResolvers<void>();
    store.onNotice(resolve);
    await Promise.all([told, busy(store)]);
    expect(await connectionCount()).toBe(10);
  });
});
