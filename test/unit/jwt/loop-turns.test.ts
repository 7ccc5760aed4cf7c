/** LoopTurns: that all tasks run, in order, and that the event loop goes on between them. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LoopTurns } from '../../../src/jwt/loop-turns.ts';

describe('LoopTurns', () => {
  it('runs all tasks in the order of asking, and settles each as it ends', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(fc.boolean()), async (perTurn, fates) => {
        const turns = new LoopTurns(perTurn);
        const run: number[] = [];
        const task = (isGood: boolean, index: number) => {
          run.push(index);
          if (!isGood) throw new Error('task failed');
          return index;
        };
        const asked = fates.map((isGood, index) => turns.run(() => task(isGood, index)));
        const settled = await Promise.allSettled(asked);
        expect(settled.map(({ status }) => status === 'fulfilled')).toEqual(fates);
        expect(run).toEqual(fates.map((_, index) => index));
      }),
    );
  });

  it('D05 runs no more in a turn of the event loop than it may', async () => {
    const turns = new LoopTurns(2);
    let done = 0;
    for (let task = 0; task < 5; task += 1) void turns.run(() => (done += 1));
    const afterTurns = [done];
    for (let turn = 0; turn < 3; turn += 1) {
      await nextTurn();
      afterTurns.push(done);
    }
    expect(afterTurns).toEqual([0, 2, 4, 5]);
  });

  it('begins again for what is asked from within a task, and after a pause', async () => {
    const turns = new LoopTurns(1);
    const inner = await turns.run(() => ({ answer: turns.run(() => 'inner') }));
    expect(await inner.answer).toBe('inner');
    expect(await turns.run(() => 'later')).toBe('later');
  });
});
