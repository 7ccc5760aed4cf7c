/** Load on one proxy, from a process pinned to the load core: wrk where it is installed, our own driver otherwise. */
import { join } from 'node:path';
import { CORES, has, outputOf } from '../process.ts';

export interface Load {
  readonly origin: string;
  /** File of requests, cycled through: `METHOD PATH [TOKEN]` a line. */
  readonly requests: string;
  readonly connections: number;
  readonly seconds: number;
  /** Index of the first request. */
  readonly offset?: number;
  readonly bodyBytes?: number;
  /** Requests a second, whether or not answers come; absent: each connection as fast as it is answered. */
  readonly perSecond?: number;
  /** Of `seconds`: what is sent in them is not counted. Only with `perSecond`. */
  readonly warmUpSeconds?: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Answers from 400 on. */
  readonly refused: number;
  /** Connections and requests that failed. */
  readonly broken: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** wrk counts a request without an answer for so long as broken: longer than the slowest peer takes on 500 connections. */
const TIMEOUT_SECONDS = 30;

/** The fastest driver there is; wrk knows no rates. */
export function driverName(): string {
  return has('wrk')
    ? 'wrk'
    : 'bench/load/driver.ts (wrk is not installed: fast peers are limited by the driver)';
}

export async function drive(load: Load): Promise<LoadResult> {
  const { origin, connections, seconds } = load;
  const env = {
    BENCH_ORIGIN: origin,
    BENCH_REQUESTS: load.requests,
    BENCH_CONNECTIONS: `${connections}`,
    BENCH_SECONDS: `${seconds}`,
    BENCH_OFFSET: `${load.offset ?? 0}`,
    BENCH_BODY_BYTES: `${load.bodyBytes ?? 0}`,
    BENCH_RATE: `${load.perSecond ?? 0}`,
    BENCH_WARM_UP_SECONDS: `${load.warmUpSeconds ?? 0}`,
  };
  const isWrk = load.perSecond === undefined && has('wrk');
  const script = join(import.meta.dirname, 'wrk.lua');
  const limits = [`-c${connections}`, `-d${seconds}s`, `--timeout=${TIMEOUT_SECONDS}s`];
  const wrk = ['-t1', ...limits, '-s', script, origin];
  const command = isWrk
    ? { file: 'wrk', args: wrk, env }
    : { file: process.execPath, args: [join(import.meta.dirname, 'driver.ts')], env };
  return resultOf(await outputOf(command, CORES.load));
}

function resultOf(output: string): LoadResult {
  const line = output.split('\n').find((one) => one.startsWith('RESULT '));
  if (line === undefined) throw new Error(`the load driver gave no result:\n${output}`);
  return JSON.parse(line.slice('RESULT '.length));
}
