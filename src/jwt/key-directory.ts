/** Generated signing keys in a directory: shared by the processes of one machine, or by those that mount it. */
import { type HeldLock, withLock } from './directory-lock.ts';
import {
  openKeyDirectory,
  readIndex,
  readKeyFile,
  removeKeyFile,
  setIndexAside,
  writeIndex,
  writeKeyFile,
} from './key-files.ts';
import type { KeyEntry } from './key-index.ts';
import type { KeyChange, KeyFiles } from './key-storage.ts';

export function keyDirectory(directory: string): KeyFiles {
  return {
    place: directory,
    prepare: (log) => openKeyDirectory(directory, log),
    entries: () => readIndex(directory),
    load: async (isWanted) => {
      const entries = (await readIndex(directory)).filter(isWanted);
      const loaded = entries.map(async (entry) => ({
        entry,
        privateKey: await readKeyFile(directory, entry.id),
      }));
      return await Promise.all(loaded);
    },
    // Readers need no lock.
    change: (change) =>
      withLock(directory, async (lock) => {
        const present = await readIndex(directory);
        const changed = await change(present);
        if (changed.entries !== present) await write(directory, present, changed, lock);
        return changed.result;
      }),
    setAside: () => setIndexAside(directory),
  };
}

/** The index comes after the keys that it names, and before those go that it no longer does: a crash leaves files alone. */
async function write(
  directory: string,
  before: readonly KeyEntry[],
  { entries, made }: Pick<KeyChange<unknown>, 'entries' | 'made'>,
  lock: HeldLock,
): Promise<void> {
  for (const { id, text } of made) await writeKeyFile(directory, id, text);
  await lock.requireHeld();
  await writeIndex(directory, entries);
  const ids = new Set(entries.map(({ id }) => id));
  for (const { id } of before) if (!ids.has(id)) await removeKeyFile(directory, id);
}
