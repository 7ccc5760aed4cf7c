/** AtMost: how many tasks run, in which order, and that none keeps a place that it no longer needs. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AtMost } from '../../../src/jwt/at-most.ts';

describe('AtMost', () => {
  it('D05 never runs more than its limit, and runs all, whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(fc.boolean()), async (limit, fates) => {
        const gate = new AtMost(limit);
        let running = 0;
        let most = 0;
        const task = async (isGood: boolean) => {
          running += 1;
          most = Math.max(most, running);
          await Promise.resolve();
          running -= 1;
          if (!isGood) throw new Error('task failed');
        };
        const settled = await Promise.allSettled(fates.map((isGood) => gate.run(() => task(isGood))));
        expect(settled.map(({ status }) => status === 'fulfilled')).toEqual(fates);
        expect(most).toBe(Math.min(limit, fates.length));
      }),
    );
  });

  it('begins in the order of asking', async () => {
    const gate = new AtMost(2);
    const begun: number[] = [];
    const tasks = Array.from({ length: 9 }, (_, index) =>
      gate.run(async () => {
        begun.push(index);
        await Promise.resolve();
      }),
    );
    await Promise.all(tasks);
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('gives a place back when a task throws before it begins to wait', async () => {
    const gate = new AtMost(1);
    const failing = gate.run(() => {
      throw new TypeError('at once');
    });
    await expect(failing).rejects.toThrow('at once');
    expect(await gate.run(async () => 'done')).toBe('done');
  });
});
