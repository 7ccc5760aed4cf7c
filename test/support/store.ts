/** Stores for tests: SQLite always, PostgreSQL where it can be had. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import type { Store } from '../../src/tokens/store.ts';
import { type OpenOptions, openStoreAt, type StoreKind, silentLog } from './open-store.ts';
import { createPostgresDatabase, hasPostgres } from './postgres.ts';

export { silentLog };

export interface TestDatabase {
  /** Path of the file, or URL of the database: what another process needs to open it. */
  readonly address: string;
  /** One more store on the same database, as another process has it. */
  open(options?: OpenOptions): Promise<Store>;
  /** Closes every store that was opened, and takes the database away. */
  remove(): Promise<void>;
}

async function createDatabase(kind: StoreKind): Promise<{ address: string; drop(): Promise<void> }> {
  if (kind === 'postgres') {
    const { url, drop } = await createPostgresDatabase();
    return { address: url, drop };
  }
  const directory = mkdtempSync(join(tmpdir(), 'countersign-store-'));
  const drop = async () => rmSync(directory, { recursive: true, force: true });
  return { address: join(directory, 'countersign.db'), drop };
}

/** An empty database. */
export async function testDatabase(kind: StoreKind): Promise<TestDatabase> {
  const { address, drop } = await createDatabase(kind);
  const stores: Store[] = [];
  return {
    address,
    async open(options) {
      const store = await openStoreAt(kind, address, options);
      stores.push(store);
      return store;
    },
    async remove() {
      await Promise.all(stores.splice(0).map((store) => store.close()));
      await drop();
    },
  };
}

/**
 * Declares a suite for each kind of store. Its tests share one database: they name things by new ids. `open` gives one
 * more store on it; all are closed at the end.
 */
export function eachStore(
  suite: (name: StoreKind, open: (options?: OpenOptions) => Promise<Store>, address: () => string) => void,
): void {
  for (const kind of ['sqlite', 'postgres'] as const)
    describe.skipIf(kind === 'postgres' && !hasPostgres)(`on ${kind}`, () => {
      let database: TestDatabase | undefined;
      const opened = () => {
        if (database === undefined) throw new Error('The database is there from beforeAll on');
        return database;
      };
      beforeAll(async () => {
        database = await testDatabase(kind);
      }, 60_000);
      afterAll(() => database?.remove());
      suite(
        kind,
        (options) => opened().open(options),
        () => opened().address,
      );
    });
}
