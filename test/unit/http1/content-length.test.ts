import { describe, expect, it } from 'vitest';
import { contentLength } from '../../../src/http1/content-length.ts';

describe('contentLength()', () => {
  it.each([
    ['0', 0],
    ['5', 5],
    ['10', 10],
    ['9007199254740991', 9_007_199_254_740_991],
  ])('of %j is %d', (text, bytes) => {
    expect(contentLength(text)).toBe(bytes);
  });

  it.each([
    '',
    ' ',
    '00',
    '01',
    '+1',
    '-1',
    '1 ',
    ' 1',
    '1,1',
    '1.0',
    '1e3',
    '0x1',
    '1_0',
    '١',
    '9007199254740992',
    '9'.repeat(17),
  ])('of %j is none (RFC 9110 §8.6)', (text) => {
    expect(contentLength(text)).toBeNull();
  });
});
