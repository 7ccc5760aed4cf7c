import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDurationMs, numericDate, parseDurationMs } from '../../../src/core/time.ts';

describe('parseDurationMs()', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['0s', 0],
    ['999999999ms', 999_999_999],
  ])('reads %s', (text, durationMs) => expect(parseDurationMs(text)).toBe(durationMs));

  it.each(['', '5', 's', '-5s', '5 s', '1.5h', '5S', '5s\n', '1e3ms', '١s', '1000000000ms', '5w', '5mss'])(
    'refuses %j',
    (text) => expect(parseDurationMs(text)).toBeUndefined(),
  );
});

describe('formatDurationMs()', () => {
  it.each([
    [300_000, '5m'],
    [90_000, '90s'],
    [1_500, '1500ms'],
    [86_400_000, '1d'],
    [0, '0ms'],
  ])('writes %d as %s', (durationMs, text) => expect(formatDurationMs(durationMs)).toBe(text));

  it('is undone by parseDurationMs()', () => {
    fc.assert(
      fc.property(fc.nat(999_999_999), (durationMs) => {
        expect(parseDurationMs(formatDurationMs(durationMs))).toBe(durationMs);
      }),
    );
  });
});

describe('numericDate()', () => {
  it.each([
    [0, 0],
    [999, 0],
    [1_000, 1],
    [1_700_000_000_999, 1_700_000_000],
  ])('rounds %d ms down to %d s', (timeMs, seconds) => expect(numericDate(timeMs)).toBe(seconds));
});
