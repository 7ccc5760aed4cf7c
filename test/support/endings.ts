/** What a program of ours must not leave behind, however it ends: a signal that nobody handles ends it and tells nobody. */
import { rmSync } from 'node:fs';
import { constants } from 'node:os';

/** As shells have it: 128 and the number of the signal. */
const SIGNAL_EXIT_CODE = 128;

/** From now on a signal is an end like any other: what was registered by `atExit` runs. */
export function exitOnSignals(): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(SIGNAL_EXIT_CODE + constants.signals[signal]));
}

/** Runs with the end of the process, the last registered first; not after the function that is given back was called. */
export function atExit(clear: () => void): () => void {
  process.prependOnceListener('exit', clear);
  return () => void process.off('exit', clear);
}

/** Blocks: while the process ends there is nothing else to be done. */
export function pause(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}

/** Processes that were just killed may still make files while theirs are taken away. */
const RETRIES = { maxRetries: 10, retryDelay: 100 } as const;

/** Takes the folder away at once, or with the end of the process. */
export function removedAtExit(folder: string): () => void {
  const remove = () => rmSync(folder, { recursive: true, force: true, ...RETRIES });
  const release = atExit(remove);
  return () => {
    release();
    remove();
  };
}
