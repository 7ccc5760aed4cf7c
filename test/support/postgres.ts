/** Databases on a real PostgreSQL: that of `DATABASE_URL`, or one server that the suites of a run share. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import pg from 'pg';
import { postgresPrograms } from './postgres-server.ts';

/** True where the suites on PostgreSQL can run; where not, the reason is printed. */
export const hasPostgres: boolean = process.env['DATABASE_URL'] !== undefined || postgresPrograms() !== null;
if (!hasPostgres)
  process.stdout.write('skipped: no PostgreSQL on this machine and no DATABASE_URL, see .ci/run\n');

const READY_TRIES = 600;
const READY_PAUSE_MS = 100;

/** Of the test runner: what its workers share. */
const runPid = isMainThread ? process.ppid : process.pid;

/** Whoever makes the directory starts the keeper; the others wait for what it says. */
async function sharedServer(): Promise<string> {
  const directory = join(tmpdir(), `countersign-postgres-${runPid}`);
  try {
    mkdirSync(directory, { mode: 0o711 });
    const keeper = join(import.meta.dirname, 'postgres-keeper.ts');
    spawn(process.execPath, [keeper, directory, String(runPid)], { detached: true, stdio: 'ignore' }).unref();
  } catch {
    // Another worker did.
  }
  const file = join(directory, 'server.json');
  for (let tries = 0; !existsSync(file); tries++) {
    if (tries === READY_TRIES) throw new Error('PostgreSQL did not start');
    await wait(READY_PAUSE_MS);
  }
  const said: { readonly url?: string; readonly reason?: string } = JSON.parse(readFileSync(file, 'utf8'));
  if (said.url === undefined) throw new Error(`PostgreSQL did not start: ${said.reason}`);
  return said.url;
}

async function administrate(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

export interface PostgresDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** A new, empty database. */
export async function createPostgresDatabase(): Promise<PostgresDatabase> {
  const server = process.env['DATABASE_URL'] ?? (await sharedServer());
  const name = `countersign_${randomBytes(8).toString('hex')}`;
  await administrate(server, `CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administrate(server, `DROP DATABASE ${name} WITH (FORCE)`) };
}
