import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RestartedTimer } from '../../../src/http1/restarted-timer.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function started(durationMs: number) {
  const onTime = vi.fn();
  const timer = new RestartedTimer(durationMs, onTime);
  timer.restart();
  return { onTime, timer };
}

describe('RestartedTimer', () => {
  it('does nothing until it is restarted for the first time', () => {
    const onTime = vi.fn();
    new RestartedTimer(10, onTime);
    vi.advanceTimersByTime(100);
    expect(onTime).not.toHaveBeenCalled();
  });

  it('counts from its last restart', () => {
    const { onTime, timer } = started(10);
    vi.advanceTimersByTime(9);
    timer.restart();
    vi.advanceTimersByTime(9);
    expect(onTime).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onTime).toHaveBeenCalledTimes(1);
  });

  it('can be restarted when its time was up', () => {
    const { onTime, timer } = started(10);
    vi.advanceTimersByTime(10);
    timer.restart();
    vi.advanceTimersByTime(10);
    expect(onTime).toHaveBeenCalledTimes(2);
  });

  it('takes another duration, from then on', () => {
    const { onTime, timer } = started(10);
    timer.restart(20);
    vi.advanceTimersByTime(19);
    expect(onTime).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    timer.restart();
    vi.advanceTimersByTime(19);
    expect(onTime).toHaveBeenCalledTimes(1);
  });

  it('stays silent once it is cancelled', () => {
    const { onTime, timer } = started(10);
    timer.cancel();
    timer.restart();
    timer.restart(5);
    vi.advanceTimersByTime(100);
    expect(onTime).not.toHaveBeenCalled();
  });
});
