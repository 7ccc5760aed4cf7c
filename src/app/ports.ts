/** The outside world, as the rooms are given it: clock, randomness, timers, files. */
import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

export const systemClock = (): number => Date.now();

export const randomId = (): string => randomUUID();

/** A timer that does not keep the process alive. Returns its cancellation. */
export function schedule(task: () => void, delayMs: number): () => void {
  const timer = setTimeout(task, delayMs).unref();
  return () => clearTimeout(timer);
}

export function readFile(path: string): Uint8Array {
  return readFileSync(path);
}

const OTHERS_READ_BITS = 0o044;

/** True where group or world may read the file; false where it cannot be looked at, which reading it will report. */
export function isReadableByOthers(path: string): boolean {
  const entry = statSync(path, { throwIfNoEntry: false });
  return entry !== undefined && (entry.mode & OTHERS_READ_BITS) !== 0;
}
