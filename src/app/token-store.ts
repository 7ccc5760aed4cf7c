/** The token service's store and what seals its secrets: opened once by each process that needs them. */
import { existsSync } from 'node:fs';
import type { StoreSettings, TokenServiceSettings } from '../config/compile/token-service.ts';
import type { Compiled } from '../config/compile.ts';
import type { Logger } from '../core/log.ts';
import { checkIdentityProvider } from '../identity-providers/check-provider.ts';
import type { Seed } from '../objects/seed.ts';
import { openPostgresStore } from '../stores/postgres/open.ts';
import { openSqliteStore } from '../stores/sqlite/open.ts';
import { ServiceError } from '../tokens/failure.ts';
import { joinMasterKeys, knownLookupKey } from '../tokens/master-keys.ts';
import { createSealer, lookupKeyFrom } from '../tokens/sealing.ts';
import { seedCatalog } from '../tokens/seed.ts';
import type { TokenService } from '../tokens/service.ts';
import { type Store, StoreUnavailableError } from '../tokens/store.ts';
import { openMasterKey, readMasterKey } from './master-key.ts';
import type { Runtime } from './runtime.ts';
import { keyFactory } from './token-keys.ts';

export type TokenStore = Pick<TokenService, 'store' | 'sealer'>;

type KeySettings = Pick<TokenServiceSettings, 'store' | 'masterKey' | 'previousMasterKeys'>;
interface Settings extends Pick<Compiled, 'dataDir'> {
  readonly tokenService: KeySettings | null;
}
interface Outside extends Pick<Runtime, 'clock'> {
  readonly log: Logger;
}

/**
 * Null where the configuration has none. Makes what is missing: master key, database, tables.
 *
 * @throws MasterKeyError where what the store holds needs another master key; StoreUnavailableError; Error where the master
 *   key or a migration is not in order
 */
export async function openTokenStore(
  { tokenService: settings, dataDir }: Settings,
  outside: Outside,
): Promise<TokenStore | null> {
  if (settings === null) return null;
  const keys = masterKeysOf(settings, settings.masterKey ?? (await openMasterKey(dataDir)));
  return await openWith(keys, settings.store, outside, 'serve');
}

/**
 * The same for a look: nothing is made or changed.
 *
 * @throws StoreUnavailableError where there is none yet; Error where the master key or the tables are not in order
 */
export async function lookIntoTokenStore(
  { tokenService: settings, dataDir }: Settings,
  outside: Outside,
): Promise<TokenStore | null> {
  return await look({ tokenService: settings, dataDir }, outside, 'look');
}

/**
 * The same where master keys may be missing: its look-ups find nothing, and what a missing key sealed does not open.
 *
 * @throws StoreUnavailableError where there is none yet; Error where the tables are not in order
 */
export async function lookAtMasterKeys(settings: Settings, outside: Outside): Promise<TokenStore | null> {
  return await look(settings, outside, 'masterKeys');
}

async function look(
  { tokenService: settings, dataDir }: Settings,
  outside: Outside,
  use: Exclude<Use, 'serve'>,
): Promise<TokenStore | null> {
  if (settings === null) return null;
  const { store } = settings;
  if (store.driver === 'sqlite' && !existsSync(store.file))
    throw new StoreUnavailableError(`There is no ${store.file} yet: a start of the gateway makes it`);
  const keys = masterKeysOf(settings, settings.masterKey ?? (await readMasterKey(dataDir)));
  return await openWith(keys, store, outside, use);
}

/** `serve`: what is missing is made. `masterKeys`: only what is sealed is looked at. */
type Use = 'serve' | 'look' | 'masterKeys';

interface MasterKeys {
  readonly masterKey: Uint8Array;
  readonly previous: readonly Uint8Array[];
}

function masterKeysOf({ previousMasterKeys }: KeySettings, masterKey: Uint8Array): MasterKeys {
  return { masterKey, previous: previousMasterKeys };
}

/** Until the store is open, there is no key for look-ups. */
async function openWith(
  { masterKey, previous }: MasterKeys,
  settings: StoreSettings,
  outside: Outside,
  use: Use,
): Promise<TokenStore> {
  const opening = createSealer(masterKey, previous);
  const store = await openStore(settings, { ...outside, sealer: opening }, use !== 'serve');
  if (use === 'masterKeys') return { store, sealer: opening };
  const parts = { store, sealer: opening, clock: outside.clock, firstLookupKey: lookupKeyFrom(masterKey) };
  try {
    const lookupKey = use === 'look' ? await knownLookupKey(parts) : await joinMasterKeys(parts);
    return { store, sealer: createSealer(masterKey, previous, lookupKey) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openStore(
  settings: StoreSettings,
  outside: Outside & Pick<TokenStore, 'sealer'>,
  isUntouched: boolean,
): Promise<Store> {
  return settings.driver === 'sqlite'
    ? await openSqliteStore({ file: settings.file, isUntouched, ...outside })
    : await openPostgresStore({ url: settings.url, isUntouched, ...outside });
}

/** The configuration names something that does not fit; the message says what. */
export class SeedError extends Error {
  override readonly name = 'SeedError';
}

/**
 * Makes the store hold what the file declares: once for all processes that share it, before they use it.
 *
 * @throws SeedError; StoreUnavailableError
 */
export async function seedStore(
  { store, sealer }: TokenStore,
  seed: Seed,
  { clock }: Pick<Runtime, 'clock'>,
): Promise<void> {
  try {
    await seedCatalog({ sealer, store, clock, keys: keyFactory }, seed, checkIdentityProvider);
  } catch (error) {
    if (error instanceof ServiceError) throw new SeedError(`tokenService: ${error.message}`);
    throw error;
  }
}
