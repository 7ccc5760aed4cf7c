/** Where lambdas run: a few threads, started when they are needed, and a queue with an end before them. */
import { SECOND_MS } from '../../core/time.ts';
import type { LambdaAnswer, LambdaCall, LambdaReading } from './protocol.ts';
import { LambdaThread, type ThreadOptions } from './thread.ts';

export interface SandboxOptions extends ThreadOptions {
  /** Threads at most; 2 unless given, so that one lambda that loops does not hold up all others. */
  readonly threads?: number;
}

/** More lambdas wait than will have their turn in time. */
export class SandboxBusyError extends Error {
  override readonly name = 'SandboxBusyError';
}

export interface Sandbox {
  /** @throws SandboxBusyError; ThreadLostError for a fault that is not the lambda's */
  run(call: LambdaCall | LambdaReading): Promise<LambdaAnswer>;
  /** Ends what runs; it is lost. */
  close(): Promise<void>;
}

const THREADS = 2;
/** Calls that wait. Each holds its arguments, of at most 512 Ki characters. */
const QUEUE_MAX = 100;
/** Longer than it takes two looping lambdas to be stopped; callers do not wait for ever behind them. */
const QUEUE_WAIT_MS = 5 * SECOND_MS;

interface Queued {
  start(thread: LambdaThread): void;
  refuse(): void;
}

export function createSandbox(options: SandboxOptions): Sandbox {
  const threadsMax = options.threads ?? THREADS;
  const queue = new Set<Queued>();
  let threads: LambdaThread[] = [];
  let isClosed = false;

  function idleThread(): LambdaThread | null {
    threads = threads.filter(({ isEnded }) => !isEnded);
    const idle = threads.find(({ isBusy }) => !isBusy);
    if (idle !== undefined || threads.length >= threadsMax) return idle ?? null;
    const started = new LambdaThread(options);
    threads.push(started);
    return started;
  }

  function startNext(): void {
    const [next] = queue;
    const thread = next === undefined ? null : idleThread();
    if (next === undefined || thread === null) return;
    queue.delete(next);
    next.start(thread);
  }

  /** Takes the thread at once, before anything else can. */
  const runOn = (thread: LambdaThread, call: LambdaCall | LambdaReading) =>
    thread.run(call).finally(startNext);

  function waitFor(call: LambdaCall | LambdaReading): Promise<LambdaAnswer> {
    return new Promise((resolve, reject) => {
      const queued: Queued = {
        start(thread) {
          cancel();
          resolve(runOn(thread, call));
        },
        refuse() {
          cancel();
          queue.delete(queued);
          reject(new SandboxBusyError('No thread became free for a lambda in time'));
        },
      };
      const cancel = options.schedule(queued.refuse, QUEUE_WAIT_MS);
      queue.add(queued);
    });
  }

  return {
    async run(call) {
      if (isClosed) throw new SandboxBusyError('No lambda is begun any more');
      const idle = queue.size === 0 ? idleThread() : null;
      if (idle !== null) return await runOn(idle, call);
      if (queue.size >= QUEUE_MAX) throw new SandboxBusyError('Too many lambdas wait');
      return await waitFor(call);
    },
    async close() {
      isClosed = true;
      for (const queued of queue) queued.refuse();
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}
