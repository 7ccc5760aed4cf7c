/** What went wrong on the way to an upstream, in the terms of the error table. */
import { CountersignError, type ErrorCode } from '../core/errors.ts';
import { MessageError } from '../http1/errors.ts';
import { DeadlineError, RequestError } from './http1/errors.ts';

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
  if (error instanceof MessageError) return 'upstream_protocol_error';
  if (error instanceof DeadlineError || code === 'ETIMEDOUT') return 'upstream_timeout';
  if (error instanceof RequestError) return 'internal_error';
  // node:http reads the answers to upgrades.
  return code.startsWith('HPE_') ? 'upstream_protocol_error' : 'upstream_unreachable';
}
