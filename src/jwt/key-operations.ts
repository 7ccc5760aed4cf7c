/** What operators do with generated signing keys: list, generate, rotate, retire, export. Running instances read them again. */
import type { Algorithm } from '../core/realm.ts';
import { KeyDirectoryError, type KeyEntry } from './key-index.ts';
import { activated, deadFromMs, retired, seenByAllFromMs } from './key-lifecycle.ts';
import { type KeyMaking, loadKeys, type MadeKey, makeKey } from './key-making.ts';
import type { KeyStorage } from './key-storage.ts';
import { publishedKeys } from './published-keys.ts';
import type { KeyState } from './signing-key.ts';

export interface GeneratedKeys extends KeyMaking {
  readonly storage: KeyStorage;
}

/** All entries, dead ones too until the next rotation forgets them. */
export function listKeys({ storage }: Pick<GeneratedKeys, 'storage'>): Promise<readonly KeyEntry[]> {
  return storage.entries();
}

/** Public keys of all entries that are published now; secrets are never among them. */
export async function exportKeys(
  { storage, clock }: Pick<GeneratedKeys, 'storage' | 'clock'>,
  format: 'jwks' | 'pem',
): Promise<string> {
  const published = publishedKeys((await loadKeys(storage, clock)).map(({ key }) => key));
  return format === 'jwks' ? published.jwks().body : published.pem();
}

/**
 * Makes a key in state next; the first key of an algorithm is active at once.
 *
 * @throws KeyDirectoryError where the algorithm has a next key already
 */
export function generateKey(keys: GeneratedKeys, algorithm: Algorithm): Promise<KeyEntry> {
  return keys.storage.change(async (entries) => {
    const next = find(entries, algorithm, 'next');
    if (next !== undefined)
      throw new KeyDirectoryError(`${algorithm} has a next key already: ${next.id}; rotate first`);
    const state = find(entries, algorithm, 'active') === undefined ? 'active' : 'next';
    const { entry, key } = await makeKey(algorithm, state, keys);
    return { entries: [...entries, entry], made: [key], result: entry };
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
export function rotateKeys(keys: GeneratedKeys, options: RotateOptions): Promise<readonly Rotation[]> {
  return keys.storage.change(async (entries) => {
    const active = entries.filter(
      ({ state, algorithm }) => state === 'active' && (options.algorithm ?? algorithm) === algorithm,
    );
    if (active.length === 0) throw new KeyDirectoryError('there is no active key to rotate');
    if (!options.force) for (const { algorithm } of active) requireSeen(entries, algorithm, keys.clock());
    const steps: RotationStep[] = [];
    for (const old of active) steps.push(await makeStep(old, entries, keys));
    return {
      entries: stillOfUse(rotated(entries, steps, keys), keys.clock()),
      made: steps.flatMap(({ made }) => made.map(({ key }) => key)),
      result: steps.map(rotationOf),
    };
  });
}

interface RotationStep {
  readonly old: KeyEntry;
  readonly successor: KeyEntry;
  readonly next: KeyEntry;
  readonly made: readonly MadeKey[];
}

function rotationOf({ old, successor, next }: RotationStep): Rotation {
  return { algorithm: old.algorithm, activatedId: successor.id, retiredId: old.id, nextId: next.id };
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

async function makeStep(old: KeyEntry, entries: readonly KeyEntry[], keys: KeyMaking): Promise<RotationStep> {
  const present = find(entries, old.algorithm, 'next');
  const next = await makeKey(old.algorithm, 'next', keys);
  if (present !== undefined) return { old, successor: present, next: next.entry, made: [next] };
  const successor = await makeKey(old.algorithm, 'next', keys);
  return { old, successor: successor.entry, next: next.entry, made: [successor, next] };
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
  const added = steps.flatMap(({ made }) => made.map(({ entry }) => entry));
  return [...entries, ...added].map((entry) => changed.get(entry.id) ?? entry);
}

/**
 * Takes a key out of the set: a next key that shall never sign, or a retired one whose assertions shall not verify
 * any more.
 *
 * @throws KeyDirectoryError for an active or unknown key
 */
export function retireKey(keys: Omit<GeneratedKeys, 'longestTtlMs'>, id: string): Promise<KeyEntry> {
  return keys.storage.change(async (entries) => {
    const entry = entries.find((one) => one.id === id);
    if (entry === undefined) throw new KeyDirectoryError(`there is no key ${id}`);
    if (entry.state === 'active') throw new KeyDirectoryError(`key ${id} signs: rotate first`);
    const others = entries.filter((one) => one !== entry);
    return { entries: stillOfUse(others, keys.clock()), made: [], result: entry };
  });
}

function stillOfUse(entries: readonly KeyEntry[], nowMs: number): KeyEntry[] {
  return entries.filter((entry) => nowMs < deadFromMs(entry));
}

function find(entries: readonly KeyEntry[], algorithm: Algorithm, state: KeyState): KeyEntry | undefined {
  return entries.find((entry) => entry.algorithm === algorithm && entry.state === state);
}
