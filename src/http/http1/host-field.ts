/** The field that names whom a request is for. What it says is decided elsewhere. */
import { CountersignError } from '../../core/errors.ts';
import { type HeaderList, headerValues } from '../../core/headers.ts';

/** RFC 9112 §3.2: one, which only HTTP/1.0 may leave out. @throws CountersignError bad_host */
export function requireHost(headers: HeaderList, httpVersion: '1.0' | '1.1'): void {
  const count = headerValues(headers, 'host').length;
  if (count > 1 || (count === 0 && httpVersion === '1.1'))
    throw new CountersignError('bad_host', count === 0 ? 'no Host' : 'several Hosts');
}
