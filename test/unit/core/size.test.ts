import { describe, expect, it } from 'vitest';
import { parseSizeBytes } from '../../../src/core/size.ts';

describe('parseSizeBytes()', () => {
  it.each([
    ['512B', 512],
    ['16KiB', 16_384],
    ['1MiB', 1_048_576],
    ['2GiB', 2_147_483_648],
    ['0B', 0],
  ])('reads %s', (text, bytes) => expect(parseSizeBytes(text)).toBe(bytes));

  it.each(['', '1', '1KB', '1kib', '1.5MiB', '-1B', '1 B', 'B', '1B\n', '1000000000B', 'constructor'])(
    'refuses %j',
    (text) => expect(parseSizeBytes(text)).toBeUndefined(),
  );
});
