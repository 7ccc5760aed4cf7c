import { describe, expect, it } from 'vitest';
import { CountersignError } from '../../../../src/core/errors.ts';
import { type RequestHead, RequestReader } from '../../../../src/http/http1/request-reader.ts';
import { MessageError, SectionTooLargeError } from '../../../../src/http1/errors.ts';

const HEADER_BYTES = 1024;
const HEADER_COUNT = 10;

const reader = (headerBytes = HEADER_BYTES) => new RequestReader(headerBytes, HEADER_COUNT);
const bytesOf = (text: string) => Buffer.from(text, 'latin1');

/** The heads in the pieces, and what is behind the last one. Each is whole: nothing is read as a body. */
function headsOf(pieces: readonly Buffer[], one = reader()): { heads: RequestHead[]; hasBegun: boolean } {
  const heads: RequestHead[] = [];
  for (const piece of pieces) {
    let at = 0;
    while (at < piece.length) {
      at = one.read(piece, at);
      const head = one.take();
      if (head !== null) heads.push(head);
    }
  }
  return { heads, hasBegun: one.hasBegun };
}

const GET = 'GET / HTTP/1.1\r\nHost: test\r\n\r\n';
const REQUESTS = [
  ['the shortest one', 'GET / HTTP/1.1\r\n\r\n'],
  ['one with a few fields', 'GET /a?b=c HTTP/1.1\r\nHost: test\r\nX-Empty:\r\nX-A: \t b c\t \r\n\r\n'],
  ['an empty line before it', `\r\n${GET}`],
  ['HTTP/1.0', 'POST * HTTP/1.0\r\n\r\n'],
  ['latin-1 in target and value', 'GET /\xe4 HTTP/1.1\r\nHost: \xff\r\n\r\n'],
  ['two in a row', `${GET}DELETE /x HTTP/1.1\r\nHost: test\r\n\r\n`],
  ['two with the stray line end of an old client between them (RFC 9112 §2.2)', `${GET}\r\n${GET}`],
  ['fields of the same name', 'GET / HTTP/1.1\r\nA: 1\r\na: 2\r\nA: 1\r\n\r\n'],
] as const;

