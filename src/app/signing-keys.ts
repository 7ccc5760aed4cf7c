/** The keys that sign assertions: given as files, or generated and kept where all instances of the gateway find them. */
import type { Compiled } from '../config/compile.ts';
import type { Clock } from '../core/time.ts';
import { keyDirectory } from '../jwt/key-directory.ts';
import type { KeyStorage } from '../jwt/key-storage.ts';
import { type Keyring, openKeyring } from '../jwt/keyring.ts';
import type { Log } from '../telemetry/log.ts';
import { storedSigningKeys } from './stored-signing-keys.ts';
import type { TokenStore } from './token-store.ts';

export interface SigningKeyParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Null: there is none, or it cannot be read by a command that only looks. */
  readonly tokenStore: TokenStore | null;
  /** Nothing is made. */
  readonly isPassing?: boolean;
  /** The supervisor makes them. */
  readonly isWorker?: boolean;
}

/** @throws KeyPolicyError, KeyDirectoryError where the keys are not in order; StoreUnavailableError */
export async function openSigningKeys(
  compiled: Pick<Compiled, 'assertion' | 'dataDir' | 'tokenService'>,
  { clock, log, tokenStore, isPassing = false, isWorker = false }: SigningKeyParts,
): Promise<Keyring> {
  const { assertion } = compiled;
  const given = assertion === null ? [] : assertion.keys;
  const algorithms = assertion?.algorithms ?? [];
  const source =
    given === null && algorithms.length > 0
      ? {
          storage: signingKeyStorage(compiled, tokenStore, clock),
          isUntouched: isPassing,
          isFilled: isWorker,
        }
      : { keys: given ?? [] };
  return await openKeyring({ source, algorithms, longestTtlMs: assertion?.longestTtlMs ?? 0, clock, log });
}

/** True: instances share generated keys by their store. */
export function sharesSigningKeys({ tokenService }: Pick<Compiled, 'tokenService'>): boolean {
  return tokenService?.store.driver === 'postgres';
}

/** Where generated keys are kept: in the store that instances share, else in `dataDir`. */
export function signingKeyStorage(
  compiled: Pick<Compiled, 'dataDir' | 'tokenService'>,
  tokenStore: TokenStore | null,
  clock: Clock,
): KeyStorage {
  const directory = keyDirectory(`${compiled.dataDir}/keys`);
  if (!sharesSigningKeys(compiled)) return directory;
  return tokenStore === null ? NO_KEYS : storedSigningKeys(tokenStore, directory, clock);
}

/** Of a command that cannot read the store: what it signs, it signs for itself. */
const NO_KEYS: KeyStorage = {
  place: 'nowhere',
  prepare: async () => {},
  entries: async () => [],
  load: async () => [],
  change: () => Promise.reject(new Error('there is no store to keep signing keys in')),
};
