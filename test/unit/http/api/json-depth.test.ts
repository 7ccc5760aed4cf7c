import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTooDeep, JSON_DEPTH_MAX } from '../../../../src/http/api/json-depth.ts';

/** Levels of a value, the plain way. */
function levelsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(levelsOf));
}

const nested = (levels: number, inside: string) => '['.repeat(levels) + inside + ']'.repeat(levels);

describe('isTooDeep()', () => {
  it('draws the line where it says', () => {
    expect(isTooDeep(nested(JSON_DEPTH_MAX, '1'))).toBe(false);
    expect(isTooDeep(nested(JSON_DEPTH_MAX + 1, '1'))).toBe(true);
  });

  it.each([
    ['a string', '"a"'],
    ['a string with an escape', '"a\\""'],
    ['an empty string', '""'],
  ])('draws it behind %s, too', (_what, text) => {
    const behind = (levels: number) => `[${text},${nested(levels, text)}]`;
    expect(isTooDeep(behind(JSON_DEPTH_MAX - 1))).toBe(false);
    expect(isTooDeep(behind(JSON_DEPTH_MAX))).toBe(true);
  });

  it('counts no bracket within a string, whatever stands before its quotation marks', () => {
    const text = fc.string({ unit: fc.constantFrom('[', '{', '}', ']', '"', '\\', 'a', 'é') });
    fc.assert(
      fc.property(fc.array(text), fc.nat(3), (strings, extra) => {
        const levels = JSON_DEPTH_MAX - 2 + extra;
        const inside = JSON.stringify(Object.fromEntries(strings.map((one) => [one, one])));
        const whole = nested(levels, inside);
        expect(isTooDeep(whole)).toBe(levelsOf(JSON.parse(whole)) > JSON_DEPTH_MAX);
      }),
    );
  });

  it('comes to an end with any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void isTooDeep(text)));
    expect(isTooDeep('"\\')).toBe(false);
  });
});
