/** The files of the key directory: one a key, readable by its owner only, and `keys.json`, which says what each key is for. */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../core/log.ts';
import { indexText, KEY_ID, KeyDirectoryError, type KeyEntry, parseIndex } from './key-index.ts';

const INDEX = 'keys.json';
const INDEX_SET_ASIDE = `${INDEX}.adopted`;
const OWNER_ONLY_FILE = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;
const OTHERS_BITS = 0o077;

/** Makes the directory where it is missing. Warns where others may read it or one of its keys. */
export async function openKeyDirectory(directory: string, log: Logger): Promise<void> {
  await mkdir(directory, { recursive: true, mode: OWNER_ONLY_DIRECTORY }).catch((cause) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new KeyDirectoryError(
      `signing keys cannot be kept: ${reason}; let dataDir name a folder to write in`,
    );
  });
  await warnWhereOthersRead(directory, log);
  for (const { id } of await readIndex(directory)) await warnWhereOthersRead(keyPath(directory, id), log);
}

async function warnWhereOthersRead(path: string, log: Logger): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & OTHERS_BITS) === 0) return;
  log.warn('private keys can be read by other users; make them readable by their owner only', { path });
}

/** The entries, none where there is no index yet. @throws KeyDirectoryError where the index cannot be understood */
export async function readIndex(directory: string): Promise<readonly KeyEntry[]> {
  const text = await readFile(join(directory, INDEX), 'utf8').catch(absentAsNull);
  return text === null ? [] : parseIndex(text, INDEX);
}

function absentAsNull(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

/** Replaces the index: a reader sees the old one or the new one, also after a power failure. */
export async function writeIndex(directory: string, entries: readonly KeyEntry[]): Promise<void> {
  await writeAtomically(directory, INDEX, indexText(entries));
}

/** No key is found any more: what the files are is still written, under another name. Not an error where there is none. */
export async function setIndexAside(directory: string): Promise<void> {
  await rename(join(directory, INDEX), join(directory, INDEX_SET_ASIDE)).catch(absentAsNull);
  await syncDirectory(directory);
}

async function writeAtomically(directory: string, name: string, text: string): Promise<void> {
  const temporary = join(directory, `${name}.${randomUUID()}.tmp`);
  await writeSynced(temporary, text);
  await rename(temporary, join(directory, name));
  await syncDirectory(directory);
}

/** Without it the new name may be lost in a power failure although the bytes are on disk. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates the file, never an existing one or what a link points to, and waits until it is on disk. */
async function writeSynced(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', OWNER_ONLY_FILE);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await chmod(path, OWNER_ONLY_FILE);
}

function keyPath(directory: string, id: string): string {
  if (!KEY_ID.test(id)) throw new KeyDirectoryError('not the id of a key');
  return join(directory, `${id}.pem`);
}

/** PKCS#8 PEM, or the base64url of a secret. */
export function writeKeyFile(directory: string, id: string, text: string): Promise<void> {
  return writeAtomically(directory, `${id}.pem`, text);
}

export function readKeyFile(directory: string, id: string): Promise<string> {
  return readFile(keyPath(directory, id), 'utf8');
}

/** Not an error where it is gone already. */
export function removeKeyFile(directory: string, id: string): Promise<void> {
  return rm(keyPath(directory, id), { force: true });
}
