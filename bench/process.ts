/** Child processes pinned to one core, so that the proxy under test never shares its core with what drives it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { atExit, pause } from '../test/support/endings.ts';

/** The proxy has core 0 to itself; load and upstream share the other one. */
export const CORES = { proxy: 0, load: Math.min(1, availableParallelism() - 1) } as const;

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const KNOWN = new Map<string, boolean>();

/** True where the program is installed. */
export function has(program: string): boolean {
  const known = KNOWN.get(program);
  if (known !== undefined) return known;
  const found = versionLine('sh', ['-c', `command -v ${program}`]) !== null;
  KNOWN.set(program, found);
  return found;
}

/** First line with text of what the program prints, on either stream; null where it cannot be run. */
export function versionLine(file: string, args: readonly string[]): string | null {
  try {
    const text = execFileSync('sh', ['-c', '"$0" "$@" 2>&1', file, ...args], { encoding: 'utf8' });
    return text.split('\n').find((line) => line.trim() !== '') ?? '';
  } catch {
    return null;
  }
}

function pinned({ file, args }: Command, core: number): [string, string[]] {
  return has('taskset') ? ['taskset', ['-c', `${core}`, file, ...args]] : [file, [...args]];
}

/** For an end by SIGTERM, in which nginx takes its workers along. */
const END_MS = 300;

const RUNNING = new Set<ChildProcess>();
atExit(() => {
  if (RUNNING.size === 0) return;
  for (const child of RUNNING) child.kill('SIGTERM');
  pause(END_MS);
  for (const child of RUNNING) child.kill('SIGKILL');
});

/** Ends with the bench. */
function running<Child extends ChildProcess>(child: Child): Child {
  RUNNING.add(child);
  child.once('exit', () => RUNNING.delete(child));
  return child;
}

/** Starts a server that does not outlive the bench; its output goes to a file. */
export function start(command: Command, core: number, logFile: string): ChildProcess {
  const [file, args] = pinned(command, core);
  const log = openSync(logFile, 'a');
  return running(spawn(file, args, { stdio: ['ignore', log, log], env: { ...process.env, ...command.env } }));
}

const STOP_MS = 10_000; // more than any peer takes to finish its requests

export function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    child.once('exit', () => {
      clearTimeout(kill);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

/** What a program prints until its end. Rejects where it fails. */
export function outputOf(command: Command, core: number): Promise<string> {
  const [file, args] = pinned(command, core);
  const env = { ...process.env, ...command.env };
  const child = running(spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env }));
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command.file} ended with ${code}:\n${output}`));
    });
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
