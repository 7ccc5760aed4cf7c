/** `countersign serve` as a process of its own, with its signals, its output and its exit code. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
/** Between two looks at something that a process does in its own time. */
const POLL_MS = 10;

export interface ServeProcess {
  readonly pid: number;
  /** Origins from the log line `Listening`. Rejects where the process ends before it. */
  listening(): Promise<{ readonly proxy: string; readonly ops: string }>;
  /** Log lines so far, parsed. */
  log(): Record<string, unknown>[];
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  /** The exit code; null where a signal ended it. */
  exit(): Promise<number | null>;
}

/**
 * `args` after `serve`. `env` is the whole environment. `openFilesMax`: as `ulimit -n` sets it. End every process with
 * a signal, or await its exit.
 */
export function serveProcess(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  openFilesMax: number | 'unlimited' = 'unlimited',
): ServeProcess {
  const command = [process.execPath, MAIN, 'serve', ...args];
  const limited = ['-c', 'ulimit -n "$0" && exec "$@"', String(openFilesMax), ...command];
  const [file = '', ...rest] = openFilesMax === 'unlimited' ? command : ['/bin/sh', ...limited];
  const child = spawn(file, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  const exited = exitOf(child);
  const log = () => output.stdout.split('\n').slice(0, -1).map(parseLine);
  const listening = async () => {
    const find = () => log().find(({ msg }) => msg === 'Listening');
    await Promise.race([until(() => find() !== undefined), exited]);
    const line = find();
    if (line === undefined) throw new Error(`ended before it listened: ${output.stdout}${output.stderr}`);
    return { proxy: String(line['proxy']), ops: String(line['ops']) };
  };
  return {
    pid: child.pid ?? 0,
    listening,
    log,
    stderr: () => output.stderr,
    kill: (signal) => void child.kill(signal),
    exit: () => exited,
  };
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
}

function parseLine(line: string): Record<string, unknown> {
  return JSON.parse(line);
}

/** Resolves when the condition holds. What never holds ends with the time limit of the test. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(POLL_MS);
}
