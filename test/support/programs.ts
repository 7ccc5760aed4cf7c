/** Programs of the system that a test starts: found, started on a free port, and stopped by their own process ids. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** False, with a reason in the output, where the program is not installed. */
export function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' });
    return true;
  } catch {
    process.stdout.write(`skipped: ${program} is not installed, see .ci/run\n`);
    return false;
  }
}

/** A port of 127.0.0.1 that nobody had a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

export interface RunningProgram {
  /** What it has printed so far, on both streams. */
  output(): string;
  stop(): Promise<void>;
}

/** Between two looks at a port that is not open yet. */
const POLL_MS = 20;
/** A program that does not end by itself is killed. */
const STOP_MS = 3000;

/**
 * Resolves when the port accepts connections.
 *
 * @throws Error with its output where it ends before
 */
export async function startProgram(
  file: string,
  args: readonly string[],
  port: number,
): Promise<RunningProgram> {
  let output = '';
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  let isOver = false;
  const over = new Promise<void>((resolve) => {
    child.once('error', () => resolve()).once('close', () => resolve());
  }).then(() => {
    isOver = true;
  });
  while (!(await accepts(port))) {
    if (isOver) throw new Error(`${file} ended before it listened:\n${output}`);
    await delay(POLL_MS);
  }
  return { output: () => output, stop: () => stop(child, over) };
}

async function stop(child: ChildProcess, over: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await over;
  clearTimeout(kill);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
