/** One page of metrics for a supervisor and its workers, on which no counter ever falls. */
import { type MetricValues, mergedScrape, mergedTotals, type Scrape } from '../telemetry/merged-metrics.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Fleet } from './fleet.ts';
import type { WorkerProcess } from './worker-process.ts';

/** A worker that does not answer in time is shown as it was seen last. */
const ANSWER_MS = 2000;

export class FleetMetrics {
  readonly #own: Metrics;
  readonly #fleet: Pick<Fleet, 'serving'>;
  /** As each process was seen last. */
  readonly #seen = new Map<WorkerProcess, MetricValues>();
  /** Totals of those that have ended: without them, sums would fall and look like a new start. */
  #departed: Promise<MetricValues> = Promise.resolve([]);

  constructor(own: Metrics, fleet: Pick<Fleet, 'serving' | 'onEnd'>) {
    this.#own = own;
    this.#fleet = fleet;
    fleet.onEnd((worker) => this.#depart(worker));
  }

  async scrape(): Promise<Scrape> {
    await Promise.all(this.#fleet.serving().map(({ worker }) => this.#look(worker)));
    return await mergedScrape([await this.#own.export(), ...this.#seen.values(), await this.#departed]);
  }

  async #look(worker: WorkerProcess): Promise<void> {
    const values = await worker.link.call('metrics', null, ANSWER_MS).catch(() => null);
    const isServing = this.#fleet.serving().some((one) => one.worker === worker);
    if (values !== null && isServing) this.#seen.set(worker, values);
  }

  #depart(worker: WorkerProcess): void {
    const last = this.#seen.get(worker);
    if (!this.#seen.delete(worker) || last === undefined) return;
    this.#departed = this.#departed.then((before) => mergedTotals([before, last]));
  }
}
