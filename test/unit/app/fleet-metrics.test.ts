import { describe, expect, it } from 'vitest';
import { FleetMetrics } from '../../../src/app/fleet-metrics.ts';
import type { WorkerProcess } from '../../../src/app/worker-process.ts';
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts';
import { type FakeWorker, fakeWorker } from '../../support/fake-workers.ts';
import { seriesOf } from '../../support/workers.ts';

const HITS = 'token_cache_hits_total';

function withMetrics(): { fake: FakeWorker; metrics: Metrics } {
  const metrics = createMetrics('');
  const fake = fakeWorker().on('metrics', async () => structuredClone(await metrics.export()));
  return { fake, metrics };
}

function bench() {
  const [first, second] = [withMetrics(), withMetrics()];
  const own = createMetrics('');
  let serving = [first, second];
  let onEnd: (worker: WorkerProcess) => void = () => {};
  const page = new FleetMetrics(own, {
    serving: () => serving.map(({ fake }, index) => ({ number: index + 1, worker: fake.worker })),
    onEnd: (listener) => {
      onEnd = listener;
    },
  });
  const end = (one: typeof first) => {
    serving = serving.filter((other) => other !== one);
    one.fake.end();
    onEnd(one.fake.worker);
  };
  const begin = (one: typeof first) => {
    serving = [...serving, one];
  };
  const value = async (series: string) => seriesOf((await page.scrape()).body, series);
  return { first, second, own, end, begin, value };
}

describe('FleetMetrics', () => {
  it('sums counters and histograms of all', async () => {
    const { first, second, value } = bench();
    first.metrics.add(HITS, [], 2);
    second.metrics.add(HITS, [], 3);
    for (const { metrics } of [first, second]) metrics.observe('assertion_bytes', 600);
    expect(await value(HITS)).toBe(5);
    expect(await value('assertion_bytes_count')).toBe(2);
    expect(await value('assertion_bytes_bucket{le="1024"}')).toBe(2);
    expect(await value('assertion_bytes_bucket{le="512"}')).toBe(0);
  });

  it.each([
    ['requests_in_flight', 5],
    ['config_generation', 3],
  ] as const)('makes one value of %s by its rule', async (name, expected) => {
    const { first, second, value } = bench();
    first.metrics.set(name, 2);
    second.metrics.set(name, 3);
    expect(await value(name)).toBe(expected);
  });

  it('shows a target as up only where every worker finds it so', async () => {
    const { first, second, value } = bench();
    const labels = ['echo', 'http://127.0.0.1:9000'];
    first.metrics.set('upstream_up', 1, labels);
    second.metrics.set('upstream_up', 0, labels);
    expect(await value('upstream_up{upstream="echo",target="http://127.0.0.1:9000"}')).toBe(0);
  });

  it('keeps what a worker had counted when it was last seen, and forgets its gauges', async () => {
    const { first, second, end, value } = bench();
    first.metrics.add(HITS, [], 2);
    first.metrics.set('requests_in_flight', 7);
    second.metrics.add(HITS, [], 3);
    expect([await value(HITS), await value('requests_in_flight')]).toEqual([5, 7]);
    end(first);
    expect([await value(HITS), await value('requests_in_flight')]).toEqual([5, 0]);
    second.metrics.add(HITS);
    expect(await value(HITS)).toBe(6);
    end(second);
    expect(await value(HITS)).toBe(6);
  });

  it('never falls, however many workers come and go', async () => {
    const { first, end, begin, value } = bench();
    let last = 0;
    let current = first;
    for (let round = 1; round <= 5; round += 1) {
      current.metrics.add(HITS, [], round);
      const now = (await value(HITS)) ?? 0;
      expect(now).toBe(last + round);
      last = now;
      end(current);
      current = withMetrics();
      begin(current);
    }
  });

  it('shows a worker that does not answer as it was seen last', async () => {
    const { first, value } = bench();
    first.metrics.add(HITS, [], 2);
    expect(await value(HITS)).toBe(2);
    first.metrics.add(HITS, [], 2);
    first.fake.on('metrics', () => Promise.reject(new Error('no answer within 2000 ms')));
    expect(await value(HITS)).toBe(2);
  });

  it('holds what the supervisor itself has counted', async () => {
    const { own, value } = bench();
    own.set('workers', 2);
    own.add('config_reloads_total', ['ok']);
    expect([await value('workers'), await value('config_reloads_total{result="ok"}')]).toEqual([2, 1]);
  });
});
