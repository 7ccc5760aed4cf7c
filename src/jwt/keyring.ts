/** The keys that sign assertions: which one signs now, and which ones backends must know. */
import { CountersignError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { PublishedKeys } from '../core/published-keys.ts';
import type { Algorithm } from '../core/realm.ts';
import type { Clock } from '../core/time.ts';
import { KeyPolicyError } from './jwk-policy.ts';
import { fillKeys, type LoadedKey, loadKeys } from './key-making.ts';
import type { KeyStorage } from './key-storage.ts';
import { publishedKeys } from './published-keys.ts';
import {
  type GivenKey,
  generateSigningKey,
  importGivenKey,
  importStoredKey,
  type SigningKey,
  signingAlgorithm,
} from './signing-key.ts';

export interface Keyring {
  /** Rises when the keys change: what was signed before must not be sent from a cache any more. */
  readonly generation: number;
  readonly keys: readonly SigningKey[];
  /** @throws CountersignError internal_error where the keyring was not opened for the algorithm */
  active(algorithm: string): SigningKey;
  /** Next, active, and retired keys whose assertions may still be alive. */
  published(): PublishedKeys;
  /** Reads the generated keys again. Where they cannot be read, those in use are kept, and it is logged. */
  reload(): Promise<void>;
}

export interface KeyringOptions {
  /**
   * Keys from files of the operator, or where generated keys are kept. With `isUntouched` nothing is written there:
   * what is missing signs with keys that pass with the process. With `isFilled` another process looks after them: what
   * is missing is an error.
   */
  readonly source:
    | { readonly keys: readonly GivenKey[] }
    | { readonly storage: KeyStorage; readonly isUntouched?: boolean; readonly isFilled?: boolean };
  /** Algorithms of all assertion policies; `none` is left out. */
  readonly algorithms: readonly string[];
  /** Longest life of an assertion in any policy. */
  readonly longestTtlMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Opens the keys. What is missing is made; several processes may open them at once and get the same keys.
 *
 * @throws KeyPolicyError where a key is not usable, or an algorithm has not exactly one active key
 * @throws KeyDirectoryError where generated keys are not in order
 */
export async function openKeyring(options: KeyringOptions): Promise<Keyring> {
  const wanted = wantedOf(options.algorithms);
  const { source } = options;
  if ('keys' in source) {
    const keys = source.keys.map((given) => importGivenKey(given, wanted));
    return new LoadedKeyring(keys.map(immortal), wanted, options.clock, null);
  }
  const { storage } = source;
  if (source.isUntouched === true) return await openUntouched(storage, wanted, options.clock);
  if (source.isFilled !== true) {
    await storage.prepare(options.log);
    await fillKeys(storage, wanted, options);
  }
  const load = () => loadKeys(storage, options.clock);
  return new LoadedKeyring(await load(), wanted, options.clock, { load, log: options.log });
}

export interface KeyFault {
  /** Of the key that is not usable; null: the keys are not right together. */
  readonly index: number | null;
  readonly message: string;
}

/** Why a keyring of these keys would not open, for whoever only looks. */
export function faultsOfGivenKeys(keys: readonly GivenKey[], algorithms: readonly string[]): KeyFault[] {
  const wanted = wantedOf(algorithms);
  const loaded: LoadedKey[] = [];
  const load = (given: GivenKey) => void loaded.push(immortal(importGivenKey(given, wanted)));
  const faults = keys.flatMap((given, index) => faultOf(index, () => load(given)));
  return faults.length > 0 ? faults : faultOf(null, () => activeKeys(loaded, wanted));
}

function faultOf(index: number | null, attempt: () => unknown): KeyFault[] {
  try {
    attempt();
    return [];
  } catch (error) {
    if (error instanceof KeyPolicyError) return [{ index, message: error.message }];
    throw error;
  }
}

function wantedOf(algorithms: readonly string[]): Algorithm[] {
  return [...new Set(algorithms)].filter((name) => name !== 'none').map(signingAlgorithm);
}

async function openUntouched(
  storage: KeyStorage,
  wanted: readonly Algorithm[],
  clock: Clock,
): Promise<Keyring> {
  const stored = await loadKeys(storage, clock);
  const missing = wanted.filter(
    (algorithm) => !stored.some(({ key }) => key.algorithm === algorithm && key.state === 'active'),
  );
  const passing = await Promise.all(missing.map(passingKey));
  return new LoadedKeyring([...stored, ...passing.map(immortal)], wanted, clock, null);
}

async function passingKey(algorithm: Algorithm): Promise<SigningKey> {
  const { id, text } = await generateSigningKey(algorithm);
  return importStoredKey({ id, algorithm, privateKey: text, state: 'active' });
}

/** Keys of the operator are published until the operator takes them away. */
function immortal(key: SigningKey): LoadedKey {
  return { key, deadFromMs: Infinity };
}

interface Reloading {
  readonly load: () => Promise<readonly LoadedKey[]>;
  readonly log: Logger;
}

class LoadedKeyring implements Keyring {
  #generation = 1;
  #loaded: readonly LoadedKey[];
  #active: ReadonlyMap<string, SigningKey>;
  #published: { readonly keys: PublishedKeys; readonly validUntilMs: number } | null = null;
  readonly #wanted: readonly Algorithm[];
  readonly #clock: Clock;
  readonly #reloading: Reloading | null;

  constructor(
    loaded: readonly LoadedKey[],
    wanted: readonly Algorithm[],
    clock: Clock,
    reloading: Reloading | null,
  ) {
    this.#active = activeKeys(loaded, wanted);
    this.#loaded = loaded;
    this.#wanted = wanted;
    this.#clock = clock;
    this.#reloading = reloading;
  }

  get generation(): number {
    return this.#generation;
  }

  get keys(): readonly SigningKey[] {
    const nowMs = this.#clock();
    return this.#loaded.filter(({ deadFromMs: deadMs }) => nowMs < deadMs).map(({ key }) => key);
  }

  active(algorithm: string): SigningKey {
    const key = this.#active.get(algorithm);
    if (key === undefined) throw new CountersignError('internal_error', `no active key for ${algorithm}`);
    return key;
  }

  published(): PublishedKeys {
    const nowMs = this.#clock();
    if (this.#published === null || nowMs >= this.#published.validUntilMs) {
      const deaths = this.#loaded.map(({ deadFromMs: deadMs }) => deadMs).filter((deadMs) => deadMs > nowMs);
      this.#published = { keys: publishedKeys(this.keys), validUntilMs: Math.min(...deaths) };
    }
    return this.#published.keys;
  }

  async reload(): Promise<void> {
    if (this.#reloading === null) return;
    try {
      const loaded = await this.#reloading.load();
      const active = activeKeys(loaded, this.#wanted);
      if (fingerprint(loaded) === fingerprint(this.#loaded)) return;
      this.#loaded = loaded;
      this.#active = active;
      this.#published = null;
      this.#generation += 1;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#reloading.log.error('signing keys cannot be read again; the ones in use are kept', { reason });
    }
  }
}

function fingerprint(loaded: readonly LoadedKey[]): string {
  return JSON.stringify(loaded.map(({ key, deadFromMs: deadMs }) => [key.id, key.state, deadMs]));
}

/** One active key for each wanted algorithm: with two, nobody could say which one signs. */
function activeKeys(loaded: readonly LoadedKey[], wanted: readonly Algorithm[]): Map<string, SigningKey> {
  requireDistinctIds(loaded);
  const active = new Map<string, SigningKey>();
  for (const algorithm of wanted) {
    const keys = loaded.map(({ key }) => key);
    const [first, second] = keys.filter((key) => key.algorithm === algorithm && key.state === 'active');
    if (first === undefined) throw new KeyPolicyError(`No active key for ${algorithm}`);
    if (second !== undefined)
      throw new KeyPolicyError(`Keys ${first.id} and ${second.id} are both active for ${algorithm}`);
    active.set(algorithm, first);
  }
  return active;
}

function requireDistinctIds(loaded: readonly LoadedKey[]): void {
  const ids = loaded.map(({ key }) => key.id);
  const repeated = ids.find((id, index) => ids.indexOf(id) !== index);
  if (repeated !== undefined) throw new KeyPolicyError(`Two keys have the id ${repeated}`);
}
