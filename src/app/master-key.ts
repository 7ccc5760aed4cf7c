/** The master key that was not given: made once in `dataDir`, readable by its owner only. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

const FILE = 'master.key';
const OWNER_ONLY_FILE = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;
/** 256 bits, as text that an operator can copy. */
const KEY_BYTES = 32;

/** The one that is there. @throws Error */
export async function readMasterKey(dataDir: string): Promise<Uint8Array> {
  const path = join(dataDir, FILE);
  const present = await readFile(path).catch(absentAsNull);
  if (present === null) throw new Error(`There is no ${path} yet: a start of the gateway makes it`);
  return trimmed(present);
}

/** The bytes of its text. Of several processes that start at once, one makes it and all read the same. */
export async function openMasterKey(dataDir: string): Promise<Uint8Array> {
  const path = join(dataDir, FILE);
  await mkdir(dataDir, { recursive: true, mode: OWNER_ONLY_DIRECTORY });
  const present = await readFile(path).catch(absentAsNull);
  if (present === null) await makeKeyFile(path);
  return trimmed(present ?? (await readFile(path)));
}

/** Whole or not at all: a link fails where the file is there already, and then that one counts. */
async function makeKeyFile(path: string): Promise<void> {
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  const file = await open(draft, 'wx', OWNER_ONLY_FILE);
  try {
    await file.writeFile(`${randomBytes(KEY_BYTES).toString('base64url')}\n`);
    await file.sync();
    await link(draft, path).catch(presentIsFine);
  } finally {
    await file.close();
    await rm(draft, { force: true });
  }
}

function trimmed(bytes: Buffer): Uint8Array {
  return new TextEncoder().encode(bytes.toString('utf8').trimEnd());
}

function absentAsNull(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function presentIsFine(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
