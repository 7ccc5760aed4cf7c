/** One worker as its supervisor sees it: a process with a link to it, log lines that come out of it, and an end. */
import cluster, { type Worker } from 'node:cluster';
import { extname, join } from 'node:path';
import type { Environment } from './configuration.ts';
import { type Channel, createLink, type Link } from './link.ts';
import { wholeLines } from './whole-lines.ts';
import type { SupervisorCalls, WorkerCalls } from './worker-calls.ts';

/** How a worker ended, as a label of a metric, and in words. */
export interface WorkerEnd {
  readonly cause: 'exit' | 'signal';
  readonly text: string;
}

export interface WorkerProcess {
  /** Never given twice. */
  readonly id: number;
  readonly pid: number;
  readonly link: Link<WorkerCalls>;
  /** Resolves when the process is gone and its last line was read. */
  readonly ended: Promise<WorkerEnd>;
  /** At once, with what runs in it. */
  kill(): void;
}

export interface WorkerProcessOptions {
  readonly calls: (id: number) => SupervisorCalls;
  /** Whole log lines. */
  readonly onLines: (lines: string) => void;
}

/** Tells our workers from processes that a process manager runs as workers of its own. */
const WORKER_MARK = 'COUNTERSIGN_WORKER';

/** True in a process that a supervisor of ours has started. */
export function isWorkerProcess(environment: Environment): boolean {
  return cluster.isWorker && environment[WORKER_MARK] === '1';
}

/** Beside this folder, as source or built. */
const PROGRAM = join(import.meta.dirname, `../main${extname(import.meta.filename)}`);

/** @throws Error where this process is a worker of somebody else's cluster, and so cannot have any */
export function forkWorker({ calls, onLines }: WorkerProcessOptions): WorkerProcess {
  if (!cluster.isPrimary)
    throw new Error(
      'workers: this process was started by a cluster of node: set workers: 1, or start it by itself',
    );
  cluster.setupPrimary({
    exec: PROGRAM,
    args: ['serve'],
    serialization: 'advanced',
    // Lines of several processes on one pipe would be torn: they go through this process.
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const worker = cluster.fork({ [WORKER_MARK]: '1' });
  const { process: child, id } = worker;
  // The half line that a killed process leaves is dropped: it is no JSON.
  child.stdout?.setEncoding('utf8').on('data', wholeLines(onLines));
  const ended = new Promise<WorkerEnd>((resolve) => {
    child.once('error', ({ message }) => resolve({ cause: 'exit', text: message }));
    child.once('close', (code, signal) => resolve(endOf(code, signal)));
  });
  return {
    id,
    pid: child.pid ?? 0,
    link: createLink<WorkerCalls>(channelTo(worker), calls(id)),
    ended,
    kill: () => void child.kill('SIGKILL'),
  };
}

function endOf(code: number | null, signal: NodeJS.Signals | null): WorkerEnd {
  return signal === null
    ? { cause: 'exit', text: `exit code ${code}` }
    : { cause: 'signal', text: `signal ${signal}` };
}

function channelTo(worker: Worker): Channel {
  return {
    send: (message, onFailed) => {
      if (!worker.isConnected()) onFailed();
      else worker.process.send(message, (error) => error !== null && onFailed());
    },
    onMessage: (listener) => void worker.on('message', listener),
    onClosed: (listener) => void worker.on('disconnect', listener),
  };
}
