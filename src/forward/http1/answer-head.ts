/** What the head of an answer means: its status, how its body is framed, and whether its connection may be kept. */
import type { HeaderList } from '../../core/headers.ts';
import { SECOND_MS } from '../../core/time.ts';
import { contentLength } from '../../http1/content-length.ts';
import { MessageError } from '../../http1/errors.ts';

export interface StatusLine {
  /** 100 to 999. */
  readonly status: number;
  readonly version: '1.0' | '1.1';
}

/** RFC 9112 §4. The reason phrase goes nowhere, but a character that HTTP forbids makes the rest doubtful. */
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;

/** @throws MessageError */
export function parseStatusLine(line: string): StatusLine {
  const match = STATUS_LINE.exec(line);
  if (match === null) throw new MessageError('the status line is not that of HTTP/1.1');
  return { status: Number(match[2]), version: match[1] === '1' ? '1.1' : '1.0' };
}

/** `close`: the body ends with the connection. */
export type BodyFraming =
  | { readonly kind: 'none' | 'chunked' | 'close' }
  | { readonly kind: 'length'; readonly bytes: number };

/** How the answer goes on behind its head. */
export interface Continuation {
  readonly body: BodyFraming;
  /** The connection may carry another request. */
  readonly isPersistent: boolean;
  /** How long the upstream says that it keeps the connection; null: it does not say. */
  readonly keepAliveMs: number | null;
}

interface FramingFields {
  length: string | null;
  coding: string | null;
  isClosing: boolean;
  keepAliveMs: number | null;
}

const NO_BODY: BodyFraming = { kind: 'none' };
const CHUNKED: BodyFraming = { kind: 'chunked' };
const UNTIL_CLOSE: BodyFraming = { kind: 'close' };

/**
 * RFC 9112 §6.3, without its repairs: what is framed twice, or in a way that readers disagree on, is refused. After
 * HEAD a connection is not kept: some upstreams send the body all the same, and it would be the next answer.
 *
 * @throws MessageError
 */
export function continuationOf(line: StatusLine, fields: HeaderList, method: string): Continuation {
  const found = framingFields(fields);
  const isHead = method === 'HEAD';
  const framing = framingOf(found, line.version);
  const body = isHead || line.status === 204 || line.status === 304 ? NO_BODY : framing;
  const isPersistent = line.version === '1.1' && !found.isClosing && !isHead && body !== UNTIL_CLOSE;
  return { body, isPersistent, keepAliveMs: found.keepAliveMs };
}

function framingOf({ length, coding }: FramingFields, version: StatusLine['version']): BodyFraming {
  if (coding !== null) {
    if (length !== null) throw new MessageError('Content-Length beside Transfer-Encoding');
    if (version === '1.0') throw new MessageError('Transfer-Encoding in HTTP/1.0'); // RFC 9112 §6.1
    if (coding.toLowerCase() !== 'chunked')
      throw new MessageError('Transfer-Encoding is not exactly chunked');
    return CHUNKED;
  }
  if (length === null) return UNTIL_CLOSE;
  const bytes = contentLength(length);
  if (bytes === null) throw new MessageError('Content-Length is no canonical number');
  return { kind: 'length', bytes };
}

function framingFields(fields: HeaderList): FramingFields {
  const found: FramingFields = { length: null, coding: null, isClosing: false, keepAliveMs: null };
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? '';
    // Most names are told apart by their length alone.
    if (name.length === 14 || name.length === 17 || name.length === 10)
      noteField(name.toLowerCase(), fields[index + 1] ?? '', found);
  }
  return found;
}

function noteField(lowerName: string, value: string, found: FramingFields): void {
  switch (lowerName) {
    case 'content-length':
      found.length = once(found.length, value, 'Content-Length');
      break;
    case 'transfer-encoding':
      found.coding = once(found.coding, value, 'Transfer-Encoding');
      break;
    case 'connection':
      found.isClosing ||= value !== 'keep-alive' && hasClose(value);
      break;
    case 'keep-alive':
      found.keepAliveMs = keepAliveMs(value);
      break;
  }
}

function hasClose(connection: string): boolean {
  return connection.split(',').some((option) => option.trim().toLowerCase() === 'close');
}

/** The same value twice is refused too: it tells of two hands that framed the message. */
function once(before: string | null, value: string, name: string): string {
  if (before !== null) throw new MessageError(`${name} twice`);
  return value;
}

function keepAliveMs(value: string): number | null {
  const seconds = /(?:^|[,\s])timeout=(\d{1,9})(?![^,\s])/i.exec(value)?.[1];
  return seconds === undefined ? null : Number(seconds) * SECOND_MS;
}
