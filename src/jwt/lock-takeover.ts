/** Lock files of dead processes go: one waiter at a time removes one, and only the one that it has seen. */
import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, readFile, rm, stat } from 'node:fs/promises';
import { isDead, parseHolder, SELF } from './lock-holder.ts';

const OWNER_ONLY_FILE = 0o600;

/** A lock file as it was at one moment. */
export interface Look {
  readonly text: string;
  /** Changes with the holder, and with each sign of its life. */
  readonly mark: string;
}

/** Null where there is none. By the file system's clock, whatever that says: marks are only compared. */
export async function lookAt(path: string): Promise<Look | null> {
  try {
    const text = await readFile(path, 'utf8');
    const { mtimeMs, ino } = await stat(path);
    return { text, mark: createHash('sha256').update(`${ino} ${mtimeMs} ${text}`).digest('hex') };
  } catch {
    return null;
  }
}

/** Who holds, and which of its holds it is. */
export function holdText(): string {
  return JSON.stringify({ ...SELF, hold: randomUUID() });
}

/** Null where there is such a file already. */
export async function createdExclusively(path: string, text: string): Promise<FileHandle | null> {
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

/** Closes the file, and removes it where it is still the one with this text: another process may have taken it away. */
export async function letGo(path: string, file: FileHandle, text: string): Promise<void> {
  await file.close();
  if ((await lookAt(path))?.text === text) await rm(path, { force: true });
}

interface Sighting {
  readonly mark: string;
  readonly sinceMs: number;
}

/** Of one waiter. */
export class LockTakeover {
  readonly #lock: string;
  readonly #silenceMs: number;
  /** Since when a file has been as it is, by path. */
  readonly #seen = new Map<string, Sighting>();

  /** `silenceMs`: without a sign of life for so long, a holder of whom nobody here can tell more is dead. */
  constructor(lock: string, silenceMs: number) {
    this.#lock = lock;
    this.#silenceMs = silenceMs;
  }

  /**
   * True where the lock of a dead process was removed. Whoever makes the file named after what was seen may remove that
   * lock, and nobody else: so the lock that is removed is never that of a process that was faster. That file is a lock
   * itself: one of a process that died before it was done goes by the same rules. `nowMs`: since the wait began.
   */
  async isTaken(nowMs: number, path = this.#lock): Promise<boolean> {
    const look = await lookAt(path);
    if (look === null) return false;
    const isLeft = isOfDead(look) || this.#silentMs(path, look, nowMs) >= this.#silenceMs;
    const permission = `${this.#lock}.${look.mark}`;
    // Looked at from the start, so that one silence does not begin where the other ends.
    await this.isTaken(nowMs, permission);
    return isLeft && (await isRemoved(path, look, permission));
  }

  #silentMs(path: string, { mark }: Look, nowMs: number): number {
    const seen = this.#seen.get(path);
    if (seen?.mark === mark) return nowMs - seen.sinceMs;
    this.#seen.set(path, { mark, sinceMs: nowMs });
    return 0;
  }
}

function isOfDead({ text }: Look): boolean {
  const holder = parseHolder(text);
  return holder !== null && isDead(holder);
}

async function isRemoved(path: string, { mark }: Look, permission: string): Promise<boolean> {
  const text = holdText();
  const file = await createdExclusively(permission, text);
  if (file === null) return false;
  try {
    if ((await lookAt(path))?.mark !== mark) return false;
    await rm(path, { force: true });
    return true;
  } finally {
    await letGo(permission, file, text);
  }
}
