/** Starts Debian's PostgreSQL in a directory of its own: a real server, with its defaults for durability. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { atExit, pause } from './endings.ts';

const VERSIONS = '/usr/lib/postgresql';
const START_TRIES = 200;
const START_PAUSE_MS = 100;
const USER = 'countersign';

export interface PostgresServer {
  /** Of a database of the server, by TCP on loopback. */
  url(database: string): string;
  readonly password: string;
  /** Of the postmaster. */
  pid(): number;
  /** Fast shutdown: sessions are cut. */
  stop(): Promise<void>;
  /** After stop(). */
  start(): Promise<void>;
  /** Stops it and takes its files away. */
  remove(): Promise<void>;
}

/** Directory of the newest installed server's programs; null: there is none. */
export function postgresPrograms(): string | null {
  if (!existsSync(VERSIONS)) return null;
  const versions = readdirSync(VERSIONS).toSorted((one, other) => Number(other) - Number(one));
  return (
    versions
      .map((version) => join(VERSIONS, version, 'bin'))
      .find((bin) => existsSync(join(bin, 'postgres'))) ?? null
  );
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root. */
function owner(): Owner | null {
  if (process.getuid?.() !== 0) return null;
  for (const name of ['postgres', 'nobody'])
    try {
      const [uid, gid] = ['-u', '-g'].map((what) =>
        Number(execFileSync('id', [what, name], { stdio: ['ignore', 'pipe', 'ignore'] })),
      );
      return { uid: uid!, gid: gid! };
    } catch {
      // The next one.
    }
  return null;
}

function hand(path: string, { uid, gid }: Partial<Owner>): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** `directory` is made. */
export async function startPostgres(directory: string): Promise<PostgresServer> {
  const bin = postgresPrograms();
  if (bin === null) throw new Error(`no PostgreSQL under ${VERSIONS}`);
  const [data, sockets] = ['data', 'sockets'].map((name) => join(directory, name));
  const as: Partial<Owner> = owner() ?? {};
  for (const path of [directory, sockets!]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    hand(path, as);
  }
  const password = randomBytes(16).toString('base64url');
  const port = await freePort();
  initialize({ bin, directory, data: data!, password, as });
  let server: ChildProcess | null = null;
  let release = () => {};

  const start = async () => {
    const options = ['-D', data!, '-k', sockets!, '-p', String(port)];
    const settings = ['listen_addresses=127.0.0.1', 'max_connections=200'].flatMap((setting) => [
      '-c',
      setting,
    ]);
    server = spawn(join(bin, 'postgres'), [...options, ...settings], { ...as, stdio: 'ignore' });
    release = atExit(() => endAtOnce(server, join(data!, 'postmaster.pid')));
    await answering(url('postgres'));
  };
  const stop = async () => {
    const stopping = server;
    server = null;
    release();
    if (stopping === null || stopping.exitCode !== null) return;
    const ended = new Promise((resolve) => stopping.once('exit', resolve));
    stopping.kill('SIGINT');
    await ended;
  };
  const url = (database: string) => `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;

  await start();
  return {
    url,
    password,
    pid: () => server?.pid ?? 0,
    start,
    stop,
    async remove() {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const END_TRIES = 100;
const END_PAUSE_MS = 20;

/** Immediate shutdown, and nothing that the process writes afterwards: it takes its lock away last. */
function endAtOnce(server: ChildProcess | null, lock: string): void {
  if (server === null || !server.kill('SIGQUIT')) return;
  for (let tries = 0; existsSync(lock) && tries < END_TRIES; tries++) pause(END_PAUSE_MS);
}

interface Cluster {
  readonly bin: string;
  readonly directory: string;
  readonly data: string;
  readonly password: string;
  readonly as: Partial<Owner>;
}

function initialize({ bin, directory, data, password, as }: Cluster): void {
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  hand(passwordFile, as);
  const options = [
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C.UTF-8',
    '--no-sync',
    '--no-instructions',
  ];
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', USER, `--pwfile=${passwordFile}`, ...options], {
    ...as,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

async function answering(url: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await client.end();
    } catch (error) {
      if (tries === START_TRIES) throw error;
      await wait(START_PAUSE_MS);
    }
  }
}
