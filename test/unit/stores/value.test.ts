import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromStored, toStored } from '../../../src/stores/value.ts';

/** Any sequence of code units, halves of pairs included. */
const codeUnits = fc
  .array(fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 0xd800, 0xdc00, 0xe000, 0x22, 0x5c)), { maxLength: 8 })
  .map((units) => String.fromCharCode(...units));

describe('toStored() and fromStored()', () => {
  it('give back any text, number or null', () => {
    fc.assert(
      fc.property(fc.oneof(codeUnits, fc.integer(), fc.constant(null)), (value) => {
        expect(fromStored(toStored(value))).toBe(value);
      }),
    );
  });

  it('store only what every database keeps', () => {
    fc.assert(
      fc.property(codeUnits, (text) => {
        const stored = String(toStored(text));
        expect([stored.isWellFormed(), stored.includes('\0')]).toEqual([true, false]);
      }),
    );
  });

  it('never make two texts one', () => {
    fc.assert(
      fc.property(codeUnits, codeUnits, (one, other) => {
        fc.pre(one !== other);
        expect(toStored(one)).not.toBe(toStored(other));
      }),
    );
  });

  it('leave ordinary text as it is', () => {
    expect(toStored('Jürgen \u{1F600} "x"\\')).toBe('Jürgen \u{1F600} "x"\\');
  });
});
