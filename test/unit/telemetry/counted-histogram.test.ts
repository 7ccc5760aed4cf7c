/** What our histograms say is what prom-client's own would have said of the same values. */
import fc from 'fast-check';
import { AggregatorRegistry, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { CountedHistogram, HistogramSeries } from '../../../src/telemetry/counted-histogram.ts';

const BUCKETS = [0.5, 1, 4];
const SHAPE = { name: 'answers_seconds', help: 'Time to answer.', buckets: BUCKETS };

interface Observation {
  readonly labels: readonly string[];
  readonly value: number;
}

function bothOf(labelNames: string[], observations: readonly Observation[]): [Registry, Registry] {
  const [ours, theirs] = [new Registry(), new Registry()];
  const shape = { ...SHAPE, labelNames };
  const counted = new CountedHistogram(shape);
  ours.registerMetric(counted);
  const histogram = new Histogram({ ...shape, registers: [theirs] });
  for (const { labels, value } of observations) {
    counted.open(labels).observe(value);
    histogram.labels(...labels).observe(value);
  }
  return [ours, theirs];
}

const values = fc.oneof(fc.constantFrom(0, 0.5, 1, 4, 4.1), fc.double({ noNaN: true, min: -1, max: 9 }));
const observed = (labels: fc.Arbitrary<string[]>) => fc.array(fc.record({ labels, value: values }));
const labelled = observed(
  fc.tuple(fc.constantFrom('orders', 'a "quoted" name'), fc.constantFrom('GET', 'PUT')),
);

describe('CountedHistogram', () => {
  it('makes the page that prom-client makes of the same values', async () => {
    await fc.assert(
      fc.asyncProperty(labelled, async (observations) => {
        const [ours, theirs] = bothOf(['route', 'method'], observations);
        expect(await ours.metrics()).toBe(await theirs.metrics());
      }),
    );
  });

  it('gives the same series for the same label values, and another for others', () => {
    const counted = new CountedHistogram({ ...SHAPE, labelNames: ['route', 'method'] });
    expect(counted.open(['orders', 'GET'])).toBe(counted.open(['orders', 'GET']));
    expect(counted.open(['a', 'b,c'])).not.toBe(counted.open(['a,b', 'c']));
  });

  it('is shown from the start where it has no labels, and counts there', async () => {
    await fc.assert(
      fc.asyncProperty(observed(fc.constant([])), async (observations) => {
        const [ours, theirs] = bothOf([], observations);
        expect(await ours.metrics()).toBe(await theirs.metrics());
      }),
    );
  });

  it('is summed over processes as prom-client sums its own', async () => {
    const observations = [0.2, 0.7, 3, 8].map((value) => ({ labels: ['orders', 'GET'], value }));
    const [ours, theirs] = bothOf(['route', 'method'], observations);
    const pageOf = async (registry: Registry) => {
      const exported = structuredClone(await registry.getMetricsAsJSON());
      return await AggregatorRegistry.aggregate([exported, exported]).metrics();
    };
    expect(await pageOf(ours)).toBe(await pageOf(theirs));
  });
});

describe('HistogramSeries', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY])('observe() refuses %s', (value) => {
    expect(() => new HistogramSeries(BUCKETS).observe(value)).toThrow(TypeError);
  });
});
