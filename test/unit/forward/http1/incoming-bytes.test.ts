import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IncomingBytes } from '../../../../src/forward/http1/incoming-bytes.ts';

/** Plays the socket: reads the text in pieces of at most these sizes, into the buffers that it is given. */
function receive(text: string, sizes: readonly number[]) {
  const incoming = new IncomingBytes();
  const pieces: Buffer[] = [];
  const buffers: Uint8Array[] = [];
  incoming.onPiece((piece) => void pieces.push(piece));
  const next = () => {
    const { buffer } = incoming.options;
    return typeof buffer === 'function' ? buffer() : buffer;
  };
  let rest = Buffer.from(text, 'latin1');
  for (let turn = 0; rest.length > 0; turn += 1) {
    const buffer = next();
    const bytes = Math.min(
      rest.length,
      buffer.length,
      Math.max(1, sizes[turn % sizes.length] ?? rest.length),
    );
    buffer.set(rest.subarray(0, bytes));
    buffers.push(buffer);
    expect(incoming.options.callback(bytes, buffer)).toBe(true);
    rest = rest.subarray(bytes);
  }
  return { pieces, buffers, text: Buffer.concat(pieces).toString('latin1') };
}

const LONG = Array.from({ length: 30_000 }, (_unused, index) => `${index},`).join('');

describe('IncomingBytes', () => {
  it('hands on what came, and overwrites nothing of it afterwards (S07)', () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.constantFrom(4095, 4096, 4097, 65_536));
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 10 }), (sizes) => {
        expect(receive(LONG, sizes).text).toBe(LONG);
      }),
      { numRuns: 100, seed: 20_261_122 },
    );
  });

  it('reads small answers into one buffer', () => {
    expect(new Set(receive(LONG.slice(0, 10_000), [1000]).buffers).size).toBe(1);
  });

  it('reads more at once when there is more, and returns to the small buffer', () => {
    const { buffers } = receive(LONG.slice(0, 150_000), [65_536, 65_536, 65_536, 100]);
    expect(buffers.slice(0, 3).map(({ length }) => length)).toEqual([4096, 65_536, 65_536]);
    expect(buffers[4] === buffers[0]).toBe(true);
  });
});
