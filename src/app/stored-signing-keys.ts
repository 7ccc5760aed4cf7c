/** Generated signing keys in the store that instances share: one sealed list, replaced as a whole by compare-and-set. */
import { isJsonObject, type Json, member } from '../core/json.ts';
import type { Logger } from '../core/log.ts';
import { indexItems, indexText, KeyDirectoryError, type KeyEntry, parseEntry } from '../jwt/key-index.ts';
import type { KeptKey, KeyChange, KeyStorage } from '../jwt/key-storage.ts';
import type { TokenStore } from './token-store.ts';

const PLACE = 'the store';
/** Binds the list to its place: nothing else that was sealed opens as one. */
const CONTEXT = 'signing keys of assertions';
/** Instances that start together change the keys once each. One that finds others in its way more often is not alone. */
const TRIES_MAX = 20;

interface Kept {
  /** 0: there is no list yet. */
  readonly revision: number;
  readonly keys: readonly KeptKey[];
}

/**
 * `directory`: where the keys were kept before there was a store. The first instance takes them along, so that nobody
 * has to learn new ones.
 */
export function storedSigningKeys({ store, sealer }: TokenStore, directory: KeyStorage): KeyStorage {
  async function read(): Promise<Kept> {
    const found = await store.signingKeys.get();
    if (found === null) return { revision: 0, keys: [] };
    return { revision: found.revision, keys: parseKept(sealer.open(found.sealedKeys, CONTEXT)) };
  }

  async function isReplaced({ revision }: Kept, keys: readonly KeptKey[]): Promise<boolean> {
    return await store.signingKeys.replace(revision, sealer.seal(keptText(keys), CONTEXT));
  }

  async function adopt(log: Logger): Promise<void> {
    const kept = await read();
    if (kept.revision > 0) return;
    const keys = await directory.load(() => true);
    if (keys.length > 0 && (await isReplaced(kept, keys)))
      log.info('signing keys of dataDir are kept in the store from now on; their files can go', {
        place: directory.place,
        kids: keys.map(({ entry }) => entry.id),
      });
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
