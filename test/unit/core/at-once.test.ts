/** What follows from values that may have to be waited for. */
import { describe, expect, it } from 'vitest';
import { whenThere } from '../../../src/core/at-once.ts';

const doubled = (value: number) => value * 2;
const refuse = () => {
  throw new Error('refused');
};

describe('whenThere', () => {
  it('goes on at once with a value', () => {
    expect(whenThere(21, doubled)).toBe(42);
  });

  it('throws at once what follows on a value throws', () => {
    expect(() => whenThere(21, refuse)).toThrow('refused');
  });

  it('waits for a promise', async () => {
    const result = whenThere(Promise.resolve(21), doubled);
    expect(result).toBeInstanceOf(Promise);
    expect(await result).toBe(42);
  });

  it('rejects with what follows on a promise throws', async () => {
    await expect(whenThere(Promise.resolve(21), refuse)).rejects.toThrow('refused');
  });

  it('does not go on after a rejection', async () => {
    let went = 0;
    const result = whenThere(Promise.reject(new Error('lost')), () => (went += 1));
    await expect(result).rejects.toThrow('lost');
    expect(went).toBe(0);
  });
});
