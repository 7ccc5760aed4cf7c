/** One process at a time changes the key directory: a lock file that names its holder, so that a dead one holds nobody up. */
import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KeyDirectoryError } from './key-index.ts';
import { isDead, parseHolder, SELF } from './lock-holder.ts';

const LOCK = 'keys.lock';
const OWNER_ONLY_FILE = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;

/** Times in milliseconds. */
export interface LockTimes {
  /** Making a few RSA keys takes seconds on a small machine, and some may wait for each other. */
  readonly waitMs: number;
  readonly retryMs: number;
  /** Between two signs of life of a holder. */
  readonly beatMs: number;
  /** Without one for so long, a holder of whom nobody here can tell more is dead: many beats, less than the wait. */
  readonly silenceMs: number;
}

const TIMES: LockTimes = { waitMs: 30_000, retryMs: 50, beatMs: 1000, silenceMs: 15_000 };

/** Given to the change. */
export interface HeldLock {
  /** Before the write that counts: who was held up for long may have been taken for dead. @throws KeyDirectoryError */
  requireHeld(): Promise<void>;
}

/**
 * Runs the change while no other process changes the directory, which is made where it is missing. Readers need no lock.
 *
 * @throws KeyDirectoryError where another process holds the lock for too long
 */
export async function withLock<T>(
  directory: string,
  change: (lock: HeldLock) => Promise<T>,
  times = TIMES,
): Promise<T> {
  await mkdir(directory, { recursive: true, mode: OWNER_ONLY_DIRECTORY });
  const path = join(directory, LOCK);
  const text = JSON.stringify({ ...SELF, hold: randomUUID() });
  const file = await taken(path, text, times);
  const isHeld = async () => (await lookAt(path))?.text === text;
  const beat = setInterval(() => void showLife(file, text), times.beatMs);
  try {
    return await change({
      async requireHeld() {
        if (!(await isHeld())) throw new KeyDirectoryError(`${path} was taken by another process meanwhile`);
      },
    });
  } finally {
    clearInterval(beat);
    await file.close();
    if (await isHeld()) await rm(path, { force: true });
  }
}

async function taken(
  path: string,
  text: string,
  { waitMs, retryMs, silenceMs }: LockTimes,
): Promise<FileHandle> {
  let seen: Look | null = null;
  let silentMs = 0;
  for (let waitedMs = 0; ; waitedMs += retryMs) {
    const file = await createdExclusively(path, text);
    if (file !== null) return file;
    if (waitedMs >= waitMs)
      throw new KeyDirectoryError(`${path} is held by another process; remove it if there is none`);
    const look = await lookAt(path);
    silentMs = look !== null && look.mark === seen?.mark ? silentMs + retryMs : 0;
    seen = look;
    if (look !== null && (isOfDead(look) || silentMs >= silenceMs) && (await isTaken(path, look))) continue;
    await delay(retryMs);
  }
}

/** A lock file as it was at one moment. */
interface Look {
  readonly text: string;
  /** Changes with the holder, and with each sign of its life. */
  readonly mark: string;
}

/** Null where there is none. By the file system's clock, whatever that says: marks are only compared. */
async function lookAt(path: string): Promise<Look | null> {
  try {
    const text = await readFile(path, 'utf8');
    const { mtimeMs, ino } = await stat(path);
    return { text, mark: createHash('sha256').update(`${ino} ${mtimeMs} ${text}`).digest('hex') };
  } catch {
    return null;
  }
}

function isOfDead({ text }: Look): boolean {
  const holder = parseHolder(text);
  return holder !== null && isDead(holder);
}

/**
 * True where the lock of a dead process was removed. Whoever makes the file named after what was seen may remove that
 * lock, and nobody else: so the lock that is removed is never that of a process that was faster.
 */
async function isTaken(path: string, { mark }: Look): Promise<boolean> {
  const permission = `${path}.${mark}`;
  const file = await createdExclusively(permission, '');
  if (file === null) return false;
  try {
    if ((await lookAt(path))?.mark !== mark) return false;
    await rm(path, { force: true });
    return true;
  } finally {
    await file.close();
    await rm(permission, { force: true });
  }
}

/**
 * Writes the same again, into the file that was made: where another has its name by now, that one is left alone. Never
 * rejects: who cannot show life is taken for dead, and finds out before it writes.
 */
async function showLife(file: FileHandle, text: string): Promise<void> {
  await file.write(text, 0).catch(() => undefined);
}

/** Null where there is such a file already. */
async function createdExclusively(path: string, text: string): Promise<FileHandle | null> {
  let file: FileHandle;
  try {
    file = await open(path, 'wx', OWNER_ONLY_FILE);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return null;
    throw error;
  }
  try {
    await file.write(text, 0);
    return file;
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
}
