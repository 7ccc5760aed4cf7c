import { describe, expect, it } from 'vitest';
import { backOffMs, Fleet } from '../../../src/app/fleet.ts';
import { createTurns } from '../../../src/app/in-turn.ts';
import { SECOND_MS } from '../../../src/core/time.ts';
import { createLog } from '../../../src/telemetry/log.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { fakeClock } from '../../support/clock.ts';
import { type FakeWorker, fakeWorker } from '../../support/fake-workers.ts';
import { fakeScheduler, settled } from '../../support/scheduler.ts';
import { seriesOf } from '../../support/workers.ts';

const ORIGINS = { proxy: 'http://127.0.0.1:8080', api: null };

/** A fleet of fake workers. `prepare` sees each before it is told to start. */
function bench(prepare: (worker: FakeWorker, index: number) => void = () => {}) {
  const clock = fakeClock();
  const timers = fakeScheduler(clock);
  const metrics = createMetrics('');
  const lines: Record<string, unknown>[] = [];
  const workers: FakeWorker[] = [];
  const leaves: (() => void)[] = [];
  const orders: number[] = [];
  const fleet = new Fleet({
    count: 2,
    fork: (onLeave) => {
      const one = fakeWorker().on('start', () => ORIGINS);
      workers.push(one);
      leaves.push(onLeave);
      prepare(one, workers.length - 1);
      return one.worker;
    },
    orderFor: (number) => {
      orders.push(number);
      return { number } as never;
    },
    inTurn: createTurns(),
    clock,
    schedule: timers.schedule,
    log: createLog({ level: 'info', write: (line) => lines.push(JSON.parse(line)) }),
    metrics,
  });
  const metric = async (series: string) => seriesOf((await metrics.scrape()).body, series);
  return { fleet, clock, timers, workers, leaves, orders, lines, metric };
}

async function started(made = bench()) {
  await made.fleet.start();
  return made;
}

const numbersOf = (fleet: Fleet) => fleet.serving().map(({ number }) => number);

describe('Fleet start', () => {
  it('starts all, and returns where they serve', async () => {
    const { fleet, orders, metric } = bench();
    expect(await fleet.start()).toEqual(ORIGINS);
    expect(orders).toEqual([1, 2]);
    expect(numbersOf(fleet)).toEqual([1, 2]);
    expect(await metric('workers')).toBe(2);
  });

  it('fails with what the first worker says, and ends all', async () => {
    const { fleet, workers } = bench((worker, index) => {
      if (index === 1) worker.on('start', () => Promise.reject(new Error('the port is in use')));
    });
    await expect(fleet.start()).rejects.toThrow('the port is in use');
    expect(workers.map(({ isKilled }) => isKilled)).toEqual([true, true]);
    expect(numbersOf(fleet)).toEqual([]);
  });

  it('fails where a worker ends before it serves, and says how', async () => {
    const { fleet, timers } = bench((worker, index) => {
      if (index === 0)
        worker.on('start', () => new Promise(() => {})).end({ cause: 'exit', text: 'exit code 7' });
    });
    await expect(fleet.start()).rejects.toThrow('worker 1 ended before it served: exit code 7');
    expect(timers.pending()).toBe(0);
  });

  it('fails where a worker ends while another one starts', async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const { fleet, workers } = bench((worker, index) => {
      if (index === 1) worker.on('start', () => promise);
    });
    const starting = fleet.start();
    await settled();
    workers[0]?.end();
    await settled();
    resolve(ORIGINS);
    await expect(starting).rejects.toThrow('worker 1 ended while the others started');
  });
});

describe('Fleet replacement', () => {
  it('puts a worker with the same number in the place of one that ended, and counts it', async () => {
    const { fleet, workers, orders, timers, metric, lines } = await started();
    workers[1]?.end();
    await settled();
    expect([numbersOf(fleet), fleet.missing()]).toEqual([[1], [2]]);
    expect(await metric('workers')).toBe(1);
    await timers.passMs(100);
    expect(numbersOf(fleet)).toEqual([1, 2]);
    expect(orders).toEqual([1, 2, 2]);
    expect(await metric('worker_ends_total{cause="signal"}')).toBe(1);
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        msg: 'A worker ended and is replaced',
        worker: 2,
        cause: 'signal SIGKILL',
      }),
    );
  });

  it('waits longer with each worker that ends soon, and forgets it of one that lived well', async () => {
    const { workers, timers } = await started();
    for (const delayMs of [100, 200, 400, 800]) {
      workers.at(-1)?.end();
      await settled();
      expect(timers.delaysMs.at(-1)).toBe(delayMs);
      await timers.passMs(delayMs);
    }
    await timers.passMs(10 * SECOND_MS);
    workers.at(-1)?.end();
    await settled();
    expect(timers.delaysMs.at(-1)).toBe(100);
  });

  it('goes on trying where a worker cannot be started', async () => {
    const { fleet, workers, timers, lines } = await started(
      bench((worker, index) => {
        if (index === 2) worker.on('start', () => Promise.reject(new Error('no memory')));
      }),
    );
    workers[0]?.end();
    await settled();
    await timers.passMs(100);
    expect(fleet.missing()).toEqual([1]);
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'A worker could not be replaced', cause: 'no memory' }),
    );
    await timers.passMs(200);
    expect(fleet.missing()).toEqual([]);
  });

  it('begins while a worker that says it leaves still finishes, and counts it once', async () => {
    const { fleet, workers, leaves, timers, metric } = await started();
    leaves[0]?.();
    expect(fleet.missing()).toEqual([1]);
    await timers.passMs(100);
    expect(numbersOf(fleet)).toEqual([1, 2]);
    workers[0]?.end({ cause: 'exit', text: 'exit code 1' });
    await timers.passMs(SECOND_MS);
    expect(workers).toHaveLength(3);
    expect(await metric('worker_ends_total{cause="defect"}')).toBe(1);
    expect(await metric('worker_ends_total{cause="exit"}')).toBeUndefined();
  });
});

describe('Fleet stop', () => {
  it('tells all to stop, and resolves when all are gone', async () => {
    const { fleet, workers, timers } = await started();
    await fleet.stop(0);
    expect(workers.map(({ calls }) => calls)).toEqual([
      ['start', 'stop'],
      ['start', 'stop'],
    ]);
    expect(timers.pending()).toBe(0);
  });

  it('replaces nobody any more', async () => {
    const { fleet, workers, timers } = await started();
    workers[0]?.end();
    await settled();
    const stopping = fleet.stop(0);
    await timers.passMs(100);
    await stopping;
    expect(workers).toHaveLength(2);
  });

  it('stops a worker that has said it leaves, too', async () => {
    const { fleet, workers, leaves } = await started();
    leaves[0]?.();
    await fleet.stop(0);
    expect(workers[0]?.calls).toContain('stop');
  });
});

describe('backOffMs', () => {
  it('doubles from 100 ms, and stays within 30 s', () => {
    expect([1, 2, 3, 9, 10, 1000].map(backOffMs)).toEqual([100, 200, 400, 25_600, 30_000, 30_000]);
  });
});
