/** Generated signing keys in the store that instances share: one sealed list, replaced as a whole by compare-and-set. */
import { isJsonObject, type Json, member } from '../core/json.ts';
import type { Logger } from '../core/log.ts';
import type { Clock } from '../core/time.ts';
import { indexItems, indexText, KeyDirectoryError, type KeyEntry, parseEntry } from '../jwt/key-index.ts';
import { deadFromMs, retired } from '../jwt/key-lifecycle.ts';
import type { KeptKey, KeyChange, KeyFiles, KeyStorage } from '../jwt/key-storage.ts';
import { SIGNING_KEYS_CONTEXT } from '../tokens/signing-key-table.ts';
import type { TokenStore } from './token-store.ts';

const PLACE = 'the store';
/** Instances that start together change the keys once each. One that finds others in its way more often is not alone. */
const TRIES_MAX = 20;

interface Kept {
  /** 0: there is no list yet. */
  readonly revision: number;
  readonly keys: readonly KeptKey[];
}

/**
 * `directory`: where the keys were kept before there was a store. The first instance takes them along, so that nobody
 * has to learn new ones; the keys of others are published until what they signed is dead.
 */
export function storedSigningKeys(
  { store, sealer }: TokenStore,
  directory: KeyFiles,
  clock: Clock,
): KeyStorage {
  async function read(): Promise<Kept> {
    const found = await store.signingKeys.get();
    if (found === null) return { revision: 0, keys: [] };
    return { revision: found.revision, keys: parseKept(sealer.open(found.sealedKeys, SIGNING_KEYS_CONTEXT)) };
  }

  async function isReplaced({ revision }: Kept, keys: readonly KeptKey[]): Promise<boolean> {
    return await store.signingKeys.replace(revision, sealer.seal(keptText(keys), SIGNING_KEYS_CONTEXT));
  }

  async function adopt(log: Logger): Promise<void> {
    const found = await directory.load(() => true);
    if (found.length === 0) return;
    logAdopted(log, directory, await change(async (present) => adopted(found, present, clock())));
    // Those that are forgotten in the store must not come back from here, nor sign again where its list is lost.
    await directory.setAside().catch((error: Error) =>
      log.warn('signing keys of dataDir come back at each start: remove their files', {
        place: directory.place,
        reason: error.message,
      }),
    );
  }

  async function change<T>(work: Parameters<typeof storage.change<T>>[0]): Promise<T> {
    for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
      const kept = await read();
      const present = kept.keys.map(({ entry }) => entry);
      const changed = await work(present);
      if (changed.entries === present || (await isReplaced(kept, withKeys(kept.keys, changed))))
        return changed.result;
    }
    throw new KeyDirectoryError('signing keys are changed by others all the time: try again');
  }

  const storage: KeyStorage = {
    place: PLACE,
    prepare: adopt,
    entries: async () => (await read()).keys.map(({ entry }) => entry),
    load: async (isWanted) => (await read()).keys.filter(({ entry }) => isWanted(entry)),
    change,
  };
  return storage;
}

/** All of them where there are none yet. Else those that may have signed what is not dead yet, as retired ones. */
function adopted(
  found: readonly KeptKey[],
  present: readonly KeyEntry[],
  nowMs: number,
): KeyChange<readonly KeyEntry[]> {
  const ids = new Set(present.map(({ id }) => id));
  const entries = found.map(({ entry }) => entry).filter(({ id }) => !ids.has(id));
  const added = present.length === 0 ? entries : retiredOnes(entries, nowMs);
  return {
    entries: added.length === 0 ? present : [...present, ...added],
    made: found.map(({ entry: { id }, privateKey }) => ({ id, text: privateKey })),
    result: added,
  };
}

function retiredOnes(entries: readonly KeyEntry[], nowMs: number): readonly KeyEntry[] {
  return entries
    .filter(({ state }) => state !== 'next')
    .map((entry) => (entry.state === 'active' ? retired(entry, nowMs) : entry))
    .filter((entry) => nowMs < deadFromMs(entry));
}

function logAdopted(log: Logger, { place }: Pick<KeyFiles, 'place'>, added: readonly KeyEntry[]): void {
  if (added.length === 0) return;
  const fields = { place, kids: added.map(({ id }) => id) };
  if (added.every(({ state }) => state === 'retired'))
    log.warn(
      'the store has other signing keys: those of dataDir sign no more, and are published until what they signed is dead',
      fields,
    );
  else log.info('signing keys of dataDir are kept in the store from now on; their files can go', fields);
}

function withKeys(before: readonly KeptKey[], { entries, made }: KeyChange<unknown>): readonly KeptKey[] {
  const texts = new Map([
    ...before.map(({ entry, privateKey }) => [entry.id, privateKey] as const),
    ...made.map(({ id, text }) => [id, text] as const),
  ]);
  return entries.map((entry) => ({ entry, privateKey: textOf(texts, entry) }));
}

function textOf(texts: ReadonlyMap<string, string>, { id }: Pick<KeyEntry, 'id'>): string {
  const text = texts.get(id);
  if (text === undefined) throw new KeyDirectoryError(`${PLACE} does not hold key ${id}`);
  return text;
}

function keptText(keys: readonly KeptKey[]): string {
  const texts = new Map(keys.map(({ entry, privateKey }) => [entry.id, privateKey]));
  const entries = keys.map(({ entry }) => entry);
  return indexText(entries, (entry) => ({ privateKey: textOf(texts, entry) }));
}

/** @throws KeyDirectoryError */
function parseKept(text: string): readonly KeptKey[] {
  return indexItems(text, PLACE).map((item) => ({
    entry: parseEntry(item, PLACE),
    privateKey: privateKeyOf(item),
  }));
}

function privateKeyOf(item: Json): string {
  const text = isJsonObject(item) ? member(item, 'privateKey') : undefined;
  if (typeof text !== 'string') throw new KeyDirectoryError(`${PLACE} holds an entry without its key`);
  return text;
}
