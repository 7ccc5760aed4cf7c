import { describe, expect, it } from 'vitest';
import { failureAnswer } from '../../../../src/http/api/failure.ts';
import { TooLargeError } from '../../../../src/tokens/too-large.ts';

describe('failureAnswer()', () => {
  it('says 400 of a value that the database cannot hold', () => {
    const { status, body } = failureAnswer(new TooLargeError('too large'));
    expect([status, body]).toEqual([
      400,
      { generalErrors: [expect.objectContaining({ code: '[tooLong]' })] },
    ]);
  });
});
