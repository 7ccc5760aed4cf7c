/** The databases of the token service: a SQLite file, and a PostgreSQL of the bench's own, filled past the API. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { removedAtExit } from '../../test/support/endings.ts';
import { postgresPrograms, startPostgres } from '../../test/support/postgres-server.ts';
import { CORES, has } from '../process.ts';

export type StoreKind = 'sqlite' | 'postgres';

export interface BenchDatabase {
  readonly kind: StoreKind;
  /** Path of the file, or URL of the database. */
  readonly address: string;
}

export interface Databases {
  readonly kinds: readonly StoreKind[];
  /** An empty one. `folder` exists; the service's `dataDir` is in it. */
  create(kind: StoreKind, folder: string): Promise<BenchDatabase>;
  stop(): Promise<void>;
}

/** Directory of the service's own files, where it keeps its SQLite file too. */
export function dataDir(folder: string): string {
  return join(folder, 'data');
}

/** PostgreSQL does not run as root: its own user has to get through to the server's folder. */
const PASSABLE = 0o711;

/** The server shares the load's core: the proxy's core pays for what the service does, not for the database. */
export async function openDatabases(): Promise<Databases> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const removeFolder = removedAtExit(folder);
  chmodSync(folder, PASSABLE);
  if (postgresPrograms() === null) console.log('skipped: PostgreSQL: not installed');
  const server = postgresPrograms() === null ? null : await startPostgres(join(folder, 'postgres'));
  if (server !== null && has('taskset'))
    execFileSync('taskset', ['-a', '-c', '-p', `${CORES.load}`, `${server.pid()}`], { stdio: 'ignore' });
  return {
    kinds: server === null ? ['sqlite'] : ['sqlite', 'postgres'],
    create: async (kind, own) => {
      mkdirSync(dataDir(own), { recursive: true });
      if (kind === 'sqlite' || server === null)
        return { kind: 'sqlite', address: join(dataDir(own), 'countersign.db') };
      const name = `bench_${randomBytes(8).toString('hex')}`;
      await onPostgres(server.url('postgres'), [`CREATE DATABASE ${name}`]);
      return { kind, address: server.url(name) };
    },
    stop: async () => {
      await server?.remove();
      removeFolder();
    },
  };
}

async function onPostgres(connectionString: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Tokens of one user of the filler: people have a few devices. */
const TOKENS_A_USER = 10;

/** What differs between the two: rows by number, and random text. */
const SPELLING = {
  sqlite: {
    numbers: (count: number) =>
      `(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) SELECT i FROM n)`,
    random: (bytes: number) => `lower(hex(randomblob(${bytes})))`,
  },
  postgres: {
    numbers: (count: number) => `(SELECT i FROM generate_series(1, ${count}) AS g(i)) AS n`,
    random: (bytes: number) =>
      `left(repeat(replace(gen_random_uuid()::text, '-', ''), ${bytes}), ${bytes * 2})`,
  },
} as const;

function fillers(kind: StoreKind, count: number, tenantId: string, applicationId: string): string[] {
  const { numbers, random } = SPELLING[kind];
  const users = Math.ceil(count / TOKENS_A_USER);
  const now = Date.now();
  return [
    `INSERT INTO users (id, tenant_id, email_key, username_key, body)
     SELECT 'filler-' || i, '${tenantId}', 'filler-' || i || '@bench.example', NULL, '{}' FROM ${numbers(users)}`,
    `INSERT INTO refresh_tokens (id, tenant_id, user_id, application_id, lookup, sealed_value, sequence,
       start_instant, insert_instant, access_expires_instant, auth_time_seconds, authentication_type, meta_data)
     SELECT ${random(16)}, '${tenantId}', 'filler-' || (1 + i % ${users}), '${applicationId}', ${random(22)},
       ${random(60)}, 0, ${now}, ${now}, ${now}, 0, 'PASSWORD', '{"device":{},"scopes":[]}' FROM ${numbers(count)}`,
    'ANALYZE',
  ];
}

/** Puts so many refresh tokens of other users beside those that are used. */
export async function fill(
  { kind, address }: BenchDatabase,
  count: number,
  { tenantId, applicationId }: { readonly tenantId: string; readonly applicationId: string },
): Promise<void> {
  const statements = fillers(kind, count, tenantId, applicationId);
  if (kind === 'postgres') return await onPostgres(address, [...statements, 'CHECKPOINT']);
  const database = new DatabaseSync(address);
  for (const statement of statements) database.exec(statement);
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
}
