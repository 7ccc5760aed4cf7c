import { describe, expect, it } from 'vitest';
import { startHealthCheck } from '../../../src/forward/health.ts';
import { fakeClock } from '../../support/clock.ts';
import { fakeScheduler, settled } from '../../support/scheduler.ts';

const SETTINGS = { intervalMs: 1000, unhealthyAfter: 2, healthyAfter: 3 };

/** A check of a target that tests make well and ill. */
function rig() {
  const timers = fakeScheduler(fakeClock());
  const changes: boolean[] = [];
  const target = { isGood: true, checks: 0 };
  const check = startHealthCheck({
    settings: SETTINGS,
    probe: () => {
      target.checks += 1;
      return Promise.resolve(target.isGood);
    },
    schedule: timers.schedule,
    onChange: (isHealthy) => changes.push(isHealthy),
  });
  return { timers, changes, target, check };
}

describe('startHealthCheck()', () => {
  it('believes a target healthy before the first check', () => expect(rig().check.isHealthy).toBe(true));

  it('checks at once, and then at intervals', async () => {
    const { timers, target } = rig();
    await timers.passMs(0);
    expect(target.checks).toBe(1);
    await timers.passMs(3000);
    expect(target.checks).toBe(4);
  });

  it('takes a target out after `unhealthyAfter` failures in a row', async () => {
    const { timers, target, check, changes } = rig();
    target.isGood = false;
    await timers.passMs(0);
    expect(check.isHealthy).toBe(true);
    await timers.passMs(1000);
    expect([check.isHealthy, changes]).toEqual([false, [false]]);
  });

  it('takes it in again after `healthyAfter` successes in a row', async () => {
    const { timers, target, check, changes } = rig();
    target.isGood = false;
    await timers.passMs(1000);
    target.isGood = true;
    await timers.passMs(2000);
    expect(check.isHealthy).toBe(false);
    await timers.passMs(1000);
    expect([check.isHealthy, changes]).toEqual([true, [false, true]]);
  });

  it('forgets a failure after a success', async () => {
    const { timers, target, check } = rig();
    await timers.passMs(0);
    for (const isGood of [false, true, false, true, false]) {
      target.isGood = isGood;
      await timers.passMs(1000);
    }
    expect(check.isHealthy).toBe(true);
  });

  it('never asks again before it has an answer', async () => {
    const timers = fakeScheduler(fakeClock());
    let answer: (isGood: boolean) => void = () => {};
    let checks = 0;
    startHealthCheck({
      settings: SETTINGS,
      probe: () => {
        checks += 1;
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
      schedule: timers.schedule,
      onChange: () => {},
    });
    await timers.passMs(5000);
    expect(checks).toBe(1);
    answer(true);
    await settled();
    await timers.passMs(1000);
    expect(checks).toBe(2);
  });

  it('leaves no timer behind when it is stopped', async () => {
    const { timers, target, check } = rig();
    await timers.passMs(1000);
    check.stop();
    expect(timers.pending()).toBe(0);
    await timers.passMs(5000);
    expect(target.checks).toBe(2);
  });

  it('leaves no timer behind when it is stopped during a check', async () => {
    const { timers, target, check } = rig();
    target.isGood = false;
    await timers.passMs(0);
    const passing = timers.passMs(1000);
    check.stop();
    await passing;
    expect(timers.pending()).toBe(0);
    expect(check.isHealthy).toBe(true);
  });
});
