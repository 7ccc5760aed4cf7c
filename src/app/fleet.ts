/** The workers of one supervisor: started together, replaced one by one when they end, stopped together. */
import type { Scheduler } from '../core/time.ts';
import { SECOND_MS } from '../core/time.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Origins } from './lifecycle.ts';
import { LinkClosedError } from './link.ts';
import type { StartOrder } from './worker-calls.ts';
import type { WorkerEnd, WorkerProcess } from './worker-process.ts';

export interface FleetOptions {
  readonly count: number;
  /** `onLeave`: the worker says that it is about to end. */
  readonly fork: (onLeave: () => void) => WorkerProcess;
  /** What a worker that starts now is to use. */
  readonly orderFor: (number: number) => StartOrder;
  /** Runs starts and reloads one after another: a worker never begins with what is being replaced. */
  readonly inTurn: <T>(task: () => Promise<T>) => Promise<T>;
  readonly clock: () => number;
  readonly schedule: Scheduler;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** A start parses the configuration and waits for no issuer; longer means that it hangs. */
const START_MS = 60 * SECOND_MS;
const BACK_OFF_MS_MIN = 100;
const BACK_OFF_MS_MAX = 30 * SECOND_MS;
/** A worker that served so long did not end because of how it starts. */
const LIVED_WELL_MS = 10 * SECOND_MS;
/** Between the answer to `stop` and the end of a process. */
const END_MS = 2 * SECOND_MS;

interface Place {
  readonly number: number;
  /** Null while nobody serves there. */
  worker: WorkerProcess | null;
  servesSinceMs: number;
  /** Ends in a row, each soon after the start. */
  failures: number;
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #places: readonly Place[];
  /** Every process that has not ended, those that are about to included. */
  readonly #processes = new Set<WorkerProcess>();
  readonly #endListeners: ((worker: WorkerProcess) => void)[] = [];
  /** Ends count from when all have started: before, one is the failure of the start. */
  #isReplacing = false;
  #isStopping = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#places = Array.from({ length: options.count }, (_, index) => ({
      number: index + 1,
      worker: null,
      servesSinceMs: 0,
      failures: 0,
    }));
  }

  /** Returns the origins, the same of all. @throws Error for the first worker that cannot serve; all are ended then */
  async start(): Promise<Origins> {
    const starts = this.#places.map((place) => this.#startAt(place));
    try {
      const [origins = { proxy: '', api: null }] = await Promise.all(starts);
      const [lost] = this.missing();
      if (lost !== undefined) throw new Error(`worker ${lost} ended while the others started`);
      this.#isReplacing = true;
      return origins;
    } catch (error) {
      this.#isStopping = true;
      for (const { kill } of this.#processes) kill();
      await Promise.allSettled([...starts, ...this.#endings()]);
      throw error;
    }
  }

  /** Those that serve, with their numbers. */
  serving(): { readonly number: number; readonly worker: WorkerProcess }[] {
    return this.#places.flatMap(({ number, worker }) => (worker === null ? [] : [{ number, worker }]));
  }

  /** Numbers of the workers that are being replaced. */
  missing(): number[] {
    return this.#places.filter(({ worker }) => worker === null).map(({ number }) => number);
  }

  /** Called when a process is gone, whatever the reason. */
  onEnd(listener: (worker: WorkerProcess) => void): void {
    this.#endListeners.push(listener);
  }

  /** Lets all finish what is running for `graceMs`, then ends what is left. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    const stops = [...this.#processes].map(({ link }) => link.call('stop', null, graceMs + END_MS));
    await Promise.allSettled(stops);
    const cut = setTimeout(() => {
      for (const { kill } of this.#processes) kill();
    }, END_MS);
    await Promise.all(this.#endings());
    clearTimeout(cut);
  }

  #endings(): Promise<WorkerEnd>[] {
    return [...this.#processes].map(({ ended }) => ended);
  }

  async #startAt(place: Place): Promise<Origins> {
    const { fork, orderFor, clock, log } = this.#options;
    const { number } = place;
    const worker: WorkerProcess = fork(() =>
      this.#lost(place, worker, { cause: 'defect', text: 'a defect' }),
    );
    this.#processes.add(worker);
    const ended = worker.ended.then((end) => this.#onEnded(place, worker, end));
    try {
      const origins = await worker.link.call('start', orderFor(number), START_MS);
      place.worker = worker;
      place.servesSinceMs = clock();
      this.#show();
      log.info('A worker serves', { worker: number, pid: worker.pid });
      return origins;
    } catch (error) {
      worker.kill();
      await ended;
      if (!(error instanceof LinkClosedError)) throw error;
      const { text } = await worker.ended;
      throw new Error(`worker ${number} ended before it served: ${text}`, { cause: error });
    }
  }

  #onEnded(place: Place, worker: WorkerProcess, end: WorkerEnd): void {
    this.#processes.delete(worker);
    for (const listener of this.#endListeners) listener(worker);
    this.#lost(place, worker, end);
  }

  /** Nobody serves at the place any more: said once for each worker, by its own word or by its end. */
  #lost(
    place: Place,
    worker: WorkerProcess,
    { cause, text }: { readonly cause: WorkerEnd['cause'] | 'defect'; readonly text: string },
  ): void {
    const { log, metrics, clock } = this.#options;
    if (place.worker !== worker) return;
    place.worker = null;
    this.#show();
    if (!this.#isReplacing || this.#isStopping) return;
    metrics.add('worker_ends_total', [cause]);
    log.error('A worker ended and is replaced', { worker: place.number, pid: worker.pid, cause: text });
    if (clock() - place.servesSinceMs >= LIVED_WELL_MS) place.failures = 0;
    this.#replaceLater(place);
  }

  #replaceLater(place: Place): void {
    const { schedule, inTurn } = this.#options;
    place.failures += 1;
    schedule(() => void inTurn(() => this.#replace(place)), backOffMs(place.failures));
  }

  async #replace(place: Place): Promise<void> {
    if (this.#isStopping) return;
    try {
      await this.#startAt(place);
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      this.#options.log.error('A worker could not be replaced', { worker: place.number, cause });
      this.#replaceLater(place);
    }
  }

  #show(): void {
    this.#options.metrics.set('workers', this.serving().length);
  }
}

/** 100 ms, doubled with each failure up to 30 s. `failures` from 1. */
export function backOffMs(failures: number): number {
  return Math.min(BACK_OFF_MS_MAX, BACK_OFF_MS_MIN * 2 ** Math.min(failures - 1, 10));
}
