import { describe, expect, it } from 'vitest';
import { CountersignError } from '../../../src/core/errors.ts';
import { upstreamFailure } from '../../../src/forward/failure.ts';
import { DeadlineError, RequestError } from '../../../src/forward/http1/errors.ts';
import { MessageError } from '../../../src/http1/errors.ts';

function failure(code: string): Error {
  return Object.assign(new Error('why'), { code });
}

describe('upstreamFailure()', () => {
  it.each([
    [failure('ECONNREFUSED'), 'upstream_unreachable'],
    [failure('ENOTFOUND'), 'upstream_unreachable'],
    [failure('CERT_HAS_EXPIRED'), 'upstream_unreachable'],
    [new Error('the upstream closed the connection'), 'upstream_unreachable'],
    [failure('ETIMEDOUT'), 'upstream_timeout'],
    [new DeadlineError('no answer in time'), 'upstream_timeout'],
    [new MessageError('Content-Length twice'), 'upstream_protocol_error'],
    [failure('HPE_INVALID_CONSTANT'), 'upstream_protocol_error'],
    [new RequestError('Content-Length twice'), 'internal_error'],
    ['a string', 'upstream_unreachable'],
  ])('of %s is %s (U07)', (thrown, code) => {
    expect(upstreamFailure(thrown, 'app').code).toBe(code);
  });

  it('leaves what is classified already as it is', () => {
    const error = new CountersignError('upstream_timeout', 'x');
    expect(upstreamFailure(error, 'app')).toBe(error);
  });
});
