import { describe, expect, it } from 'vitest';
import { secureBytes } from '../../../src/tokens/secure-bytes.ts';

describe('secureBytes()', () => {
  it('gives as many as it is asked for, up to a block', () => {
    for (const count of [0, 1, 12, 40, 4095, 4096]) expect(secureBytes(count)).toHaveLength(count);
    expect(() => secureBytes(4097)).toThrow(RangeError);
  });

  it('never gives the same twice, nor what it has given out before (T12)', () => {
    const seen = new Set(Array.from({ length: 2000 }, () => secureBytes(16).toString('hex')));
    expect(seen.size).toBe(2000);
    expect(seen).not.toContain('00'.repeat(16));
  });

  it('gives bytes of their own: what becomes of them changes no others', () => {
    const first = secureBytes(32);
    const second = secureBytes(32);
    const copy = Buffer.from(second);
    first.fill(1);
    expect(second).toEqual(copy);
  });

  it('gives every value of a byte about as often as any other', () => {
    const counts = new Array<number>(256).fill(0);
    for (let round = 0; round < 400; round += 1)
      for (const byte of secureBytes(1000)) counts[byte] = (counts[byte] ?? 0) + 1;
    const expected = 400_000 / 256;
    const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquared).toBeLessThan(400); // 255 degrees of freedom: more than 400 once in 10^7 runs
  });
});
