import { describe, expect, it } from 'vitest';
import { reloadAll } from '../../../src/app/fleet-reload.ts';
import { type FakeWorker, fakeWorker } from '../../support/fake-workers.ts';
import { recordingLog } from '../../support/verifier.ts';

const FILES = new Map([['countersign.yaml', Uint8Array.of(1)]]);

function fleetOf(...workers: readonly FakeWorker[]) {
  return workers.map(({ worker }, index) => ({ number: index + 1, worker }));
}

describe('reloadAll', () => {
  it('has every worker prepare the files before one begins to use them', async () => {
    const order: string[] = [];
    const workers = [1, 2].map((number) =>
      fakeWorker()
        .on('prepare', async (files) => {
          await new Promise((resolve) => setTimeout(resolve, number));
          order.push(`prepared ${files === FILES}`);
        })
        .on('commit', () => order.push('used')),
    );
    await reloadAll(fleetOf(...workers), FILES, recordingLog());
    expect(order).toEqual(['prepared true', 'prepared true', 'used', 'used']);
  });

  it('leaves all as they are where one cannot', async () => {
    const good = fakeWorker();
    const bad = fakeWorker().on('prepare', () => Promise.reject(new Error('no such module')));
    await expect(reloadAll(fleetOf(good, bad), FILES, recordingLog())).rejects.toThrow(
      'worker 2: no such module',
    );
    expect([good.calls, bad.calls]).toEqual([
      ['prepare', 'discard'],
      ['prepare', 'discard'],
    ]);
  });

  it('goes on without a worker that ends meanwhile', async () => {
    const good = fakeWorker();
    const dead = fakeWorker();
    dead.end();
    await reloadAll(fleetOf(dead, good), FILES, recordingLog());
    expect(good.calls).toEqual(['prepare', 'commit']);
  });

  it('ends a worker that does not change over when the others have', async () => {
    const good = fakeWorker();
    const stuck = fakeWorker().on('commit', () => Promise.reject(new Error('no answer within 10000 ms')));
    await reloadAll(fleetOf(good, stuck), FILES, recordingLog());
    expect([good.isKilled, stuck.isKilled]).toEqual([false, true]);
  });
});
