/** One process at a time changes the key directory: a lock file that names its holder, so that a dead one holds nobody up. */
import { type FileHandle, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KeyDirectoryError } from './key-index.ts';
import { createdExclusively, holdText, LockTakeover, letGo, lookAt } from './lock-takeover.ts';

const LOCK = 'keys.lock';
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
  const text = holdText();
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
    await letGo(path, file, text);
  }
}

async function taken(
  path: string,
  text: string,
  { waitMs, retryMs, silenceMs }: LockTimes,
): Promise<FileHandle> {
  const takeover = new LockTakeover(path, silenceMs);
  for (let waitedMs = 0; ; waitedMs += retryMs) {
    const file = await createdExclusively(path, text);
    if (file !== null) return file;
    if (waitedMs >= waitMs)
      throw new KeyDirectoryError(`${path} is held by another process; remove it if there is none`);
    if (!(await takeover.isTaken(waitedMs))) await delay(retryMs);
  }
}

/**
 * Writes the same again, into the file that was made: where another has its name by now, that one is left alone. Never
 * rejects: who cannot show life is taken for dead, and finds out before it writes.
 */
async function showLife(file: FileHandle, text: string): Promise<void> {
  await file.write(text, 0).catch(() => undefined);
}
