/** The folder of one run: benches at once in one tree do not meet in it, and only a failed one leaves its logs behind. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const FAILED_EXIT_CODE = 1;
/** Servers that were just killed may still make files. */
const RETRIES = { maxRetries: 10, retryDelay: 100 } as const;

/** A new folder below `parent`. Goes with the process, also by a signal; where a run failed it is kept, and named. */
export function openRunFolder(parent: string): string {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'run-'));
  // Not `atExit`, which would be before the servers that write into it are ended.
  process.once('exit', (code) => {
    if (code === FAILED_EXIT_CODE) console.log(`logs of the servers are kept in ${folder}`);
    else rmSync(folder, { recursive: true, force: true, ...RETRIES });
  });
  return folder;
}
