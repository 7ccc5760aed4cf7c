/** What stands in the key directory, as keys: loaded, and made where they are missing. */
import type { Logger } from '../core/log.ts';
import type { Algorithm } from '../core/realm.ts';
import type { Clock } from '../core/time.ts';
import { withLock } from './directory-lock.ts';
import { type KeyEntry, readIndex, readKeyFile, writeIndex, writeKeyFile } from './key-files.ts';
import { activated, deadFromMs } from './key-lifecycle.ts';
import { generateSigningKey, importStoredKey, isSecretAlgorithm, type SigningKey } from './signing-key.ts';

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
export async function loadKeyDirectory(directory: string, clock: Clock): Promise<LoadedKey[]> {
  const nowMs = clock();
  const entries = (await readIndex(directory)).filter((entry) => nowMs < deadFromMs(entry));
  return await Promise.all(
    entries.map(async (entry) => {
      const privateKey = await readKeyFile(directory, entry.id);
      return { key: importStoredKey({ ...entry, privateKey }), deadFromMs: deadFromMs(entry) };
    }),
  );
}

/** Makes what is missing for the wanted algorithms. Under the lock, so that processes agree on what was missing. */
export async function fillKeyDirectory(
  directory: string,
  wanted: readonly Algorithm[],
  options: KeyMaking & { readonly log: Logger },
): Promise<void> {
  const isFilled = (entries: readonly KeyEntry[]) =>
    missingKeys(entries, wanted).length === 0 && !outlives(entries, options.longestTtlMs);
  if (isFilled(await readIndex(directory))) return;
  await withLock(directory, async () => {
    const entries = await readIndex(directory);
    if (isFilled(entries)) return;
    const made: KeyEntry[] = [];
    for (const { algorithm, state } of missingKeys(entries, wanted))
      made.push(await makeKey(directory, algorithm, state, options));
    await writeIndex(directory, [...withTtl(entries, options.longestTtlMs), ...made]);
    options.log.info('signing keys made', { directory, kids: made.map(({ id }) => id) });
  });
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

/** Generates a key and writes its file. The index is the caller's, last of all: a crash leaves a file nobody names. */
export async function makeKey(
  directory: string,
  algorithm: Algorithm,
  state: 'next' | 'active',
  { clock, longestTtlMs }: KeyMaking,
): Promise<KeyEntry> {
  const { id, text } = await generateSigningKey(algorithm);
  await writeKeyFile(directory, id, text);
  const nowMs = clock();
  const entry: KeyEntry = {
    id,
    algorithm,
    state: 'next',
    createdAtMs: nowMs,
    activatedAtMs: null,
    retiredAtMs: null,
    longestTtlMs,
  };
  return state === 'active' ? activated(entry, nowMs, longestTtlMs) : entry;
}
