/** The first line of a request, and the end of what can still become one. */
import { METHODS } from 'node:http';
import { CountersignError } from '../../core/errors.ts';
import { MessageError } from '../../http1/errors.ts';

export interface RequestLine {
  readonly method: string;
  /** As received (RFC 9112 §3.2): what it means is decided elsewhere. */
  readonly target: string;
  readonly httpVersion: '1.0' | '1.1';
}

/** RFC 9112 §3: three parts, one space between them, and no version but those that are framed this way. */
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])$/;

const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);

/**
 * @throws MessageError
 * @throws CountersignError not_implemented for a method that is not registered: nobody knows how its request goes on, and
 * what stands in its place may be a secret
 */
export function parseRequestLine(line: string): RequestLine {
  const match = REQUEST_LINE.exec(line);
  if (match === null) throw new MessageError('the first line is not that of an HTTP/1.1 request');
  const [, method = '', target = '', minor] = match;
  requireKnownMethod(method);
  return { method, target, httpVersion: minor === '1' ? '1.1' : '1.0' };
}

/** @throws CountersignError not_implemented */
export function requireKnownMethod(method: string): void {
  if (!KNOWN_METHODS.has(method)) throw new CountersignError('not_implemented', 'unknown method');
}

/** Methods that make no sense through a gateway: CONNECT opens a tunnel, TRACE echoes credentials. */
const REFUSED_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE']);

/** @throws CountersignError not_implemented */
export function requireServedMethod(method: string): void {
  if (REFUSED_METHODS.has(method)) throw new CountersignError('not_implemented', `method ${method}`);
}

/** A method and what may follow it. A name of more than 32 characters is none of HTTP. */
const BEGUN_LINE = /^(?:$|[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}(?:$| (?:$|[\x21-\x7e\x80-\xff])))/;

/** What is no HTTP may never send a line end: it is refused at once, not when time is up. @throws MessageError */
export function requireBegunLine(text: string): void {
  if (text !== '\r' && !BEGUN_LINE.test(text))
    throw new MessageError('the first line does not begin with a method');
}
