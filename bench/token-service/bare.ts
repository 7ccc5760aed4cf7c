/**
 * What an operation's signatures and its commit cost alone, run as a process on the proxy's core: no HTTP, no JSON, no
 * look-up. Commits are gathered as ours are, 64 on SQLite, ten connections on PostgreSQL, and as durable. Prints JSON.
 */
import { createPrivateKey, createPublicKey, randomUUID, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { STATEMENTS, type Statement } from './bare-statements.ts';

const { BENCH_OPERATION = '', BENCH_KIND, BENCH_ADDRESS = '', BENCH_TOKEN = '', BENCH_SECONDS } = process.env;
const publicKey = createPublicKey(readFileSync(process.env['BENCH_PUBLIC_KEY'] ?? ''));
const privateKey = createPrivateKey(readFileSync(process.env['BENCH_PRIVATE_KEY'] ?? ''));
const dot = BENCH_TOKEN.lastIndexOf('.');
const signed = Buffer.from(BENCH_TOKEN.slice(0, dot));
const signature = Buffer.from(BENCH_TOKEN.slice(dot + 1), 'base64url');

const VERIFIES = ['validate', 'reconcile'];
const SIGNS = ['vend', 'refresh-touch', 'refresh-rotate', 'reconcile'];

function cryptography(): void {
  if (VERIFIES.includes(BENCH_OPERATION) && !verify('sha256', signed, publicKey, signature))
    throw new Error('the token does not verify');
  if (SIGNS.includes(BENCH_OPERATION)) sign('sha256', signed, privateKey);
}

const statements: readonly Statement[] = STATEMENTS[BENCH_OPERATION] ?? [];
/** Each operation is about another row, made before anything is measured. */
const ROWS = 256;
const rows = Array.from({ length: ROWS }, () => randomUUID());
let done = 0;
const nextRow = () => rows[done++ % ROWS] ?? '';

type Run = (untilMs: number) => Promise<void> | void;

function withoutDatabase(untilMs: number): void {
  for (; performance.now() < untilMs; done += 1) cryptography();
}

const GROUP = 64;

function openSqlite(): Run {
  const database = new DatabaseSync(BENCH_ADDRESS, { timeout: 5000 });
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
  const prepared = (all: readonly Statement[]) =>
    all.map(({ sql, values }) => ({ run: database.prepare(sql.replace(/\$(\d+)/g, '?$1')), values }));
  const setUp = prepared(STATEMENTS['set-up'] ?? []);
  for (const row of rows) for (const { run, values } of setUp) run.run(...values(row));
  const own = prepared(statements);
  return (untilMs) => {
    while (performance.now() < untilMs) {
      database.exec('BEGIN IMMEDIATE');
      for (let count = 0; count < GROUP; count += 1) {
        cryptography();
        const row = nextRow();
        for (const { run, values } of own) run.run(...values(row));
      }
      database.exec('COMMIT');
    }
  };
}

const CONNECTIONS = 10;

async function openPostgres(): Promise<Run> {
  const open = async () => {
    const client = new pg.Client({ connectionString: BENCH_ADDRESS });
    await client.connect();
    return client;
  };
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, open));
  const run = async (client: pg.Client, all: readonly Statement[], row: string) => {
    for (const { name, sql, values } of all)
      await client.query({ name, text: sql, values: [...values(row)] });
  };
  for (const row of rows) await run(clients[0] ?? (await open()), STATEMENTS['set-up'] ?? [], row);
  const one = async (client: pg.Client, untilMs: number) => {
    while (performance.now() < untilMs) {
      cryptography();
      if (statements.length > 1) await client.query('BEGIN');
      await run(client, statements, nextRow());
      if (statements.length > 1) await client.query('COMMIT');
    }
  };
  return async (untilMs) => void (await Promise.all(clients.map((client) => one(client, untilMs))));
}

async function open(): Promise<Run> {
  if (statements.length === 0) return withoutDatabase;
  return BENCH_KIND === 'postgres' ? await openPostgres() : openSqlite();
}

const WARM_UP_MS = 200;
const run = await open();
await run(performance.now() + WARM_UP_MS);
done = 0;
const startMs = performance.now();
const cpuBefore = process.cpuUsage();
await run(startMs + Number(BENCH_SECONDS) * 1000);
const { user, system } = process.cpuUsage(cpuBefore);
const seconds = (performance.now() - startMs) / 1000;
console.log(JSON.stringify({ rate: done / seconds, cpuUs: (user + system) / done }));
process.exit();
