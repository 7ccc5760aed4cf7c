import { describe, expect, it, vi } from 'vitest';
import { ClaimsCache } from '../../../src/claims/cache.ts';
import { fakeClock } from '../../support/clock.ts';

function cacheOf({ ttlMs = 60_000, max = 10 } = {}) {
  const clock = fakeClock();
  return { clock, cache: new ClaimsCache<string>({ ttlMs, max, clock }) };
}

const answer = (value = 'value') => vi.fn(async () => value);

describe('ClaimsCache', () => {
  it('AST-P51 asks once for as long as the answer is good', async () => {
    const { cache, clock } = cacheOf();
    const ask = answer();
    for (let count = 0; count < 100; count += 1) await cache.get('user', ask);
    clock.advanceMs(59_999);
    await cache.get('user', ask);
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it('asks again when the answer is old', async () => {
    const { cache, clock } = cacheOf();
    const ask = answer();
    await cache.get('user', ask);
    clock.advanceMs(60_000);
    await cache.get('user', ask);
    expect(ask).toHaveBeenCalledTimes(2);
  });

  it('asks once for concurrent questions', async () => {
    const { cache } = cacheOf();
    const ask = answer();
    await Promise.all(Array.from({ length: 50 }, async () => cache.get('user', ask)));
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it('forgets the least recently used answer first', async () => {
    const { cache } = cacheOf({ max: 2 });
    for (const key of ['a', 'b', 'a', 'c']) await cache.get(key, answer());
    const again = answer();
    await cache.get('a', again);
    await cache.get('b', again);
    expect([again.mock.calls.length, cache.size]).toEqual([1, 2]);
  });

  it.each([{ ttlMs: 0 }, { max: 0 }])('remembers nothing with %o', async (options) => {
    const { cache } = cacheOf(options);
    const ask = answer();
    await cache.get('user', ask);
    await cache.get('user', ask);
    expect([ask.mock.calls.length, cache.size]).toEqual([2, 0]);
  });

  it('does not remember failures', async () => {
    const { cache } = cacheOf();
    const ask = vi
      .fn<() => Promise<string>>()
      .mockRejectedValueOnce(new Error('down'))
      .mockResolvedValue('value');
    await expect(cache.get('user', ask)).rejects.toThrow('down');
    expect(await cache.get('user', ask)).toBe('value');
  });

  it('AST-P51 asks again after clear', async () => {
    const { cache } = cacheOf();
    await cache.get('user', answer('old'));
    cache.clear();
    expect(await cache.get('user', answer('new'))).toBe('new');
  });

  it('does not remember an answer that was under way when it was cleared', async () => {
    const { cache } = cacheOf();
    const { promise, resolve } = Promise.withResolvers<string>();
    const waiting = cache.get('user', () => promise);
    cache.clear();
    resolve('old');
    await waiting;
    expect(cache.size).toBe(0);
  });
});
