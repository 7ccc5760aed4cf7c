/** Calls of the API, and the load driver that makes them from the load's core. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

export interface CallResult {
  readonly requests: number;
  readonly seconds: number;
  /** Statuses of the answers that were not 200. */
  readonly refused: readonly number[];
  readonly p99Ms: number;
}

export function writeCalls(folder: string, name: string, calls: readonly Call[], rotates = false): Calls {
  const file = join(folder, `${name}.calls.json`);
  writeFileSync(file, JSON.stringify(calls), { mode: 0o600 });
  return { file, rotates };
}

/** @throws Error where a call was refused */
export async function makeCalls(
  origin: string,
  { file, rotates }: Calls,
  { connections, seconds }: { readonly connections: number; readonly seconds: number },
): Promise<CallResult> {
  const env = {
    BENCH_ORIGIN: origin,
    BENCH_CALLS: file,
    BENCH_ROTATES: rotates ? 'yes' : '',
    BENCH_CONNECTIONS: `${connections}`,
    BENCH_SECONDS: `${seconds}`,
  };
  const args = [join(import.meta.dirname, 'driver.ts')];
  const output = await outputOf({ file: process.execPath, args, env }, CORES.load);
  const result: CallResult = JSON.parse(output);
  const { requests, refused } = result;
  if (refused.length > 0 || requests === 0)
    throw new Error(
      `of ${requests} calls ${refused.length} were refused (${[...new Set(refused)].join(', ')})`,
    );
  return result;
}
