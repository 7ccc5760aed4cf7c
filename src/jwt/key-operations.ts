/** What operators do with the key directory: list, generate, rotate, retire, export. Running instances read it again. */
import type { Algorithm } from '../core/realm.ts';
import { withLock } from './directory-lock.ts';
import { type KeyMaking, loadKeyDirectory, makeKey } from './key-directory.ts';
import { KeyDirectoryError, type KeyEntry, readIndex, removeKeyFile, writeIndex } from './key-files.ts';
import { activated, deadFromMs, retired, seenByAllFromMs } from './key-lifecycle.ts';
import { publishedKeys } from './published-keys.ts';
import type { KeyState } from './signing-key.ts';

export interface KeyDirectory extends KeyMaking {
  readonly directory: string;
}

/** All entries of the index, dead ones too until the next rotation forgets them. */
export function listKeys({ directory }: Pick<KeyDirectory, 'directory'>): Promise<readonly KeyEntry[]> {
  return readIndex(directory);
}

/** Public keys of all entries that are published now; secrets are never among them. */
export async function exportKeys(
  { directory, clock }: Pick<KeyDirectory, 'directory' | 'clock'>,
  format: 'jwks' | 'pem',
): Promise<string> {
  const published = publishedKeys((await loadKeyDirectory(directory, clock)).map(({ key }) => key));
  return format === 'jwks' ? published.jwks().body : published.pem();
}

/**
 * Makes a key in state next; the first key of an algorithm is active at once.
 *
 * @throws KeyDirectoryError where the algorithm has a next key already
 */
export function generateKey(keys: KeyDirectory, algorithm: Algorithm): Promise<KeyEntry> {
  return withLock(keys.directory, async () => {
    const entries = await readIndex(keys.directory);
    const next = find(entries, algorithm, 'next');
    if (next !== undefined)
      throw new KeyDirectoryError(`${algorithm} has a next key already: ${next.id}; rotate first`);
    const state = find(entries, algorithm, 'active') === undefined ? 'active' : 'next';
    const entry = await makeKey(keys.directory, algorithm, state, keys);
    await writeIndex(keys.directory, [...entries, entry]);
    return entry;
  });
}

export interface RotateOptions {
  /** Null: every algorithm that has an active key. */
  readonly algorithm: Algorithm | null;
  /** Rotates although backends may not know the new key yet: for a key that has leaked. */
  readonly force: boolean;
}

export interface Rotation {
  readonly algorithm: Algorithm;
  readonly activatedId: string;
  readonly retiredId: string;
  readonly nextId: string;
}

/**
 * The next key signs from now on, the active one retires, and a new next key is made. Forgets keys that are dead.
 *
 * @throws KeyDirectoryError where there is nothing to rotate, or backends may not have seen the next key
 */
export function rotateKeys(keys: KeyDirectory, options: RotateOptions): Promise<readonly Rotation[]> {
  return withLock(keys.directory, async () => {
    const entries = await readIndex(keys.directory);
    const active = entries.filter(
      ({ state, algorithm }) => state === 'active' && (options.algorithm ?? algorithm) === algorithm,
    );
    if (active.length === 0) throw new KeyDirectoryError('there is no active key to rotate');
    if (!options.force) for (const { algorithm } of active) requireSeen(entries, algorithm, keys.clock());
    const steps: RotationStep[] = [];
    for (const old of active) steps.push(await makeStep(old, entries, keys));
    await replaceIndex(keys, entries, rotated(entries, steps, keys));
    return steps.map(({ old, successor, next }) => ({
      algorithm: old.algorithm,
      activatedId: successor.id,
      retiredId: old.id,
      nextId: next.id,
    }));
  });
}

interface RotationStep {
  readonly old: KeyEntry;
  readonly successor: KeyEntry;
  readonly next: KeyEntry;
}

/** @throws KeyDirectoryError */
function requireSeen(entries: readonly KeyEntry[], algorithm: Algorithm, nowMs: number): void {
  const next = find(entries, algorithm, 'next');
  if (next === undefined)
    throw new KeyDirectoryError(`${algorithm} has no next key: generate one, or force the rotation`);
  const seenFromMs = seenByAllFromMs(next);
  if (nowMs >= seenFromMs) return;
  const when = new Date(seenFromMs).toISOString();
  throw new KeyDirectoryError(
    `backends may not know key ${next.id} before ${when}: wait, or force the rotation`,
  );
}

async function makeStep(
  old: KeyEntry,
  entries: readonly KeyEntry[],
  keys: KeyDirectory,
): Promise<RotationStep> {
  const make = () => makeKey(keys.directory, old.algorithm, 'next', keys);
  return { old, successor: find(entries, old.algorithm, 'next') ?? (await make()), next: await make() };
}

function rotated(
  entries: readonly KeyEntry[],
  steps: readonly RotationStep[],
  { clock, longestTtlMs }: KeyMaking,
): KeyEntry[] {
  const nowMs = clock();
  const changed = new Map(
    steps.flatMap(({ old, successor }): [string, KeyEntry][] => [
      [old.id, retired(old, nowMs)],
      [successor.id, activated(successor, nowMs, longestTtlMs)],
    ]),
  );
  const added = steps.flatMap(({ successor, next }) =>
    entries.includes(successor) ? [next] : [successor, next],
  );
  return [...entries, ...added].map((entry) => changed.get(entry.id) ?? entry);
}

/**
 * Takes a key out of the set: a next key that shall never sign, or a retired one whose assertions shall not verify
 * any more.
 *
 * @throws KeyDirectoryError for an active or unknown key
 */
export function retireKey(keys: KeyDirectory, id: string): Promise<KeyEntry> {
  return withLock(keys.directory, async () => {
    const entries = await readIndex(keys.directory);
    const entry = entries.find((one) => one.id === id);
    if (entry === undefined) throw new KeyDirectoryError(`there is no key ${id}`);
    if (entry.state === 'active') throw new KeyDirectoryError(`key ${id} signs: rotate first`);
    await replaceIndex(
      keys,
      entries,
      entries.filter((one) => one !== entry),
    );
    return entry;
  });
}

/** Writes what is still of use, then removes the files that no entry names any more. */
async function replaceIndex(
  { directory, clock }: KeyDirectory,
  before: readonly KeyEntry[],
  after: readonly KeyEntry[],
): Promise<void> {
  const nowMs = clock();
  const kept = after.filter((entry) => nowMs < deadFromMs(entry));
  await writeIndex(directory, kept);
  const ids = new Set(kept.map(({ id }) => id));
  for (const { id } of before) if (!ids.has(id)) await removeKeyFile(directory, id);
}

function find(entries: readonly KeyEntry[], algorithm: Algorithm, state: KeyState): KeyEntry | undefined {
  return entries.find((entry) => entry.algorithm === algorithm && entry.state === state);
}
