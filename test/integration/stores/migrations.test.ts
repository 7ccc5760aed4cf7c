import { spawn } from 'node:child_process';
import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Queries, Row } from '../../../src/stores/driver.ts';
import { migrate, SchemaError } from '../../../src/stores/migrate.ts';
import { MIGRATIONS, type Migration } from '../../../src/stores/migrations.ts';
import { fakeClock } from '../../support/clock.ts';
import { hasPostgres } from '../../support/postgres.ts';
import { silentLog, type TestDatabase, testDatabase } from '../../support/store.ts';
import { aUser } from '../../support/stored-objects.ts';

const CHILD = join(import.meta.dirname, '../../../scripts/torture/store-child.ts');

/** Opens the store in a process of its own; resolves with its exit code. */
function openElsewhere(kind: string, address: string): Promise<number | null> {
  const child = spawn(process.execPath, [CHILD, kind, address], { stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin.end();
  return new Promise((resolve) => child.once('exit', resolve));
}

describe.each(['sqlite', 'postgres'] as const)('migrations on %s', (kind) => {
  let database: TestDatabase | undefined;
  afterEach(async () => {
    await database?.remove();
    database = undefined;
  });
  const create = async () => {
    database = await testDatabase(kind);
    return database;
  };

  it.skipIf(kind === 'postgres' && !hasPostgres)(
    'lead an empty database to the schema once, and leave it alone when it is opened again',
    async () => {
      const { open } = await create();
      const logged: string[] = [];
      const log = { ...silentLog, info: (message: string) => void logged.push(message) };
      const [first, user] = [await open({ log }), aUser()];
      await first.users.insert(user);
      await first.close();
      const again = await open({ log });
      expect(await again.users.get(user.id)).toEqual(user);
      expect(logged).toEqual(MIGRATIONS.map(() => 'store schema applied'));
    },
  );

  it.skipIf(kind === 'postgres' && !hasPostgres)(
    'are done by one of several processes that start together',
    async () => {
      const { address, open } = await create();
      const processes = Array.from({ length: 3 }, () => openElsewhere(kind, address));
      expect(await Promise.all(processes)).toEqual([0, 0, 0]);
      expect(await (await open()).catalog.revision()).toBe(0);
    },
    60_000,
  );
});

/** A database in which only the table of versions is real. */
function versionsOnly(): Queries & { readonly versions: Row[]; readonly done: string[] } {
  const [versions, done]: [Row[], string[]] = [[], []];
  const queries = {
    dialect: 'sqlite' as const,
    versions,
    done,
    query(sql: string, values: readonly (string | number | null)[] = []) {
      if (sql.startsWith('INSERT INTO schema_migrations'))
        versions.push({ version: values[0] ?? null, checksum: values[2] ?? null });
      else if (!/schema_migrations/.test(sql)) done.push(sql);
      return Promise.resolve({ rows: sql.startsWith('SELECT') ? [...versions] : [], count: 0 });
    },
    changeAll: () => Promise.reject(new Error('Migrations run one statement after the other')),
    transaction<T>(work: (inside: Queries) => Promise<T>): Promise<T> {
      return work(queries);
    },
    notify: () => Promise.resolve(),
  };
  return queries;
}

describe('migrate()', () => {
  const [one, two]: Migration[] = [
    { name: 'one', statements: ['A', 'B'] },
    { name: 'two', statements: ['C'] },
  ];
  const to = (queries: Queries, ...migrations: (Migration | undefined)[]) =>
    migrate(queries, { clock: fakeClock(), log: silentLog }, migrations as Migration[]);

  it('does in order what was not done before', async () => {
    const database = versionsOnly();
    await to(database, one);
    expect(database.done).toEqual(['A', 'B']);
    await to(database, one, two);
    await to(database, one, two);
    expect(database.done).toEqual(['A', 'B', 'C']);
  });

  it('refuses a database of a newer version, and says what helps', async () => {
    const database = versionsOnly();
    await to(database, one, two);
    await expect(to(database, one)).rejects.toThrow(/has schema 2; this version knows 1. Start a newer one/);
    await expect(to(database, one)).rejects.toThrow(SchemaError);
  });

  it('refuses a database whose history is another one', async () => {
    const database = versionsOnly();
    await to(database, one);
    await expect(to(database, { name: 'one', statements: ['A', 'X'] })).rejects.toThrow(SchemaError);
    expect(database.done).toEqual(['A', 'B']);
  });
});

describe('the SQLite file', () => {
  it('T12 and those beside it can be read by their owner only, also where it was open to others before', async () => {
    const database = await testDatabase('sqlite');
    const store = await database.open();
    await store.users.insert(aUser());
    const modes = ['', '-wal', '-shm'].map((suffix) => statSync(database.address + suffix).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600, 0o600]);
    await store.close();
    chmodSync(database.address, 0o644);
    await database.open();
    expect(statSync(database.address).mode & 0o777).toBe(0o600);
    await database.remove();
  });
});
