/** Calls of the API, and the load driver that makes them from the load's core. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drive } from '../load/load.ts';
import { CORES, outputOf } from '../process.ts';

export interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: Readonly<Record<string, unknown>>;
}

/** A file of calls, used in turn; none is under way twice at once. */
export interface Calls {
  readonly file: string;
  /** Each answer's `refreshToken` is what the call sends next time. */
  readonly rotates: boolean;
}

/** Calls that are cheaper than our own driver is, as the fastest driver there is takes them (load/load.ts). */
export interface PlainCalls {
  /** A file, `GET PATH TOKEN` a line. */
  readonly requests: string;
  /** How many were sent: the next run goes on behind them, and meets no token of the last one too early. */
  sent: number;
}

export interface CallResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p99Ms: number;
}

export function writeCalls(folder: string, name: string, calls: readonly Call[], rotates = false): Calls {
  const file = join(folder, `${name}.calls.json`);
  writeFileSync(file, JSON.stringify(calls), { mode: 0o600 });
  return { file, rotates };
}

export function writePlainCalls(
  folder: string,
  name: string,
  path: string,
  tokens: readonly string[],
): PlainCalls {
  const requests = join(folder, `${name}.requests`);
  writeFileSync(requests, tokens.map((token) => `GET ${path} ${token}\n`).join(''), { mode: 0o600 });
  return { requests, sent: 0 };
}

interface Effort {
  readonly connections: number;
  readonly seconds: number;
}

/** @throws Error where a call was refused */
export async function makeCalls(
  origin: string,
  calls: Calls | PlainCalls,
  effort: Effort,
): Promise<CallResult> {
  return 'requests' in calls ? await driven(origin, calls, effort) : await made(origin, calls, effort);
}

async function driven(origin: string, calls: PlainCalls, effort: Effort): Promise<CallResult> {
  const { requests, sent } = calls;
  const result = await drive({ origin, requests, offset: sent, ...effort });
  calls.sent = sent + result.requests + effort.connections;
  const failed = result.refused + result.broken;
  if (failed > 0 || result.requests === 0)
    throw new Error(`of ${result.requests} calls ${failed} were refused or broken`);
  return result;
}

/** What driver.ts prints. */
interface Made extends CallResult {
  /** Statuses of the answers that were not 200. */
  readonly refused: readonly number[];
}

async function made(origin: string, { file, rotates }: Calls, effort: Effort): Promise<CallResult> {
  const env = {
    BENCH_ORIGIN: origin,
    BENCH_CALLS: file,
    BENCH_ROTATES: rotates ? 'yes' : '',
    BENCH_CONNECTIONS: `${effort.connections}`,
    BENCH_SECONDS: `${effort.seconds}`,
  };
  const args = [join(import.meta.dirname, 'driver.ts')];
  const output = await outputOf({ file: process.execPath, args, env }, CORES.load);
  const result: Made = JSON.parse(output);
  const { requests, refused } = result;
  if (refused.length > 0 || requests === 0)
    throw new Error(
      `of ${requests} calls ${refused.length} were refused (${[...new Set(refused)].join(', ')})`,
    );
  return result;
}
