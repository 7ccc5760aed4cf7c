/** The key directory: one file a key, readable by its owner only, and `keys.json`, which says what each key is for. */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, type Json, member } from '../core/json.ts';
import type { Logger } from '../core/log.ts';
import type { Algorithm } from '../core/realm.ts';
import { type KeyState, signingAlgorithm } from './signing-key.ts';

/** The key directory or what was asked of it is not in order. For the operator; holds no key material. */
export class KeyDirectoryError extends Error {
  override readonly name = 'KeyDirectoryError';
}

/** What is known of one key besides its bytes. Times in milliseconds since the epoch. */
export interface KeyEntry {
  readonly id: string;
  readonly algorithm: Algorithm;
  readonly state: KeyState;
  readonly createdAtMs: number;
  /** Null before it signed. */
  readonly activatedAtMs: number | null;
  readonly retiredAtMs: number | null;
  /** Longest life of an assertion that it may have signed: so long it stays published after its retirement. */
  readonly longestTtlMs: number;
}

const INDEX = 'keys.json';
const OWNER_ONLY_FILE = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;
const OTHERS_BITS = 0o077;

/** Makes the directory where it is missing. Warns where others may read it or one of its keys. */
export async function openKeyDirectory(directory: string, log: Logger): Promise<void> {
  await mkdir(directory, { recursive: true, mode: OWNER_ONLY_DIRECTORY });
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
  return text === null ? [] : parseIndex(text);
}

function absentAsNull(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function parseIndex(text: string): KeyEntry[] {
  const document = parseJson(text);
  const keys = isJsonObject(document) ? member(document, 'keys') : undefined;
  if (!Array.isArray(keys)) throw new KeyDirectoryError(`${INDEX} has no list of keys`);
  return keys.map(parseEntry);
}

function parseJson(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new KeyDirectoryError(`${INDEX} is no JSON`, { cause });
  }
}

/** Ids become file names: nothing else may stand in them. */
const KEY_ID = /^[A-Za-z0-9_-]{1,128}$/;
const STATES: readonly KeyState[] = ['next', 'active', 'retired'];

function parseEntry(value: Json): KeyEntry {
  if (!isJsonObject(value)) throw new KeyDirectoryError(`${INDEX} holds a key that is no object`);
  const id = member(value, 'id');
  if (typeof id !== 'string' || !KEY_ID.test(id))
    throw new KeyDirectoryError(`${INDEX} holds a key without a proper id`);
  const state = STATES.find((known) => known === member(value, 'state'));
  if (state === undefined) throw new KeyDirectoryError(`${INDEX}: key ${id} has no state`);
  const longestTtlMs = member(value, 'longestTtlMs');
  if (typeof longestTtlMs !== 'number')
    throw new KeyDirectoryError(`${INDEX}: key ${id} has no longestTtlMs`);
  return {
    id,
    state,
    longestTtlMs,
    algorithm: signingAlgorithm(String(member(value, 'algorithm'))),
    createdAtMs: parseTime(member(value, 'createdAt'), id) ?? 0,
    activatedAtMs: parseTime(member(value, 'activatedAt'), id),
    retiredAtMs: parseTime(member(value, 'retiredAt'), id),
  };
}

function parseTime(value: Json | undefined, id: string): number | null {
  if (value === null) return null;
  const timeMs = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(timeMs)) throw new KeyDirectoryError(`${INDEX}: key ${id} has a time that is none`);
  return timeMs;
}

/** Replaces the index: a reader sees the old one or the new one, also after a power failure. */
export async function writeIndex(directory: string, entries: readonly KeyEntry[]): Promise<void> {
  const keys = entries.map(({ createdAtMs, activatedAtMs, retiredAtMs, ...rest }) => ({
    ...rest,
    createdAt: timeText(createdAtMs),
    activatedAt: timeText(activatedAtMs),
    retiredAt: timeText(retiredAtMs),
  }));
  await writeAtomically(directory, INDEX, `${JSON.stringify({ keys }, null, 2)}\n`);
}

function timeText(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
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
