/** What went wrong on the way to an upstream, in the terms of the error table. */
import { CountersignError, type ErrorCode } from '../core/errors.ts';

const CODES: ReadonlyMap<string, ErrorCode> = new Map([
  ['UND_ERR_CONNECT_TIMEOUT', 'upstream_timeout'],
  ['UND_ERR_HEADERS_TIMEOUT', 'upstream_timeout'],
  ['UND_ERR_BODY_TIMEOUT', 'upstream_timeout'],
  ['ETIMEDOUT', 'upstream_timeout'],
  ['UND_ERR_INVALID_ARG', 'internal_error'],
  ['UND_ERR_HEADERS_OVERFLOW', 'upstream_protocol_error'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'upstream_protocol_error'],
]);

/** undici's words for a 100 or a 101 that nobody asked for. */
const BAD_RESPONSE = /^bad (?:response|upgrade)$/;

/** Anything thrown by an HTTP client. What is not known is upstream_unreachable: no answer was understood. */
export function upstreamFailure(thrown: unknown, upstream: string): CountersignError {
  if (thrown instanceof CountersignError) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return new CountersignError(kindOf(error, code), `upstream ${upstream}: ${code} ${error.message}`.trim(), {
    cause: thrown,
  });
}

function kindOf(error: Error, code: string): ErrorCode {
  if (error.name === 'HTTPParserError' || code.startsWith('HPE_') || BAD_RESPONSE.test(error.message))
    return 'upstream_protocol_error';
  return CODES.get(code) ?? 'upstream_unreachable';
}
