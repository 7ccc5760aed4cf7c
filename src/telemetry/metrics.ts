/** Collectors made from the metric table, with look-ups cheap enough for every request. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type MetricValues, type Scrape, scrapeOf } from './merged-metrics.ts';
import { METRICS, type MetricName, metricName, metricRow } from './metric-table.ts';
import { type PromSeries, SeriesOfMetric } from './series.ts';

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

interface Collector {
  reset(): void;
  labels(...values: string[]): PromSeries;
}

export function createMetrics(prefix: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const names = Object.keys(METRICS) as MetricName[];
  const collectors = new Map(names.map((name) => [name, collectorOf(registry, prefix, name)]));
  const known = new Map(
    [...collectors].map(([name, one]) => [name, new SeriesOfMetric((labels) => one.labels(...labels))]),
  );
  const updates: (() => void)[] = [];
  const update = () => {
    for (const one of updates) one();
    for (const series of known.values()) series.settle();
  };
  return {
    add: (name, labels = [], amount = 1) => known.get(name)?.at(labels).add(amount),
    set: (name, value, labels = []) => known.get(name)?.at(labels).set(value),
    clear: (name) => collectors.get(name)?.reset(),
    observe: (name, value, labels = []) => known.get(name)?.at(labels).observe(value),
    onScrape: (one) => updates.push(one),
    scrape: () => {
      update();
      return scrapeOf(registry);
    },
    export: () => {
      update();
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
