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

const FILE_CAUSES: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EACCES', 'this user may not read it'],
  ['EISDIR', 'it is a directory'],
]);

/** Why a file cannot be read, in words. */
export function fileCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  return FILE_CAUSES.get(code) ?? error.message;
}

const OTHERS_READ_BITS = 0o044;

/** True where group or world may read the file; false where it cannot be looked at, which reading it will report. */
export function isReadableByOthers(path: string): boolean {
  const entry = statSync(path, { throwIfNoEntry: false });
  return entry !== undefined && (entry.mode & OTHERS_READ_BITS) !== 0;
}
