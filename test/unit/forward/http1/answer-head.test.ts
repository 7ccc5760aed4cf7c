import { describe, expect, it } from 'vitest';
import { continuationOf, parseStatusLine } from '../../../../src/forward/http1/answer-head.ts';
import { MessageError } from '../../../../src/http1/errors.ts';

describe('parseStatusLine()', () => {
  it.each([
    ['HTTP/1.1 200 OK', 200, '1.1'],
    ['HTTP/1.1 200 ', 200, '1.1'],
    ['HTTP/1.1 200', 200, '1.1'],
    ['HTTP/1.0 999 A\tb \xe9', 999, '1.0'],
  ])('takes %j', (line, status, version) => expect(parseStatusLine(line)).toEqual({ status, version }));

  it.each([
    ...['HTTP/1.2 200 OK', 'HTTP/2 200 OK', 'HTTP/01.1 200 OK', 'HTTP/1.1  200 OK', 'HTTP/1.1\t200 OK'],
    ...[
      'HTTP/1.1 200OK',
      'HTTP/1.1 2000',
      'HTTP/1.1 099 Odd',
      'HTTP/1.1 20',
      ' HTTP/1.1 200 OK',
      'http/1.1 200 OK',
    ],
    ...['HTTP/1.1 200 O\rK', 'HTTP/1.1 200 O\0K', 'HTTP/1.1 200 OK\r', 'HTTP/1.1 ٢٠٠ OK', ''],
  ])('refuses %j (H10)', (line) => expect(() => parseStatusLine(line)).toThrow(MessageError));
});

const answer = (fields: readonly string[], { status = 200, version = '1.1', method = 'GET' } = {}) =>
  continuationOf({ status, version: version === '1.0' ? '1.0' : '1.1' }, fields, method);

type Refused = readonly [what: string, fields: readonly string[]];

const REFUSED: readonly Refused[] = [
  ['both framings', ['Content-Length', '5', 'Transfer-Encoding', 'chunked']],
  ['the same length twice', ['Content-Length', '5', 'content-length', '5']],
  ['chunks twice', ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked']],
  ...['chunked, chunked', 'gzip, chunked', 'identity', 'chunked;q=1', 'xchunked', ''].map(
    (coding): Refused => [`Transfer-Encoding: ${coding}`, ['Transfer-Encoding', coding]],
  ),
  ...['05', '+5', '-5', '5, 5', '5 5', '0x5', '5.0', '1e3', '', '9007199254740992', '99999999999999999'].map(
    (length): Refused => [`Content-Length: ${length}`, ['Content-Length', length]] as const,
  ),
];

describe('continuationOf()', () => {
  it.each([
    ['a length', ['Content-Length', '5'], { kind: 'length', bytes: 5 }, true],
    [
      'the greatest length',
      ['content-length', '9007199254740991'],
      { kind: 'length', bytes: 2 ** 53 - 1 },
      true,
    ],
    ['chunks', ['TRANSFER-ENCODING', 'CHUNKED'], { kind: 'chunked' }, true],
    ['neither', [], { kind: 'close' }, false],
    [
      'Connection: close',
      ['Content-Length', '5', 'connection', 'x, CLOSE '],
      { kind: 'length', bytes: 5 },
      false,
    ],
    [
      'Connection: closed',
      ['Content-Length', '5', 'Connection', 'closed'],
      { kind: 'length', bytes: 5 },
      true,
    ],
  ])('reads %s', (_what, fields, body, isPersistent) => {
    expect(answer(fields)).toMatchObject({ body, isPersistent });
  });

  it('keeps no connection of HTTP/1.0', () => {
    const fields = ['Content-Length', '5', 'Connection', 'keep-alive'];
    expect(answer(fields, { version: '1.0' })).toMatchObject({ isPersistent: false });
  });

  it.each([204, 304])('knows that a %i has no body, whatever it says', (status) => {
    expect(answer(['Content-Length', '5'], { status })).toMatchObject({
      body: { kind: 'none' },
      isPersistent: true,
    });
  });

  it('knows that the answer to a HEAD has no body, and keeps no connection behind it', () => {
    expect(answer(['Transfer-Encoding', 'chunked'], { method: 'HEAD' })).toMatchObject({
      body: { kind: 'none' },
      isPersistent: false,
    });
  });

  it.each(REFUSED)('refuses %s, with and without a body (H10)', (_what, fields) => {
    expect(() => answer([...fields])).toThrow(MessageError);
    expect(() => answer([...fields], { method: 'HEAD' })).toThrow(MessageError);
    expect(() => answer([...fields], { status: 304 })).toThrow(MessageError);
  });

  it('refuses chunks of HTTP/1.0 (RFC 9112 §6.1)', () => {
    expect(() => answer(['Transfer-Encoding', 'chunked'], { version: '1.0' })).toThrow(MessageError);
  });

  it.each([
    ['timeout=5', 5000],
    ['timeout=5, max=100', 5000],
    ['max=100,Timeout=7', 7000],
    ['xtimeout=5', null],
    ['timeout=5s', null],
    ['timeout', null],
  ])('reads the hint Keep-Alive: %s', (value, keepAliveMs) => {
    expect(answer(['Keep-Alive', value])).toMatchObject({ keepAliveMs });
  });
});
