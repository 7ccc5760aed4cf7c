/**
 * Our own load driver, run as a process: where wrk cannot be had, and where requests must come at a given rate. Reads
 * what to do from the environment (see load.ts) and prints one line of JSON, as wrk.lua does.
 */
import { readFileSync } from 'node:fs';
import { type Dispatcher, Pool } from 'undici';
import { percentile } from '../stats.ts';

const { env } = process;
const number = (name: string) => Number(env[name] ?? '0');
const bodyBytes = number('BENCH_BODY_BYTES');
const body = bodyBytes > 0 ? Buffer.alloc(bodyBytes, 'x') : null;
const prepared = readFileSync(env['BENCH_REQUESTS'] ?? '', 'utf8')
  .trimEnd()
  .split('\n')
  .map(optionsOf);
const pool = new Pool(env['BENCH_ORIGIN'] ?? '', { connections: number('BENCH_CONNECTIONS'), pipelining: 1 });
const latenciesMs: number[] = [];
const startMs = performance.now();
/** A driver that was just started spends its time on compiling itself. */
const countedFromMs = startMs + number('BENCH_WARM_UP_SECONDS') * 1000;
let position = number('BENCH_OFFSET');
let refused = 0;
let broken = 0;

function optionsOf(line: string): Dispatcher.DispatchOptions {
  const [method, path = '/', token = ''] = line.split(' ');
  const headers = token === '' ? [] : ['Authorization', `Bearer ${token}`];
  return { method: method === 'POST' ? 'POST' : 'GET', path, headers, body };
}

/** Resolves when the answer has been read. */
function send(): Promise<void> {
  const options = prepared[position++ % prepared.length];
  const sentAtMs = performance.now();
  return new Promise((resolve) => {
    const finish = () => {
      if (sentAtMs >= countedFromMs) latenciesMs.push(performance.now() - sentAtMs);
      resolve();
    };
    pool.dispatch(options ?? { method: 'GET', path: '/' }, {
      onRequestStart: () => undefined,
      onResponseStart: (_controller, status) => {
        if (status >= 400) refused += 1;
      },
      onResponseData: () => undefined,
      onResponseEnd: finish,
      onResponseError: () => {
        broken += 1;
        finish();
      },
    });
  });
}

const PACE_MS = 1; // the resolution of timers

/** Each connection sends its next request when it has its answer. */
async function asFastAsAnswered(untilMs: number): Promise<void> {
  const one = async () => {
    while (performance.now() < untilMs) await send();
  };
  await Promise.all(Array.from({ length: number('BENCH_CONNECTIONS') }, one));
}

/** Requests leave on time, whether or not the ones before them were answered. */
async function paced(untilMs: number, perSecond: number): Promise<void> {
  const open: Promise<void>[] = [];
  while (performance.now() < untilMs) {
    const due = ((performance.now() - startMs) * perSecond) / 1000;
    while (open.length < due) open.push(send());
    await new Promise((resolve) => setTimeout(resolve, PACE_MS));
  }
  await Promise.all(open);
}

const untilMs = startMs + number('BENCH_SECONDS') * 1000;
const perSecond = number('BENCH_RATE');
await (perSecond > 0 ? paced(untilMs, perSecond) : asFastAsAnswered(untilMs));
const seconds = (performance.now() - startMs) / 1000;
await pool.destroy();
const [p50Ms, p99Ms] = [0.5, 0.99].map((share) => percentile(latenciesMs, share));
console.log(
  `RESULT ${JSON.stringify({ requests: latenciesMs.length, seconds, refused, broken, p50Ms, p99Ms })}`,
);
