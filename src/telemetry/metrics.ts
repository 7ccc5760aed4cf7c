/** Collectors made from the metric table, with look-ups cheap enough for every request. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { CountedHistogram } from './counted-histogram.ts';
import { type MetricValues, type Scrape, scrapeOf } from './merged-metrics.ts';
import { type MetricName, metricName, metricNames, metricRow } from './metric-table.ts';
import { type Recorder, type Series, SeriesOfMetric } from './series.ts';

export interface Metrics {
  /** Adds to a counter or gauge. Label values in the order of the table. */
  add(name: MetricName, labels?: readonly string[], amount?: number): void;
  /** Sets a gauge. */
  set(name: MetricName, value: number, labels?: readonly string[]): void;
  /** Forgets the series of a gauge: what it mirrored may be gone. */
  clear(name: MetricName): void;
  /** Records a value in a histogram. */
  observe(name: MetricName, value: number, labels?: readonly string[]): void;
  /** Where these label values are counted, for whoever counts them with each request. */
  series(name: MetricName, labels?: readonly string[]): Series;
  /** Called before each scrape, to set gauges that mirror state. */
  onScrape(update: () => void): void;
  scrape(): Promise<Scrape>;
  /** The same as values, to be merged with those of other processes. */
  export(): Promise<MetricValues>;
}

interface Collector {
  reset(): void;
  /** Asked once for each set of label values. */
  open(labels: readonly string[]): Recorder;
}

export function createMetrics(prefix: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const known = new Map<MetricName, KnownMetric>();
  for (const name of metricNames()) known.set(name, knownMetric(registry, prefix, name));
  const updates: (() => void)[] = [];
  const update = () => {
    for (const one of updates) one();
    for (const { series } of known.values()) series.settle();
  };
  const series = (name: MetricName, labels: readonly string[] = []) => {
    const metric = known.get(name);
    if (metric === undefined) throw new TypeError(`${name} is no metric`);
    return metric.series.at(labels);
  };
  return {
    add: (name, labels, amount = 1) => series(name, labels).add(amount),
    set: (name, value, labels) => series(name, labels).set(value),
    clear: (name) => known.get(name)?.collector.reset(),
    observe: (name, value, labels) => series(name, labels).observe(value),
    series,
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

interface KnownMetric {
  readonly collector: Collector;
  readonly series: SeriesOfMetric;
}

function knownMetric(registry: Registry, prefix: string, name: MetricName): KnownMetric {
  const collector = collectorOf(registry, prefix, name);
  return { collector, series: new SeriesOfMetric((labels) => collector.open(labels)) };
}

function collectorOf(registry: Registry, prefix: string, name: MetricName): Collector {
  const row = metricRow(name);
  const labelNames = [...row.labels];
  const options = { name: metricName(prefix, name), help: row.help, labelNames, registers: [registry] };
  if (row.type === 'counter') return openable(new Counter(options));
  if (row.type === 'gauge') return openable(new Gauge({ ...options, aggregator: row.ofWorkers }));
  const histogram = new CountedHistogram({ ...options, buckets: [...row.buckets] });
  registry.registerMetric(histogram);
  return histogram;
}

function openable(collector: Counter | Gauge): Collector {
  return {
    reset: () => collector.reset(),
    open: (labels) => collector.labels(...labels),
  };
}
