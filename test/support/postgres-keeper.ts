/** A process that keeps one PostgreSQL server for a whole test run, and ends it when the run is over, however it ended. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startPostgres } from './postgres-server.ts';

const LOOK_EVERY_MS = 500;

const [directory = '', run = ''] = process.argv.slice(2);

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function tell(what: { readonly url: string } | { readonly reason: string }): void {
  const file = join(directory, 'server.json');
  writeFileSync(`${file}.part`, JSON.stringify(what), { mode: 0o600 });
  renameSync(`${file}.part`, file);
}

const server = await startPostgres(join(directory, 'server')).catch((error: unknown) => {
  tell({ reason: error instanceof Error ? error.message : String(error) });
});
if (server !== undefined) tell({ url: server.url('postgres') });
while (isRunning(Number(run))) await wait(LOOK_EVERY_MS);
await server?.remove();
rmSync(directory, { recursive: true, force: true });
