/** When the store is looked at: after each notice, and every so often. */
import { describe, expect, it } from 'vitest';
import { watchStore } from '../../../src/tokens/store-watch.ts';
import { fakeClock } from '../../support/clock.ts';
import { fakeScheduler, settled } from '../../support/scheduler.ts';

const EVERY_MS = 1000;

/** A watch whose looks the test ends. */
function watched() {
  const scheduler = fakeScheduler(fakeClock());
  const looks: (() => void)[] = [];
  const listeners = new Set<() => void>();
  const stop = watchStore({
    store: {
      onNotice: (listener) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
    schedule: scheduler.schedule,
    everyMs: EVERY_MS,
    look: () => new Promise((resolve) => looks.push(resolve)),
  });
  return {
    scheduler,
    stop,
    begun: () => looks.length,
    notice: () => {
      for (const listener of listeners) listener();
    },
    async endLook() {
      looks.at(-1)?.();
      await settled();
    },
  };
}

describe('watchStore', () => {
  it('looks at each notice', async () => {
    const watch = watched();
    watch.notice();
    expect(watch.begun()).toBe(1);
    await watch.endLook();
    watch.notice();
    expect(watch.begun()).toBe(2);
  });

  it('looks once more for what was noticed during a look, which may have read before it', async () => {
    const watch = watched();
    watch.notice();
    for (let times = 0; times < 3; times += 1) watch.notice();
    expect(watch.begun()).toBe(1);
    await watch.endLook();
    expect(watch.begun()).toBe(2);
    await watch.endLook();
    expect(watch.begun()).toBe(2);
  });

  it('looks every so often, counted from the end of the last look', async () => {
    const watch = watched();
    await watch.scheduler.passMs(5 * EVERY_MS);
    expect(watch.begun()).toBe(1);
    await watch.endLook();
    await watch.scheduler.passMs(EVERY_MS);
    expect(watch.begun()).toBe(2);
  });

  it('looks no more when it was ended, not even for what was noticed before', async () => {
    const watch = watched();
    watch.notice();
    watch.notice();
    watch.stop();
    await watch.endLook();
    await watch.scheduler.passMs(5 * EVERY_MS);
    watch.notice();
    expect([watch.begun(), watch.scheduler.pending()]).toEqual([1, 0]);
  });
});
