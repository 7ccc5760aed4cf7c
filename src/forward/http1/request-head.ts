/** Writes the head of a request as the bytes that leave, and refuses what would not be read as one request. */
import { type HeaderList, isFieldName, isFieldValue, isHeaderNamed } from '../../core/headers.ts';
import { contentLength } from '../../http1/content-length.ts';
import { RequestError } from './errors.ts';

export interface RequestLine {
  readonly method: string;
  /** Origin-form. */
  readonly target: string;
  /** Names and values in turn, Host first. May hold one Content-Length, and nothing else that frames. */
  readonly headers: HeaderList;
  readonly hasBody: boolean;
}

export interface RequestHead {
  /** Latin-1, with the empty line at its end. */
  readonly text: string;
  /** How the body goes on: its length in bytes, or chunks; null: there is none. */
  readonly body: number | 'chunked' | null;
}

/** No white space and no control character, so that the line has three parts (RFC 9112 §3). */
const TARGET = /^\/[\x21-\x7e\x80-\xff]*$/;
/** Methods whose requests say that they have no body (RFC 9110 §8.6). */
const ANTICIPATES_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
const CONTENT_LENGTH = 'content-length';

/** @throws RequestError */
export function requestHead({ method, target, headers, hasBody }: RequestLine): RequestHead {
  if (!isFieldName(method)) throw new RequestError('the method is no token');
  if (!TARGET.test(target)) throw new RequestError('the target is not in origin-form');
  const fields = fieldLines(headers);
  const body = bodyOf(fields.length, hasBody);
  const framing = framingLine(method, body, fields.length);
  // After HEAD the connection is not kept (see answer-head.ts), and the upstream may know.
  const closing = method === 'HEAD' ? 'Connection: close\r\n' : '';
  return { text: `${method} ${target} HTTP/1.1\r\n${fields.text}${closing}${framing}\r\n`, body };
}

interface FieldLines {
  readonly text: string;
  /** Value of Content-Length; null: there is none. */
  readonly length: string | null;
}

function fieldLines(headers: HeaderList): FieldLines {
  let text = '';
  let length: string | null = null;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const value = headers[index + 1] ?? '';
    requireField(name, value);
    if (isHeaderNamed(name, CONTENT_LENGTH)) {
      if (length !== null) throw new RequestError('Content-Length twice');
      length = value;
    }
    text += `${name}: ${value}\r\n`;
  }
  return { text, length };
}

function requireField(name: string, value: string): void {
  if (!isFieldName(name)) throw new RequestError('a header name is no token');
  if (!isFieldValue(value)) throw new RequestError(`the value of ${name} is no field value`);
  if (isReserved(name)) throw new RequestError(`${name} is not to be forwarded`);
}

/**
 * What only this file may say about a connection and its framing. Headers were filtered before: one here is a defect.
 * Told apart by length first: most names are none of these.
 */
function isReserved(name: string): boolean {
  switch (name.length) {
    case 6:
      return isHeaderNamed(name, 'expect');
    case 7:
      return isHeaderNamed(name, 'upgrade');
    case 10:
      return isHeaderNamed(name, 'connection') || isHeaderNamed(name, 'keep-alive');
    case 17:
      return isHeaderNamed(name, 'transfer-encoding');
    default:
      return false;
  }
}

function bodyOf(length: string | null, hasBody: boolean): RequestHead['body'] {
  if (length === null) return hasBody ? 'chunked' : null;
  const bytes = contentLength(length);
  if (bytes === null) throw new RequestError('Content-Length is no canonical number');
  if (!hasBody && bytes > 0) throw new RequestError('Content-Length without a body');
  return hasBody ? bytes : null;
}

function framingLine(method: string, body: RequestHead['body'], length: string | null): string {
  if (body === 'chunked') return 'Transfer-Encoding: chunked\r\n';
  return length === null && ANTICIPATES_BODY.has(method) ? 'Content-Length: 0\r\n' : '';
}
