/** A refusal as the client sees it: RFC 9457 problem, RFC 6750 challenge. Constant text, nothing from the token. */
import { challengeOf } from '../core/challenge.ts';
import { type CountersignError, errorRow } from '../core/errors.ts';

export interface Problem {
  readonly status: number;
  /** Names and values in turn; without Connection and Date. */
  readonly headers: string[];
  readonly body: string;
}

/** Problem types are names, not addresses: no client should fetch them, and none can be hijacked. See docs/errors.md. */
const TYPE_BASE = 'urn:countersign:error:';

/** Seconds to wait where a retryable error does not know better. */
const RETRY_AFTER_SECONDS = 5;

export function problemOf(error: CountersignError, requestId: string): Problem {
  const { status, title, retryable } = errorRow(error.code);
  const body = JSON.stringify({
    type: TYPE_BASE + error.code,
    title,
    status,
    code: error.code,
    instance: requestId,
  });
  const headers = [
    'Content-Type',
    'application/problem+json',
    'Content-Length',
    String(Buffer.byteLength(body)),
  ];
  headers.push('Cache-Control', 'no-store', 'X-Request-Id', requestId);
  const challenge = challengeOf(error);
  if (challenge !== null) headers.push('WWW-Authenticate', challenge);
  if (error.code === 'method_not_allowed') headers.push('Allow', error.parameter ?? '');
  if (status === 503 && retryable)
    headers.push('Retry-After', String(error.retryAfterSeconds ?? RETRY_AFTER_SECONDS));
  return { status, headers, body };
}
