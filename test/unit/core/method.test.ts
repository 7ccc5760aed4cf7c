import { METHODS } from 'node:http';
import { describe, expect, it } from 'vitest';
import { COMMON_METHODS, isCommonMethod, NAMED_METHODS } from '../../../src/core/method.ts';

describe('COMMON_METHODS and NAMED_METHODS', () => {
  it('are, with CONNECT and TRACE, all that a request line may have (P06)', () => {
    expect([...COMMON_METHODS, ...NAMED_METHODS, 'CONNECT', 'TRACE'].sort()).toEqual([...METHODS].sort());
  });
});

describe('isCommonMethod()', () => {
  it.each(['PURGE', 'get', '', 'constructor'])('is false for %j (P06)', (method) =>
    expect(isCommonMethod(method)).toBe(false),
  );
  it.each(COMMON_METHODS)('is true for %s', (method) => expect(isCommonMethod(method)).toBe(true));
});
