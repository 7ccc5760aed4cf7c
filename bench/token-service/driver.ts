/**
 * The load driver of the API, run as a process: each connection makes its next call when it has its answer. Writes the
 * calls back as they stand at the end, and prints one line of JSON, see calls.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Pool } from 'undici';
import { percentile } from '../stats.ts';
import type { Call } from './calls.ts';

const { BENCH_ORIGIN = '', BENCH_CALLS = '', BENCH_ROTATES, BENCH_CONNECTIONS, BENCH_SECONDS } = process.env;
const connections = Number(BENCH_CONNECTIONS);
const pool = new Pool(BENCH_ORIGIN, { connections, pipelining: 1 });
const waiting: Call[] = JSON.parse(readFileSync(BENCH_CALLS, 'utf8'));
if (waiting.length < connections) throw new Error('fewer calls than connections');
const latenciesMs: number[] = [];
/** Statuses other than 200. */
const refused: number[] = [];

async function make(call: Call): Promise<Call> {
  const { method, path, headers, body } = call;
  const startMs = performance.now();
  const response = await pool.request({
    method,
    path,
    headers: body === undefined ? headers : { ...headers, 'Content-Type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.body.text();
  latenciesMs.push(performance.now() - startMs);
  if (response.statusCode !== 200) refused.push(response.statusCode);
  if (BENCH_ROTATES === '' || response.statusCode !== 200) return call;
  const { refreshToken }: { refreshToken: string } = JSON.parse(text);
  return { ...call, body: { ...body, refreshToken } };
}

async function connection(untilMs: number): Promise<void> {
  while (performance.now() < untilMs) {
    const call = waiting.shift();
    if (call !== undefined) waiting.push(await make(call));
  }
}

const startMs = performance.now();
const untilMs = startMs + Number(BENCH_SECONDS) * 1000;
await Promise.all(Array.from({ length: connections }, () => connection(untilMs)));
const seconds = (performance.now() - startMs) / 1000;
await pool.destroy();
writeFileSync(BENCH_CALLS, JSON.stringify(waiting), { mode: 0o600 });
console.log(
  JSON.stringify({ requests: latenciesMs.length, seconds, refused, p99Ms: percentile(latenciesMs, 0.99) }),
);
