import { describe, expect, it } from 'vitest';
import { Breaker } from '../../../src/forward/breaker.ts';
import { fakeClock } from '../../support/clock.ts';

function rig() {
  const clock = fakeClock();
  const changes: boolean[] = [];
  const breaker = new Breaker(clock, (isClosed) => changes.push(isClosed));
  const fail = (times: number) => {
    for (let count = 0; count < times; count += 1) breaker.failed();
  };
  return { clock, changes, breaker, fail };
}

/** Open, with its time over. */
function due() {
  const made = rig();
  made.fail(5);
  made.clock.advanceMs(5000);
  return made;
}

describe('Breaker', () => {
  it('stays closed for four failures in a row', () => {
    const { breaker, fail } = rig();
    fail(4);
    expect([breaker.state, breaker.waitMs()]).toEqual(['closed', 0]);
  });

  it('opens with the fifth, for five seconds', () => {
    const { breaker, clock, fail } = rig();
    fail(5);
    expect([breaker.state, breaker.waitMs()]).toEqual(['open', 5000]);
    clock.advanceMs(4999);
    expect(breaker.waitMs()).toBe(1);
    clock.advanceMs(1);
    expect(breaker.waitMs()).toBe(0);
  });

  it('waits no longer than five seconds where the clock is set back', () => {
    const { breaker, clock, fail } = rig();
    fail(5);
    clock.advanceMs(-3_600_000);
    expect(breaker.waitMs()).toBe(5000);
    clock.advanceMs(5000);
    expect(breaker.waitMs()).toBe(0);
  });

  it('counts failures in a row only', () => {
    const { breaker, fail } = rig();
    fail(4);
    breaker.connected();
    fail(4);
    expect(breaker.state).toBe('closed');
  });

  it('lets one request try after its time, and the others wait', () => {
    const { breaker } = due();
    breaker.begin();
    expect(breaker.state).toBe('half-open');
    expect(breaker.waitMs()).toBeGreaterThan(0);
  });

  it('closes when the trial finds a connection', () => {
    const { breaker } = due();
    breaker.begin();
    breaker.connected();
    expect([breaker.state, breaker.waitMs()]).toEqual(['closed', 0]);
  });

  it('opens again when the trial fails', () => {
    const { breaker } = due();
    breaker.begin();
    breaker.failed();
    expect([breaker.state, breaker.waitMs()]).toEqual(['open', 5000]);
  });

  it('lets the next request try when the trial went away undecided', () => {
    const { breaker } = due();
    breaker.begin();
    breaker.abandoned();
    expect([breaker.state, breaker.waitMs()]).toEqual(['open', 0]);
  });

  it('does not stay open longer for failures of connections that were begun before', () => {
    const { breaker, clock, fail } = rig();
    fail(5);
    clock.advanceMs(3000);
    fail(5);
    expect(breaker.waitMs()).toBe(2000);
  });

  it('closes at once when a health check finds a connection', () => {
    const { breaker, fail } = rig();
    fail(5);
    breaker.connected();
    expect(breaker.state).toBe('closed');
  });

  it('ignores a request that went away while it is closed', () => {
    const { breaker } = rig();
    breaker.abandoned();
    expect(breaker.state).toBe('closed');
  });

  it('tells an outage once, and its end once, however many trials fail between', () => {
    const { breaker, changes, clock } = due();
    breaker.begin();
    breaker.failed();
    clock.advanceMs(5000);
    breaker.begin();
    breaker.connected();
    breaker.connected();
    expect(changes).toEqual([false, true]);
  });
});
