import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../src/core/time.ts';
import { backOffMs, freshForMs, refreshDelayMs } from '../../../src/jwt/fetch-schedule.ts';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('freshForMs', () => {
  it.each([
    ['nothing said', 10 * MINUTE_MS, null, 10 * MINUTE_MS],
    ['a shorter max-age', 10 * MINUTE_MS, MINUTE_MS, MINUTE_MS],
    ['a longer max-age', 10 * MINUTE_MS, HOUR_MS, 10 * MINUTE_MS],
    ['max-age=0', 10 * MINUTE_MS, 0, 30 * SECOND_MS],
    ['ten years', 30 * DAY_MS, 3650 * DAY_MS, DAY_MS],
    ['cacheTtl of 30 days', 30 * DAY_MS, null, DAY_MS],
    ['cacheTtl of 5 s', 5 * SECOND_MS, null, 5 * SECOND_MS],
    ['cacheTtl of 0', 0, null, SECOND_MS],
  ])('K13 clamps: %s', (_name, cacheTtlMs, cacheMaxAgeMs, expectedMs) => {
    expect(freshForMs(cacheTtlMs, cacheMaxAgeMs)).toBe(expectedMs);
  });
});

describe('refreshDelayMs', () => {
  it('lies between 72 and 80 % of the fresh time', () => {
    fc.assert(
      fc.property(fc.integer({ min: SECOND_MS, max: DAY_MS }), random, (freshMs, chance) => {
        const share = refreshDelayMs(freshMs, chance) / freshMs;
        expect(share).toBeGreaterThanOrEqual(0.719);
        expect(share).toBeLessThanOrEqual(0.801);
      }),
    );
  });
});

describe('backOffMs', () => {
  it('doubles from 1 s to 60 s', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 8, 1e9].map((failures) => backOffMs(failures, 0) / SECOND_MS);
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it('K12 takes off at most half, so that a long outage costs no more than a fetch per 30 s', () => {
    fc.assert(
      fc.property(fc.integer({ min: 7, max: 10_000 }), random, (failures, chance) => {
        expect(backOffMs(failures, chance)).toBeGreaterThanOrEqual(30 * SECOND_MS);
        expect(backOffMs(failures, chance)).toBeLessThanOrEqual(MINUTE_MS);
      }),
    );
  });
});
