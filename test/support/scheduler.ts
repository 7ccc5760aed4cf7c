/** Timers that tests own: they fire when the test moves the clock, in order, and never by themselves. */
import type { FakeClock } from './clock.ts';

interface Task {
  readonly run: () => void;
  readonly dueMs: number;
}

export interface FakeScheduler {
  /** The port: runs the task once after the delay, gives back its cancellation. */
  readonly schedule: (run: () => void, delayMs: number) => () => void;
  /** Delays asked for so far, in order. */
  readonly delaysMs: readonly number[];
  /** Tasks that wait. */
  pending(): number;
  /** Moves the clock, stopping at each task that falls due, and lets what follows from it happen. */
  passMs(durationMs: number): Promise<void>;
}

export function fakeScheduler(clock: FakeClock): FakeScheduler {
  const tasks = new Set<Task>();
  const delaysMs: number[] = [];
  const nextUntil = (endMs: number) =>
    [...tasks].filter(({ dueMs }) => dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0];
  return {
    delaysMs,
    pending: () => tasks.size,
    schedule(run, delayMs) {
      const task = { run, dueMs: clock() + delayMs };
      tasks.add(task);
      delaysMs.push(delayMs);
      return () => void tasks.delete(task);
    },
    async passMs(durationMs) {
      const endMs = clock() + durationMs;
      for (let task = nextUntil(endMs); task !== undefined; task = nextUntil(endMs)) {
        tasks.delete(task);
        clock.setMs(Math.max(task.dueMs, clock()));
        task.run();
        await settled();
      }
      clock.setMs(endMs);
      await settled();
    },
  };
}

/** Lets promise chains that need no I/O run to their end. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