describe('RequestReader', () => {
  it.each(REQUESTS)('reads %s the same, wherever it is cut', (_what, text) => {
    const bytes = bytesOf(text);
    const whole = headsOf([bytes]);
    expect(whole.heads.length).toBeGreaterThan(0);
    expect(whole.hasBegun).toBe(false);
    for (let at = 1; at < bytes.length; at += 1)
      expect(headsOf([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole);
  });

  it.each(REQUESTS)('reads %s the same, byte by byte', (_what, text) => {
    const bytes = bytesOf(text);
    expect(headsOf([...bytes].map((byte) => Buffer.from([byte])))).toEqual(headsOf([bytes]));
  });

  it('gives names and values as they stood, without the blanks around values', () => {
    const { heads } = headsOf([
      bytesOf('PUT /x HTTP/1.1\r\nhOsT: test\r\nX-A:\t b  c \r\nX-Empty: \r\n\r\n'),
    ]);
    expect(heads).toEqual([
      {
        method: 'PUT',
        target: '/x',
        httpVersion: '1.1',
        headers: ['hOsT', 'test', 'X-A', 'b  c', 'X-Empty', ''],
      },
    ]);
  });

  it('takes a byte beyond ASCII for the character of its number, not for UTF-8', () => {
    const { heads } = headsOf([
      Buffer.concat([bytesOf('GET / HTTP/1.1\r\nA: '), Buffer.from('ä'), bytesOf('\r\n\r\n')]),
    ]);
    expect(heads[0]?.headers).toEqual(['A', '\xc3\xa4']);
  });

  it('leaves what is behind the head to others', () => {
    const one = reader();
    const bytes = bytesOf(`${GET}body\0`);
    expect(one.read(bytes, 0)).toBe(GET.length);
    expect(one.take()?.target).toBe('/');
    expect(one.hasBegun).toBe(false);
  });

  it.each([
    ['nothing', '', false],
    ['half an empty line', '\r', false],
    ['an empty line', '\r\n', false],
    ['an empty line and half another', '\r\n\r', false],
    ['a letter of a method', 'G', true],
    ['a letter behind an empty line', '\r\nG', true],
    ['a whole first line', 'GET / HTTP/1.1\r\n', true],
    ['all but the last byte', GET.slice(0, -1), true],
  ])('knows whether a head has begun by %s', (_what, text, hasBegun) => {
    const one = reader();
    one.read(bytesOf(text), 0);
    expect(one.hasBegun).toBe(hasBegun);
  });

  describe('refuses at once', () => {
    it.each([
      ['a TLS handshake', '\x16\x03\x01\x02\x00\x01'],
      ['a space before the method', ' GET'],
      ['a line feed alone', '\n'],
      ['a carriage return without a line feed', '\rG'],
      ['a byte beyond ASCII', '\xc3'],
      ['a control character in the method', 'GE\x01'],
      ['a control character in the target', 'GET \x01'],
      ['two spaces behind the method', 'GET  '],
      ['a method of 33 letters', 'A'.repeat(33)],
      ['a second empty line', '\r\n\r\n'],
      ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n'],
      ['a request of HTTP/0.9', 'GET /\r\n'],
      ['a greeting of SMTP', 'EHLO mail.test\r\n'],
      ['a version that is none', 'GET / HTTP/1.2\r\n'],
      ['a first line that ends in a line feed', 'GET / HTTP/1.1\n'],
    ])('%s', (_what, text) => {
      expect(() => headsOf([bytesOf(text)])).toThrow(MessageError);
      expect(() => headsOf([...bytesOf(text)].map((byte) => Buffer.from([byte])))).toThrow(MessageError);
    });

    it('an unknown method, which is not implemented', () => {
      expect(() => headsOf([bytesOf('BREW /pot HTTP/1.1\r\n')])).toThrow(CountersignError);
    });
  });

  describe('refuses a field line', () => {
    it.each([
      ['without a colon', 'Host'],
      ['without a name', ': x'],
      ['with a space before its colon', 'Host : x'],
      ['that continues the one before', 'A: b\r\n c'],
      ['that begins with a blank behind the first line', ' A: b'],
      ['with a NUL', 'A: b\0c'],
      ['with a carriage return in it', 'A: b\rc'],
      ['with a carriage return before its end', 'A: b\r'],
      ['with a delete', 'A: \x7f'],
      ['with a vertical tab', 'A: \x0b'],
      ['that ends in a line feed', 'A: b\nC: d'],
      ['with a name beyond ASCII', 'Ä: b'],
      ['with a quote in its name', '"A": b'],
    ])('%s (S02)', (_what, line) => {
      const bytes = bytesOf(`GET / HTTP/1.1\r\n${line}\r\n\r\n`);
      for (let at = 0; at <= bytes.length; at += 1)
        expect(() => headsOf([bytes.subarray(0, at), bytes.subarray(at)])).toThrow(MessageError);
    });
  });

  describe('is bounded', () => {
    const ofBytes = (bytes: number) => `GET / HTTP/1.1\r\nA: ${'x'.repeat(bytes - 23)}\r\n\r\n`;
    const ofLines = (lines: number) => `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(lines)}\r\n`;

    it('to headerBytes exactly, first line and last line end included', () => {
      expect(ofBytes(HEADER_BYTES)).toHaveLength(HEADER_BYTES);
      expect(headsOf([bytesOf(ofBytes(HEADER_BYTES))]).heads).toHaveLength(1);
      expect(() => headsOf([bytesOf(ofBytes(HEADER_BYTES + 1))])).toThrow(SectionTooLargeError);
    });

    it('to headerBytes exactly, byte by byte', () => {
      const pieces = (text: string) => [...bytesOf(text)].map((byte) => Buffer.from([byte]));
      expect(headsOf(pieces(ofBytes(HEADER_BYTES))).heads).toHaveLength(1);
      expect(() => headsOf(pieces(ofBytes(HEADER_BYTES + 1)))).toThrow(SectionTooLargeError);
    });

    it('to headerBytes for each head, not for what stands in one piece', () => {
      expect(headsOf([bytesOf(ofBytes(HEADER_BYTES).repeat(3))]).heads).toHaveLength(3);
    });

    it('to headerCount exactly', () => {
      expect(headsOf([bytesOf(ofLines(HEADER_COUNT))]).heads).toHaveLength(1);
      expect(() => headsOf([bytesOf(ofLines(HEADER_COUNT + 1))])).toThrow(SectionTooLargeError);
    });

    it('while its end does not come', () => {
      expect(() => headsOf([bytesOf(`GET /${'a'.repeat(HEADER_BYTES)}`)])).toThrow(SectionTooLargeError);
    });

    it.each([4095, 4096, 4097, 8192])(
      'where the head of %i bytes is longer than what is read at once',
      (bytes) => {
        expect(
          headsOf([bytesOf(ofBytes(bytes) + GET)], reader(16_384)).heads.map(({ target }) => target),
        ).toEqual(['/', '/']);
      },
    );
  });
});
