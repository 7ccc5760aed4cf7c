/** The name of a request: the same in its answer, at its upstream and in the log, whoever answers it. */
import { type HeaderList, headerValues } from '../core/headers.ts';

/** Ids are taken over from clients only where they can do no harm in a log or a header. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** The id that the client sent, where it can do no harm. */
export function requestIdOf(headers: HeaderList): string | null {
  const given = headerValues(headers, 'x-request-id');
  return given.length === 1 && given[0] !== undefined && REQUEST_ID.test(given[0]) ? given[0] : null;
}
