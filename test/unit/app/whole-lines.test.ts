import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wholeLines } from '../../../src/app/whole-lines.ts';

describe('wholeLines', () => {
  it('hands on the same text in whole lines, however it was cut, and keeps back what has no end', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n') })), (pieces) => {
        const handed: string[] = [];
        const take = wholeLines((lines) => handed.push(lines));
        for (const piece of pieces) take(piece);
        const text = pieces.join('');
        expect(handed.join('')).toBe(text.slice(0, text.lastIndexOf('\n') + 1));
        for (const lines of handed) expect(lines.endsWith('\n')).toBe(true);
      }),
    );
  });
});
