/** A histogram of prom-client's that counts by itself: its observe() looks labels up and checks them for each value. */
import { Histogram } from 'prom-client';

/** One line of the page. prom-client holds the labels of a series apart from the bound of a bucket. */
interface ExportedValue {
  readonly value: number;
  readonly metricName: string;
  readonly labels: Record<string, string | number>;
  readonly sharedLabels: Readonly<Record<string, string>>;
}

interface Exported {
  readonly name: string;
  readonly help: string;
  readonly type: 'histogram';
  /** How the values of several processes become one. */
  readonly aggregator: 'sum';
  readonly values: readonly ExportedValue[];
}

/** What prom-client takes for a histogram, as far as we use it. */
export interface HistogramShape {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly buckets: number[];
}

/** The values of one set of label values. */
export class HistogramSeries {
  readonly #bounds: readonly number[];
  /** By bucket, each without those below it. */
  readonly #counts: number[];
  #count = 0;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  /** @throws TypeError for what is no number */
  observe(value: number): void {
    if (!Number.isFinite(value)) throw new TypeError(`${value} is no value for a histogram`);
    this.#count += 1;
    this.#sum += value;
    const bounds = this.#bounds;
    for (let index = 0; index < bounds.length; index += 1) {
      if (value > (bounds[index] ?? Number.POSITIVE_INFINITY)) continue;
      this.#counts[index] = (this.#counts[index] ?? 0) + 1;
      return;
    }
  }

  /** As prom-client exports it: each bucket with those below it. */
  export(name: string, sharedLabels: Readonly<Record<string, string>>): ExportedValue[] {
    const value = (suffix: string, count: number, labels: Record<string, string | number> = {}) => ({
      value: count,
      metricName: `${name}_${suffix}`,
      labels,
      sharedLabels,
    });
    let below = 0;
    const buckets = this.#bounds.map((le, index) => {
      below += this.#counts[index] ?? 0;
      return value('bucket', below, { le });
    });
    const totals = [value('bucket', this.#count, { le: '+Inf' }), value('sum', this.#sum)];
    return [...buckets, ...totals, value('count', this.#count)];
  }
}

interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
  readonly series: HistogramSeries;
}

/** Registers itself nowhere. Exports what its series count, in the shape that prom-client's own would have. */
export class CountedHistogram extends Histogram {
  readonly #shape: HistogramShape;
  /** By label values. */
  readonly #all = new Map<string, Labelled>();

  constructor(shape: HistogramShape) {
    super({ ...shape, registers: [] });
    this.#shape = shape;
    // Without labels there is one series, and it is shown from the start.
    if (shape.labelNames.length === 0) this.open([]);
  }

  /** The series of these label values, in the order of the names: the same whenever it is asked for. */
  open(values: readonly string[]): HistogramSeries {
    const { labelNames, buckets } = this.#shape;
    const labels = Object.fromEntries(labelNames.map((name, index) => [name, values[index] ?? '']));
    const key = JSON.stringify(Object.values(labels));
    const known = this.#all.get(key);
    if (known !== undefined) return known.series;
    const series = new HistogramSeries(buckets);
    this.#all.set(key, { labels, series });
    return series;
  }

  /** What prom-client asks its own histograms for, for both its page and its values. */
  async getForPromString(): Promise<Exported> {
    const { name, help } = this.#shape;
    const values = [...this.#all.values()].flatMap(({ series, labels }) => series.export(name, labels));
    return { name, help, type: 'histogram', aggregator: 'sum', values };
  }
}
