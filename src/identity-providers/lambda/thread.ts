/** One thread that runs lambdas: started, given one call at a time, told to stop it, and killed where it does not. */
import { Worker } from 'node:worker_threads';
import { type Scheduler, SECOND_MS } from '../../core/time.ts';
import {
  type LambdaAnswer,
  type LambdaCall,
  type LambdaReading,
  READY,
  stopped,
  type ThreadSettings,
} from './protocol.ts';

export interface ThreadOptions {
  /** Of one call, from its start in the thread. */
  readonly timeoutMs: number;
  /** Of one run, the interpreter included; at least 16 MiB. */
  readonly memoryBytes: number;
  readonly schedule: Scheduler;
}

/** Beside the source in development, beside the compiled file in the package: `.ts` or `.js`. */
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

/** The interpreter looks at the stop word every few milliseconds, except within one built-in function. */
const KILL_AFTER_MS = SECOND_MS / 4;

/** Of the thread's own heap and stack, in MiB; the interpreter's memory is not part of it. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 };

/** The thread ended by itself: a fault of ours, or of the machine. */
export class ThreadLostError extends Error {
  override readonly name = 'ThreadLostError';
}

interface Waiting {
  resolve(answer: LambdaAnswer): void;
  reject(error: Error): void;
}

/** Lives until it is closed, until a lambda had to be killed, or until it is lost. */
export class LambdaThread {
  readonly #options: ThreadOptions;
  readonly #worker: Worker;
  readonly #stopWord = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #ready: Promise<void>;
  #waiting: Waiting | null = null;
  #cancelTimer: () => void = () => undefined;
  #isEnded = false;

  constructor(options: ThreadOptions) {
    this.#options = options;
    const settings: ThreadSettings = { memoryBytes: options.memoryBytes, stop: this.#stopWord.buffer };
    this.#worker = new Worker(WORKER, {
      name: 'lambda',
      workerData: settings,
      env: {},
      execArgv: [],
      resourceLimits: RESOURCE_LIMITS,
    });
    this.#worker.unref();
    this.#ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: LambdaAnswer | typeof READY) => {
        if (message === READY) resolve();
        else this.#settle((waiting) => waiting.resolve(message));
      });
      const lost = (error: unknown) => {
        this.#isEnded = true;
        const loss = new ThreadLostError('The thread that runs lambdas ended', { cause: error });
        reject(loss);
        this.#settle((waiting) => waiting.reject(loss));
      };
      this.#worker.on('error', lost).on('exit', lost);
    });
    this.#ready.catch(() => undefined);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isBusy(): boolean {
    return this.#waiting !== null;
  }

  /** One at a time. @throws ThreadLostError */
  run(call: LambdaCall | LambdaReading): Promise<LambdaAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#ready.then(() => this.#begin(call), reject);
    });
  }

  async close(): Promise<void> {
    this.#isEnded = true;
    await this.#worker.terminate();
  }

  #begin(call: LambdaCall | LambdaReading): void {
    Atomics.store(this.#stopWord, 0, 0);
    this.#cancelTimer = this.#options.schedule(() => this.#stop(), this.#options.timeoutMs);
    this.#worker.postMessage(call);
  }

  #stop(): void {
    Atomics.store(this.#stopWord, 0, 1);
    this.#cancelTimer = this.#options.schedule(() => {
      const outcome = stopped('it runs too long and had to be killed');
      this.#settle((waiting) => waiting.resolve({ outcome, lines: [] }));
      void this.close();
    }, KILL_AFTER_MS);
  }

  #settle(how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    this.#cancelTimer();
    if (waiting !== null) how(waiting);
  }
}
