import { describe, expect, it } from 'vitest';
import { reloadAll } from '../../../src/app/fleet-reload.ts';
import { type FakeWorker, fakeWorker } from '../../support/fake-workers.ts';
import { recordingLog } from '../../support/verifier.ts';

const FILES = new Map([['countersign.yaml', Uint8Array.of(1)]]);

function fleetOf(...workers: readonly FakeWorker[]) {
  return workers.map(({ worker }, index) => ({ number: index + 1, worker }));
}

const reloaded = (workers: readonly FakeWorker[], onPrepared = async () => {}) =>
  reloadAll({ serving: fleetOf(...workers), files: FILES, log: recordingLog(), onPrepared });

describe('reloadAll', () => {
  it('has every worker prepare the files before anything is done, and that before one begins to use them', async () => {
    const order: string[] = [];
    const workers = [1, 2].map((number) =>
      fakeWorker()
        .on('prepare', async (files) => {
          await new Promise((resolve) => setTimeout(resolve, number));
          order.push(`prepared ${files === FILES}`);
        })
        .on('commit', () => order.push('used')),
    );
    await reloaded(workers, async () => void order.push('done once'));
    expect(order).toEqual(['prepared true', 'prepared true', 'done once', 'used', 'used']);
  });

  it('leaves all as they are where one cannot', async () => {
    const good = fakeWorker();
    const bad = fakeWorker().on('prepare', () => Promise.reject(new Error('no such module')));
    let isDone = false;
    const refused = reloaded([good, bad], async () => {
      isDone = true;
    });
    await expect(refused).rejects.toThrow('worker 2: no such module');
    expect(isDone).toBe(false);
    expect([good.calls, bad.calls]).toEqual([
      ['prepare', 'discard'],
      ['prepare', 'discard'],
    ]);
  });

  it('leaves all as they are where what is done once fails', async () => {
    const worker = fakeWorker();
    await expect(reloaded([worker], () => Promise.reject(new Error('store is gone')))).rejects.toThrow(
      'store',
    );
    expect(worker.calls).toEqual(['prepare', 'discard']);
  });

  it('goes on without a worker that ends meanwhile', async () => {
    const good = fakeWorker();
    const dead = fakeWorker();
    dead.end();
    await reloaded([dead, good]);
    expect(good.calls).toEqual(['prepare', 'commit']);
  });

  it('ends a worker that does not change over when the others have', async () => {
    const good = fakeWorker();
    const stuck = fakeWorker().on('commit', () => Promise.reject(new Error('no answer within 10000 ms')));
    await reloaded([good, stuck]);
    expect([good.isKilled, stuck.isKilled]).toEqual([false, true]);
  });
});
