/** How the body of a request is framed, and whether its sender waits for a word before sending it. */
import { CountersignError } from '../../core/errors.ts';
import type { HeaderList } from '../../core/headers.ts';
import { contentLength } from '../../http1/content-length.ts';

/** The length of the body in bytes, 0 where there is none, or chunks. */
export type BodyFraming = number | 'chunked';

export interface RequestFraming {
  readonly body: BodyFraming;
  /** A field frames it, be it to nothing. */
  readonly isFramed: boolean;
  /** The sender waits for a 100 (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean;
  /** Words of Connection, in lower case. */
  readonly isClosing: boolean;
  readonly isKeptAlive: boolean;
  readonly isUpgrade: boolean;
  /** The one value of Upgrade, in lower case; null: there is none. Several are joined. */
  readonly upgrade: string | null;
  /** Whatever it is, and in whatever version. */
  readonly hasExpectation: boolean;
}

interface Found {
  coding: string | null;
  length: string | null;
  expect: string | null;
  connection: string | null;
  upgrade: string | null;
}

/**
 * RFC 9112 §6: what another hop might frame in another way is refused, not repaired.
 *
 * @throws CountersignError bad_request, not_implemented, expectation_failed, length_required
 */
export function framingOf(headers: HeaderList, httpVersion: '1.0' | '1.1'): RequestFraming {
  const found: Found = { coding: null, length: null, expect: null, connection: null, upgrade: null };
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    // Most names are told apart by their length alone.
    if (LENGTHS.has(name.length)) note(name.toLowerCase(), headers[index + 1] ?? '', found);
  }
  const options = found.connection === null ? NO_OPTIONS : found.connection.toLowerCase().split(',');
  return {
    body: bodyFraming(found, httpVersion),
    isFramed: found.coding !== null || found.length !== null,
    expectsContinue: expectsContinue(found.expect) && httpVersion === '1.1',
    isClosing: options.some((option) => option.trim() === 'close'),
    isKeptAlive: options.some((option) => option.trim() === 'keep-alive'),
    isUpgrade: options.some((option) => option.trim() === 'upgrade'),
    hasExpectation: found.expect !== null,
    upgrade: found.upgrade?.toLowerCase() ?? null,
  };
}

/**
 * True where another request may follow (RFC 9112 §9.3). What comes behind an upgrade that is not made may be the middle of
 * a request: nothing is read there.
 */
export function isPersistent(
  { isClosing, isKeptAlive, upgrade }: RequestFraming,
  httpVersion: '1.0' | '1.1',
): boolean {
  return upgrade === null && !isClosing && (httpVersion === '1.1' || isKeptAlive);
}

const NO_OPTIONS: readonly string[] = [];

const LENGTHS: ReadonlySet<number> = new Set(
  ['transfer-encoding', 'content-length', 'expect', 'connection', 'upgrade'].map(({ length }) => length),
);

function note(lowerName: string, value: string, found: Found): void {
  switch (lowerName) {
    case 'transfer-encoding':
      found.coding = once(found.coding, value);
      break;
    case 'content-length':
      found.length = once(found.length, value);
      break;
    case 'expect':
      found.expect = joined(found.expect, value);
      break;
    case 'connection':
      found.connection = joined(found.connection, value);
      break;
    case 'upgrade':
      found.upgrade = joined(found.upgrade, value);
      break;
  }
}

/** The same value twice is refused too: it tells of two hands that framed the message. */
function once(before: string | null, value: string): string {
  if (before !== null) throw new CountersignError('bad_request', 'the body is framed twice');
  return value;
}

function joined(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`;
}

function bodyFraming({ coding, length }: Found, httpVersion: '1.0' | '1.1'): BodyFraming {
  if (coding !== null) {
    if (httpVersion === '1.0') throw new CountersignError('length_required', 'Transfer-Encoding on HTTP/1.0');
    if (length !== null) throw new CountersignError('bad_request', 'the body is framed twice');
    if (coding !== 'chunked')
      throw new CountersignError('not_implemented', 'Transfer-Encoding is not exactly chunked');
    return 'chunked';
  }
  if (length === null) return 0;
  const bytes = contentLength(length);
  if (bytes === null) throw new CountersignError('bad_request', 'Content-Length is no canonical number');
  return bytes;
}

function expectsContinue(expect: string | null): boolean {
  if (expect === null) return false;
  if (expect.split(',').every((value) => value.trim().toLowerCase() === '100-continue')) return true;
  throw new CountersignError('expectation_failed', 'Expect is not 100-continue');
}
