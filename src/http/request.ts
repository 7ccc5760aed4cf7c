/** From node:http's message to a GatewayRequest, with the refusals that node:http leaves to its user. */
import type { IncomingMessage } from 'node:http';
import type { GatewayRequest } from '../core/decision.ts';
import { CountersignError } from '../core/errors.ts';
import { type HeaderList, headerValues, isFieldName, isFieldValue } from '../core/headers.ts';

/** Methods that make no sense through a gateway: CONNECT opens a tunnel, TRACE echoes credentials. */
const REFUSED_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE']);

/** RFC 9110 §8.6, without the forms that parsers read differently: leading zeros, signs, more than 2^53. */
const CONTENT_LENGTH = /^(?:0|[1-9][0-9]{0,15})$/;

/**
 * @throws CountersignError bad_request, headers_too_large, not_implemented, expectation_failed, length_required
 */
export function readRequest(message: IncomingMessage, headerCountMax: number): GatewayRequest {
  const headers: HeaderList = message.rawHeaders;
  const httpVersion = versionOf(message.httpVersion);
  if (headers.length / 2 > headerCountMax)
    throw new CountersignError('headers_too_large', `${headers.length / 2} header lines`);
  checkFields(headers);
  checkFraming(headers, httpVersion);
  checkExpect(headers);
  const method = message.method ?? '';
  if (REFUSED_METHODS.has(method)) throw new CountersignError('not_implemented', `method ${method}`);
  return { method, target: message.url ?? '', headers, httpVersion };
}

function versionOf(version: string): '1.0' | '1.1' {
  if (version === '1.0' || version === '1.1') return version;
  throw new CountersignError('bad_request', `HTTP version ${version} over an HTTP/1 connection`);
}

function checkFields(headers: HeaderList): void {
  for (let index = 0; index < headers.length; index += 2) {
    if (!isFieldName(headers[index] ?? ''))
      throw new CountersignError('bad_request', 'a header name is no token');
    if (!isFieldValue(headers[index + 1] ?? ''))
      throw new CountersignError('bad_request', `the value of ${headers[index]} is no field value`);
  }
}

/** RFC 9112 §6: what another hop might frame in another way is refused, not repaired. */
function checkFraming(headers: HeaderList, httpVersion: '1.0' | '1.1'): void {
  const codings = headerValues(headers, 'transfer-encoding');
  const lengths = headerValues(headers, 'content-length');
  if (codings.length > 0 && httpVersion === '1.0')
    throw new CountersignError('length_required', 'Transfer-Encoding on HTTP/1.0');
  if (codings.length > 1 || lengths.length > 1 || (codings.length > 0 && lengths.length > 0))
    throw new CountersignError('bad_request', 'the body is framed twice');
  if (codings[0] !== undefined && codings[0] !== 'chunked')
    throw new CountersignError('not_implemented', 'Transfer-Encoding is not exactly chunked');
  if (lengths[0] !== undefined && !isContentLength(lengths[0]))
    throw new CountersignError('bad_request', 'Content-Length is no canonical number');
}

function isContentLength(text: string): boolean {
  return CONTENT_LENGTH.test(text) && Number.isSafeInteger(Number(text));
}

function checkExpect(headers: HeaderList): void {
  for (const value of headerValues(headers, 'expect')) {
    if (value.toLowerCase() !== '100-continue')
      throw new CountersignError('expectation_failed', 'Expect is not 100-continue');
  }
}

/** True where a body follows the header section (RFC 9112 §6.3). */
export function hasBody(headers: HeaderList): boolean {
  const length = headerValues(headers, 'content-length')[0];
  return (length !== undefined && length !== '0') || headerValues(headers, 'transfer-encoding').length > 0;
}
