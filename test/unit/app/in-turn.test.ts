import { describe, expect, it } from 'vitest';
import { createTurns } from '../../../src/app/in-turn.ts';

describe('createTurns', () => {
  it('runs one task after another, also behind one that failed', async () => {
    const inTurn = createTurns();
    const steps: string[] = [];
    const task = (name: string) => async () => {
      steps.push(`${name} begins`);
      await Promise.resolve();
      steps.push(`${name} ends`);
      if (name === 'b') throw new Error('b failed');
      return name;
    };
    const [a, b, c] = ['a', 'b', 'c'].map((name) => inTurn(task(name)));
    await expect(a).resolves.toBe('a');
    await expect(b).rejects.toThrow('b failed');
    await expect(c).resolves.toBe('c');
    expect(steps).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });
});
