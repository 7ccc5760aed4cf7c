/** Generated signing keys: made where they are missing, and loaded to sign and to be published. */
import type { Logger } from '../core/log.ts';
import type { Algorithm } from '../core/realm.ts';
import type { Clock } from '../core/time.ts';
import type { KeyEntry } from './key-index.ts';
import { activated, deadFromMs } from './key-lifecycle.ts';
import type { KeyStorage } from './key-storage.ts';
import {
  type GeneratedKey,
  generateSigningKey,
  importStoredKey,
  isSecretAlgorithm,
  type SigningKey,
} from './signing-key.ts';

export interface LoadedKey {
  readonly key: SigningKey;
  /** First instant at which the key is no longer published. */
  readonly deadFromMs: number;
}

/** What making a key depends on. */
export interface KeyMaking {
  readonly clock: Clock;
  /** Longest life of an assertion in any policy. */
  readonly longestTtlMs: number;
}

/** The keys that are still of use. */
export async function loadKeys(storage: KeyStorage, clock: Clock): Promise<LoadedKey[]> {
  const nowMs = clock();
  const kept = await storage.load((entry) => nowMs < deadFromMs(entry));
  return kept.map(({ entry, privateKey }) => ({
    key: importStoredKey({ ...entry, privateKey }),
    deadFromMs: deadFromMs(entry),
  }));
}

/** Makes what is missing for the wanted algorithms; processes agree on what was missing. */
export async function fillKeys(
  storage: KeyStorage,
  wanted: readonly Algorithm[],
  options: KeyMaking & { readonly log: Logger },
): Promise<void> {
  const { longestTtlMs, log } = options;
  const isFilled = (entries: readonly KeyEntry[]) =>
    missingKeys(entries, wanted).length === 0 && !outlives(entries, longestTtlMs);
  if (isFilled(await storage.entries())) return;
  const made = await storage.change(async (entries) => {
    if (isFilled(entries)) return { entries, made: [], result: [] };
    const keys: MadeKey[] = [];
    for (const { algorithm, state } of missingKeys(entries, wanted))
      keys.push(await makeKey(algorithm, state, options));
    const added = keys.map(({ entry }) => entry);
    return {
      entries: [...withTtl(entries, longestTtlMs), ...added],
      made: keys.map(({ key }) => key),
      result: added,
    };
  });
  if (made.length > 0)
    log.info('signing keys made', { place: storage.place, kids: made.map(({ id }) => id) });
}

interface MissingKey {
  readonly algorithm: Algorithm;
  readonly state: 'next' | 'active';
}

/** A next key from the start: it is published long before the first rotation needs it. Secrets are not published. */
function missingKeys(entries: readonly KeyEntry[], wanted: readonly Algorithm[]): MissingKey[] {
  const has = (algorithm: Algorithm, state: MissingKey['state']) =>
    entries.some((entry) => entry.algorithm === algorithm && entry.state === state);
  return wanted
    .filter((algorithm) => !has(algorithm, 'active'))
    .flatMap((algorithm): MissingKey[] => {
      const next: MissingKey[] =
        isSecretAlgorithm(algorithm) || has(algorithm, 'next') ? [] : [{ algorithm, state: 'next' }];
      return [{ algorithm, state: 'active' }, ...next];
    });
}

function outlives(entries: readonly KeyEntry[], longestTtlMs: number): boolean {
  return entries.some((entry) => entry.state === 'active' && entry.longestTtlMs < longestTtlMs);
}

/** What an active key signs may live longer since the configuration changed. */
function withTtl(entries: readonly KeyEntry[], longestTtlMs: number): KeyEntry[] {
  return entries.map((entry) =>
    entry.state === 'active' && entry.longestTtlMs < longestTtlMs ? { ...entry, longestTtlMs } : entry,
  );
}

export interface MadeKey {
  readonly entry: KeyEntry;
  readonly key: GeneratedKey;
}

export async function makeKey(
  algorithm: Algorithm,
  state: 'next' | 'active',
  { clock, longestTtlMs }: KeyMaking,
): Promise<MadeKey> {
  const key = await generateSigningKey(algorithm);
  const nowMs = clock();
  const entry: KeyEntry = {
    id: key.id,
    algorithm,
    state: 'next',
    createdAtMs: nowMs,
    activatedAtMs: null,
    retiredAtMs: null,
    longestTtlMs,
  };
  return { key, entry: state === 'active' ? activated(entry, nowMs, longestTtlMs) : entry };
}
