/** Stores for tests: SQLite in a directory of its own, PostgreSQL where it can be had. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Logger } from '../../src/core/log.ts';
import type { Clock } from '../../src/core/time.ts';
import { openSqliteStore } from '../../src/stores/sqlite/open.ts';
import type { Store } from '../../src/tokens/store.ts';
import { fakeClock } from './clock.ts';

export interface TestDatabase {
  /** One more store on the same database, as another process has it. */
  open(options?: { readonly clock?: Clock; readonly log?: Logger }): Promise<Store>;
  /** Closes every store that was opened, and takes the database away. */
  remove(): Promise<void>;
}

export const silentLog: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Closes stores once, however often they are asked to. */
function closing(stores: Store[]): () => Promise<void> {
  return async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
  };
}

/** An empty database file. */
export function sqliteDatabase(): TestDatabase & { readonly file: string } {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-store-'));
  const file = join(directory, 'countersign.db');
  const stores: Store[] = [];
  return {
    file,
    async open({ clock = fakeClock(), log = silentLog } = {}) {
      const store = await openSqliteStore({ file, clock, log });
      stores.push(store);
      return store;
    },
    async remove() {
      await closing(stores)();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** An open, empty SQLite store, closed when the test file is over. For suites of what lies above the store. */
export async function openTestStore(clock: Clock = fakeClock()): Promise<Store> {
  const database = sqliteDatabase();
  afterAll(() => database.remove());
  return database.open({ clock });
}
