import { describe, expect, it } from 'vitest';
import { CountersignError } from '../../../src/core/errors.ts';
import { upstreamFailure } from '../../../src/forward/failure.ts';

function failure(code: string, message = 'why', name = 'Error'): Error {
  return Object.assign(new Error(message), { code, name });
}

describe('upstreamFailure()', () => {
  it.each([
    [failure('ECONNREFUSED'), 'upstream_unreachable'],
    [failure('ENOTFOUND'), 'upstream_unreachable'],
    [failure('CERT_HAS_EXPIRED'), 'upstream_unreachable'],
    [failure('UND_ERR_SOCKET', 'other side closed'), 'upstream_unreachable'],
    [failure('UND_ERR_SOCKET', 'bad upgrade'), 'upstream_protocol_error'],
    [failure('UND_ERR_CONNECT_TIMEOUT'), 'upstream_timeout'],
    [failure('UND_ERR_HEADERS_TIMEOUT'), 'upstream_timeout'],
    [failure('UND_ERR_BODY_TIMEOUT'), 'upstream_timeout'],
    [failure('HPE_INVALID_CONSTANT'), 'upstream_protocol_error'],
    [failure('', 'x', 'HTTPParserError'), 'upstream_protocol_error'],
    [failure('UND_ERR_INVALID_ARG'), 'internal_error'],
    ['a string', 'upstream_unreachable'],
  ])('of %s is %s (U07)', (thrown, code) => {
    expect(upstreamFailure(thrown, 'app').code).toBe(code);
  });

  it('leaves what is classified already as it is', () => {
    const error = new CountersignError('upstream_timeout', 'x');
    expect(upstreamFailure(error, 'app')).toBe(error);
  });
});
