/** The metrics of several processes as one page: counters and histograms summed, gauges by the rule of the metric table. */
import {
  AggregatorRegistry,
  type MetricObjectWithValues,
  type MetricValue,
  type Registry,
} from 'prom-client';

/** The metrics of one process at one moment. Plain data: it travels between processes. */
export type MetricValues = readonly MetricObjectWithValues<MetricValue<string>>[];

/** One answer to Prometheus. */
export interface Scrape {
  readonly contentType: string;
  readonly body: string;
}

export async function scrapeOf(registry: Registry): Promise<Scrape> {
  return { contentType: registry.contentType, body: await registry.metrics() };
}

/** One page for all. */
export function mergedScrape(processes: readonly MetricValues[]): Promise<Scrape> {
  return scrapeOf(AggregatorRegistry.aggregate([...processes]));
}

/** Only what never falls: the sum of it must not either, when a process has ended. */
export async function mergedTotals(processes: readonly MetricValues[]): Promise<MetricValues> {
  const values = await AggregatorRegistry.aggregate([...processes]).getMetricsAsJSON();
  return values.filter(({ type }) => String(type) === 'counter' || String(type) === 'histogram');
}
