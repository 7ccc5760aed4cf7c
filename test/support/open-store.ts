/** Opens a store of either kind, as app/ does; for tests and for programs that are none. */
import type { Logger } from '../../src/core/log.ts';
import type { Clock } from '../../src/core/time.ts';
import { openPostgresStore } from '../../src/stores/postgres/open.ts';
import { openSqliteStore } from '../../src/stores/sqlite/open.ts';
import { createSealer } from '../../src/tokens/sealing.ts';
import type { Store } from '../../src/tokens/store.ts';
import { fakeClock } from './clock.ts';

export interface OpenOptions {
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** The same in all processes of a test: they understand what others of them have sealed. */
export const STORE_SEALER = createSealer(Buffer.alloc(32, 'test'));

export type StoreKind = 'sqlite' | 'postgres';

export const silentLog: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** `address`: path of the file, or URL of the database. */
export function openStoreAt(kind: StoreKind, address: string, options: OpenOptions = {}): Promise<Store> {
  const { clock = fakeClock(), log = silentLog } = options;
  return kind === 'sqlite'
    ? openSqliteStore({ file: address, clock, log, sealer: STORE_SEALER })
    : openPostgresStore({ url: address, clock, log, sealer: STORE_SEALER });
}
