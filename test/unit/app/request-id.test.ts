import { describe, expect, it } from 'vitest';
import { randomRequestId } from '../../../src/app/request-id.ts';

describe('randomRequestId()', () => {
  it('gives 32 hexadecimal digits, and never the same twice', () => {
    const ids = Array.from({ length: 2000 }, randomRequestId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });

  it('uses each random bit', () => {
    const ids = Array.from({ length: 1000 }, () => Buffer.from(randomRequestId(), 'hex'));
    for (let bit = 0; bit < 128; bit += 1) {
      const ones = ids.filter((id) => ((id[bit >> 3] ?? 0) >> (bit & 7)) & 1).length;
      expect(Math.abs(ones - 500)).toBeLessThan(120); // 7.5 standard deviations
    }
  });
});
