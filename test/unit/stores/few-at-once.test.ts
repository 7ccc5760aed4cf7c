import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FewAtOnce } from '../../../src/stores/postgres/few-at-once.ts';
import { StoreUnavailableError } from '../../../src/tokens/store.ts';

const WAIT_MAX_MS = 1000;

describe('FewAtOnce.run()', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('lets the next one in where one ends or fails, in the order of their coming', async () => {
    const few = new FewAtOnce(1, WAIT_MAX_MS);
    const begun: string[] = [];
    const ask = (name: string) =>
      few.run(() => {
        begun.push(name);
        return name === 'b' ? Promise.reject(new Error('b failed')) : Promise.resolve(name);
      });
    const results = await Promise.allSettled(['a', 'b', 'c'].map(ask));
    expect(begun).toEqual(['a', 'b', 'c']);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(vi.getTimerCount()).toBe(0);
    expect(await ask('d')).toBe('d');
  });

  it('T08 is unavailable where its turn does not come, and does not do later what was given up', async () => {
    const few = new FewAtOnce(1, WAIT_MAX_MS);
    const held = Promise.withResolvers<void>();
    const first = few.run(() => held.promise);
    const work = vi.fn(() => Promise.resolve());
    const given = expect(few.run(work)).rejects.toThrow(StoreUnavailableError);
    await vi.advanceTimersByTimeAsync(WAIT_MAX_MS);
    await given;
    held.resolve();
    await first;
    await few.run(() => Promise.resolve());
    expect(work).not.toHaveBeenCalled();
  });
});
