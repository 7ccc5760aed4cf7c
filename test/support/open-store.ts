/** Opens a store of either kind, as app/ does; for tests and for programs that are none. */
import type { Logger } from '../../src/core/log.ts';
import type { Clock } from '../../src/core/time.ts';
import { openPostgresStore } from '../../src/stores/postgres/open.ts';
import { openSqliteStore } from '../../src/stores/sqlite/open.ts';
import type { Store } from '../../src/tokens/store.ts';
import { fakeClock } from './clock.ts';

export interface OpenOptions {
  readonly clock?: Clock;
  readonly log?: Logger;
}

export type StoreKind = 'sqlite' | 'postgres';

export const silentLog: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** `address`: path of the file, or URL of the database. */
export function openStoreAt(kind: StoreKind, address: string, options: OpenOptions = {}): Promise<Store> {
  const { clock = fakeClock(), log = silentLog } = options;
  return kind === 'sqlite'
    ? openSqliteStore({ file: address, clock, log })
    : openPostgresStore({ url: address, clock, log });
}
