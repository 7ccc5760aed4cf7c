/** Collectors made from the metric table, with look-ups cheap enough for every request. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type MetricValues, type Scrape, scrapeOf } from './merged-metrics.ts';
import { METRICS, type MetricName, metricName, metricRow } from './metric-table.ts';

export interface Metrics {
  /** Adds to a counter or gauge. Label values in the order of the table. */
  add(name: MetricName, labels?: readonly string[], amount?: number): void;
  /** Sets a gauge. */
  set(name: MetricName, value: number, labels?: readonly string[]): void;
  /** Forgets the series of a gauge: what it mirrored may be gone. */
  clear(name: MetricName): void;
  /** Records a value in a histogram. */
  observe(name: MetricName, value: number, labels?: readonly string[]): void;
  /** Called before each scrape, to set gauges that mirror state. */
  onScrape(update: () => void): void;
  scrape(): Promise<Scrape>;
  /** The same as values, to be merged with those of other processes. */
  export(): Promise<MetricValues>;
}

type Series = {
  inc?: (amount: number) => void;
  set?: (value: number) => void;
  observe?: (value: number) => void;
};

interface Collector {
  reset(): void;
  labels(...values: string[]): Series;
}

/** Series by one label value after the other: a request finds its own without a key being put together. */
interface Branch {
  readonly next: Map<string, Branch>;
  series: Series | null;
}

function newBranch(): Branch {
  return { next: new Map(), series: null };
}

function grow({ next }: Branch, label: string): Branch {
  const branch = newBranch();
  next.set(label, branch);
  return branch;
}

export function createMetrics(prefix: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const names = Object.keys(METRICS) as MetricName[];
  const collectors = new Map(names.map((name) => [name, collectorOf(registry, prefix, name)]));
  const known = new Map(names.map((name) => [name, newBranch()]));
  const updates: (() => void)[] = [];

  const series = (name: MetricName, labels: readonly string[]): Series => {
    let branch = known.get(name) ?? newBranch();
    for (const label of labels) {
      const next: Branch = branch.next.get(label) ?? grow(branch, label);
      branch = next;
    }
    branch.series ??= collectors.get(name)?.labels(...labels) ?? {};
    return branch.series;
  };

  return {
    add: (name, labels = [], amount = 1) => series(name, labels).inc?.(amount),
    set: (name, value, labels = []) => series(name, labels).set?.(value),
    clear: (name) => collectors.get(name)?.reset(),
    observe: (name, value, labels = []) => series(name, labels).observe?.(value),
    onScrape: (update) => updates.push(update),
    scrape: () => {
      for (const update of updates) update();
      return scrapeOf(registry);
    },
    export: () => {
      for (const update of updates) update();
      return registry.getMetricsAsJSON();
    },
  };
}

function collectorOf(registry: Registry, prefix: string, name: MetricName): Collector {
  const row = metricRow(name);
  const labelNames = [...row.labels];
  const options = { name: metricName(prefix, name), help: row.help, labelNames, registers: [registry] };
  if (row.type === 'counter') return new Counter(options);
  if (row.type === 'gauge') return new Gauge({ ...options, aggregator: row.ofWorkers });
  return new Histogram({ ...options, ...(row.buckets === undefined ? {} : { buckets: [...row.buckets] }) });
}
