import { describe, expect, it } from 'vitest';
import { framingOf, isPersistent } from '../../../../src/http/http1/request-framing.ts';

type Version = '1.0' | '1.1';
const refusing = (code: string) => expect.objectContaining({ code });

describe('framingOf() of the body', () => {
  it.each([
    ['no field', [], 0, false],
    ['Content-Length: 0', ['Content-Length', '0'], 0, true],
    ['Content-Length: 5', ['content-LENGTH', '5'], 5, true],
    ['the largest length', ['Content-Length', '9007199254740991'], 9_007_199_254_740_991, true],
    ['chunked', ['transfer-ENCODING', 'chunked'], 'chunked', true],
    [
      'names of the same lengths',
      ['X-ontent-Length', '5', 'Expectt', 'x', 'Transfer_Encoding', 'chunked'],
      0,
      false,
    ],
  ] as const)('is read from %s', (_what, headers, body, isFramed) => {
    expect(framingOf(headers, '1.1')).toMatchObject({ body, isFramed });
  });

  it.each([
    '',
    ' ',
    '00',
    '05',
    '+5',
    '-5',
    '-0',
    '5 ',
    ' 5',
    '5,5',
    '5, 5',
    '5;',
    '0x5',
    '5e1',
    '5.0',
    '1_000',
    '٥',
    '"5"',
    '9007199254740992',
    '9007199254740993',
    '18446744073709551616',
    '99999999999999999999',
  ])('is refused where Content-Length is %j (S04)', (value) => {
    expect(() => framingOf(['Content-Length', value], '1.1')).toThrow(refusing('bad_request'));
  });

  it.each([
    '',
    ' chunked',
    'chunked ',
    'Chunked',
    'CHUNKED',
    'chunked,',
    ',chunked',
    'chunked, chunked',
    'gzip, chunked',
    'chunked, gzip',
    'chunked, identity',
    'identity',
    'gzip',
    'xchunked',
    'chunked;q=1',
    '"chunked"',
    'chunked\t',
    '\xa0chunked',
    '\x0bchunked',
    'chunKed',
  ])('is refused where Transfer-Encoding is %j (S04)', (value) => {
    expect(() => framingOf(['Transfer-Encoding', value], '1.1')).toThrow(refusing('not_implemented'));
  });

  it.each([
    ['two lengths', ['Content-Length', '5', 'Content-Length', '6']],
    ['the same length twice', ['Content-Length', '5', 'X-A', 'b', 'content-length', '5']],
    ['two codings', ['Transfer-Encoding', 'chunked', 'transfer-encoding', 'chunked']],
    ['an empty coding beside chunked', ['Transfer-Encoding', '', 'Transfer-Encoding', 'chunked']],
    ['a length before chunked', ['Content-Length', '5', 'Transfer-Encoding', 'chunked']],
    ['a length behind chunked', ['Transfer-Encoding', 'chunked', 'Content-Length', '5']],
    ['a length beside a coding of another name', ['Transfer-Encoding', 'gzip', 'Content-Length', '5']],
  ])('is refused where there are %s (S02)', (_what, headers) => {
    expect(() => framingOf(headers, '1.1')).toThrow(refusing('bad_request'));
  });

  it.each(['chunked', 'gzip', ''])(
    'is refused where HTTP/1.0 says Transfer-Encoding: %j (RFC 9112 §6.1)',
    (value) => {
      expect(() => framingOf(['Transfer-Encoding', value], '1.0')).toThrow(refusing('length_required'));
    },
  );
});

describe('framingOf() of Expect', () => {
  it.each([
    ['1.1', ['100-continue'], true],
    ['1.1', ['100-Continue'], true],
    ['1.1', ['100-continue', '100-continue'], true],
    ['1.1', ['100-continue, 100-continue'], true],
    ['1.0', ['100-continue'], false],
  ] as const)('HTTP/%s %j: awaits a 100: %s', (version, values, expectsContinue) => {
    const headers = values.flatMap((value) => ['Expect', value]);
    expect(framingOf(headers, version)).toMatchObject({ expectsContinue, hasExpectation: true });
  });

  it.each(['', 'magic', '100-continue, magic', '100-continue,', '100-continue;q=1', '"100-continue"', '100'])(
    'refuses %j with 417 (RFC 9110 §10.1.1)',
    (value) => {
      for (const version of ['1.0', '1.1'] as Version[])
        expect(() => framingOf(['Expect', value], version)).toThrow(refusing('expectation_failed'));
    },
  );

  it('is nothing where there is none', () => {
    expect(framingOf([], '1.1')).toMatchObject({ expectsContinue: false, hasExpectation: false });
  });
});

describe('framingOf() of Connection', () => {
  it.each([
    [[], {}],
    [['close'], { isClosing: true }],
    [['Close'], { isClosing: true }],
    [['keep-alive'], { isKeptAlive: true }],
    [['Keep-Alive, Upgrade'], { isKeptAlive: true, isUpgrade: true }],
    [['keep-alive,close'], { isKeptAlive: true, isClosing: true }],
    [['keep-alive', 'close'], { isKeptAlive: true, isClosing: true }],
    [['\tclose \t, x'], { isClosing: true }],
    [['x, keep-alive ,\tupgrade'], { isKeptAlive: true, isUpgrade: true }],
    [['closed'], {}],
    [['x-close'], {}],
    [['close;q=1'], {}],
    [['"close"'], {}],
    [[''], {}],
    [[',,close,,'], { isClosing: true }],
  ])('%j says %j', (values, words) => {
    const headers = values.flatMap((value) => ['connection', value]);
    const nothing = { isClosing: false, isKeptAlive: false, isUpgrade: false };
    expect(framingOf(headers, '1.1')).toMatchObject({ ...nothing, ...words });
  });
});

describe('framingOf() of Upgrade', () => {
  it.each([
    [[], null],
    [['websocket'], 'websocket'],
    [['WebSocket'], 'websocket'],
    [['h2c', 'websocket'], 'h2c, websocket'],
    [['websocket', 'websocket'], 'websocket, websocket'],
    [[''], ''],
  ])('%j is %j: several are never one', (values, upgrade) => {
    expect(
      framingOf(
        values.flatMap((value) => ['Upgrade', value]),
        '1.1',
      ).upgrade,
    ).toBe(upgrade);
  });
});

describe('isPersistent()', () => {
  it.each([
    ['1.1', [], true],
    ['1.0', [], false],
    ['1.1', ['Connection', 'close'], false],
    ['1.0', ['Connection', 'keep-alive'], true],
    ['1.0', ['Connection', 'keep-alive, close'], false],
    ['1.1', ['Upgrade', 'h2c'], false],
    ['1.1', ['Upgrade', '', 'Connection', 'keep-alive'], false],
  ] as const)('of HTTP/%s with %j is %s (RFC 9112 §9.3)', (version, headers, expected) => {
    expect(isPersistent(framingOf(headers, version), version)).toBe(expected);
  });
});
