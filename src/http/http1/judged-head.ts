/** What a head that was read means for its connection: how its body is framed, or why it may only be refused. */
import { CountersignError } from '../../core/errors.ts';
import { requireHost } from './host-field.ts';
import type { IncomingRequest } from './incoming-request.ts';
import { framingOf, type RequestFraming } from './request-framing.ts';
import { DRAIN_BYTES_MAX, unreadable } from './request-intake.ts';
import { requireServedMethod } from './request-line.ts';
import type { RequestHead } from './request-reader.ts';

/** The error: the request is answered with it, and nothing behind its head is read. */
export function judgedFraming(head: RequestHead): RequestFraming | CountersignError {
  try {
    requireServedMethod(head.method);
    requireHost(head.headers, head.httpVersion);
    return framingOf(head.headers, head.httpVersion);
  } catch (thrown) {
    return unreadable(thrown);
  }
}

/** The request as handlers see it. */
export function incomingRequest(
  { method, target, httpVersion, headers }: RequestHead,
  framing: RequestFraming | CountersignError,
  { id, peer, body }: Pick<IncomingRequest, 'id' | 'peer' | 'body'>,
): IncomingRequest {
  const isRefused = framing instanceof CountersignError;
  return {
    id,
    method,
    target,
    headers,
    httpVersion,
    peer,
    body,
    expectsContinue: !isRefused && framing.expectsContinue,
    isDrainable: !isRefused && isDrainable(framing),
    refusal: isRefused ? framing : null,
  };
}

function isDrainable({ body, expectsContinue }: RequestFraming): boolean {
  return body === 0 || (body !== 'chunked' && body <= DRAIN_BYTES_MAX && !expectsContinue);
}
