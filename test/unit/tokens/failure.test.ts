import { describe, expect, it } from 'vitest';
import { ServiceError, unauthorized } from '../../../src/tokens/failure.ts';

describe('ServiceError stack', () => {
  it('is kept where we failed, and not walked for a refusal', () => {
    expect(new ServiceError(500, 'x').stack).toContain('failure.test.ts');
    expect(unauthorized('x').stack).not.toContain('failure.test.ts');
  });

  it('leaves the traces of other errors as long as they were', () => {
    const before = Error.stackTraceLimit;
    unauthorized('x');
    expect(Error.stackTraceLimit).toBe(before);
  });
});
