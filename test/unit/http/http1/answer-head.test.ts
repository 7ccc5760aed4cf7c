import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerFields, isBodyless, statusLine } from '../../../../src/http/http1/answer-head.ts';

describe('answerFields()', () => {
  it('writes each field as it is given, and finds the length', () => {
    expect(answerFields(200, ['Content-Type', 'text/plain', 'content-LENGTH', '5', 'X-A', ''])).toEqual({
      status: 200,
      text: 'Content-Type: text/plain\r\ncontent-LENGTH: 5\r\nX-A: \r\n',
      length: 5,
      hasDate: false,
    });
  });

  it.each([
    [['date', 'x'], true],
    [['Date', 'x'], true],
    [['X-Date', 'x', 'Dates', 'x', 'Data', 'x'], false],
  ])('of %j: has a Date: %s', (headers, hasDate) => {
    expect(answerFields(200, headers).hasDate).toBe(hasDate);
  });

  it.each(['Connection', 'connection', 'Transfer-Encoding', 'TRANSFER-encoding', 'Keep-Alive', 'Upgrade'])(
    'refuses %s: only the connection may say that',
    (name) => {
      expect(() => answerFields(200, [name, 'close'])).toThrow(TypeError);
    },
  );

  it.each([
    ['a list', ['Content-Length', '5, 5']],
    ['a sign', ['Content-Length', '+5']],
    ['leading zeros', ['Content-Length', '05']],
    ['nothing', ['Content-Length', '']],
    ['the same twice', ['Content-Length', '5', 'content-length', '5']],
  ])('refuses a Content-Length of %s', (_what, headers) => {
    expect(() => answerFields(200, headers)).toThrow(TypeError);
  });

  it.each([
    ['a line end in a value', ['X-A', 'b\r\nSet-Cookie: c']],
    ['a carriage return in a value', ['X-A', 'b\rc']],
    ['a line feed in a value', ['X-A', 'b\nc']],
    ['a NUL in a value', ['X-A', 'b\0']],
    ['a delete in a value', ['X-A', '\x7f']],
    ['a character beyond latin-1 in a value', ['X-A', 'ł']],
    ['a line end whose low byte alone is one', ['X-A', 'b\u010dc\u010ad']],
    ['an empty name', ['', 'b']],
    ['a colon in a name', ['X:A', 'b']],
    ['a space in a name', ['X A', 'b']],
    ['a line end in a name', ['X\r\nA', 'b']],
    ['a name beyond ASCII', ['Ä', 'b']],
  ])('refuses %s (H10)', (_what, headers) => {
    expect(() => answerFields(200, headers)).toThrow(TypeError);
  });

  it.each([Number.NaN, -1, 0, 99, 100, 101, 199, 1000, Infinity])('refuses the status %d', (status) => {
    expect(() => answerFields(status, [])).toThrow(TypeError);
  });

  it('lets nothing leave that is no field line, whatever it is given (H10)', () => {
    const text = fc.string({ unit: 'binary', maxLength: 8 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 6 }), (headers) => {
        let written = '';
        try {
          written = answerFields(200, headers).text;
        } catch {
          return;
        }
        expect(written).toMatch(/^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\t\x20-\x7e\x80-\xff]*\r\n)*$/);
        expect(written.split('\r\n')).toHaveLength(Math.ceil(headers.length / 2) + 1);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('statusLine()', () => {
  it.each([
    [200, 'HTTP/1.1 200 OK\r\n'],
    [404, 'HTTP/1.1 404 Not Found\r\n'],
    [299, 'HTTP/1.1 299 \r\n'],
  ])('of %i is %j', (status, line) => {
    expect(statusLine(status)).toBe(line);
    expect(statusLine(status)).toBe(line);
  });
});

describe('isBodyless()', () => {
  it.each([
    [200, 'GET', false],
    [200, 'HEAD', true],
    [204, 'GET', true],
    [205, 'GET', false],
    [304, 'GET', true],
    [404, 'HEAD', true],
  ] as const)('%i to %s: %s', (status, method, expected) => {
    expect(isBodyless(status, method)).toBe(expected);
  });
});
