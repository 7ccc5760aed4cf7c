import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineChunk } from '../../../src/telemetry/log-output.ts';

const line = fc
  .tuple(fc.string({ unit: 'grapheme' }), fc.constantFrom(1, 100, 9000))
  .map(([text, times]) => `${text.repeat(times)}\n`);

function collected(lines: readonly string[]): Buffer[] {
  const written: Buffer[] = [];
  const chunk = new LineChunk((bytes) => written.push(bytes));
  for (const one of lines) chunk.add(one);
  chunk.release();
  return written;
}

describe('LineChunk', () => {
  it('writes the bytes of all lines, in order', () => {
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        expect(Buffer.concat(collected(lines)).toString()).toBe(lines.join(''));
      }),
    );
  });

  it('writes whole lines only, so that those of several processes do not mix', () => {
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const written of collected(lines)) expect(written.at(-1)).toBe(10);
      }),
    );
  });

  it('writes many short lines together', () => {
    expect(collected(Array.from({ length: 1000 }, () => 'a line\n'))).toHaveLength(1);
  });

  it('overwrites nothing that was written', () => {
    const written: Buffer[] = [];
    const chunk = new LineChunk((bytes) => written.push(bytes));
    chunk.add('one\n');
    chunk.release();
    chunk.add('two\n');
    chunk.release();
    expect(written.map(String)).toEqual(['one\n', 'two\n']);
  });
});
