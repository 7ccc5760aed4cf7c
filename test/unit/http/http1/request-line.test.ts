import { describe, expect, it } from 'vitest';
import { CountersignError } from '../../../../src/core/errors.ts';
import {
  parseRequestLine,
  requireBegunLine,
  requireServedMethod,
} from '../../../../src/http/http1/request-line.ts';
import { MessageError } from '../../../../src/http1/errors.ts';

describe('parseRequestLine()', () => {
  it.each([
    ['GET / HTTP/1.1', 'GET', '/', '1.1'],
    ['OPTIONS * HTTP/1.0', 'OPTIONS', '*', '1.0'],
    ['GET http://test/a?b HTTP/1.1', 'GET', 'http://test/a?b', '1.1'],
    ['CONNECT test:443 HTTP/1.1', 'CONNECT', 'test:443', '1.1'],
    ['M-SEARCH * HTTP/1.1', 'M-SEARCH', '*', '1.1'],
    ['GET /"<>\\^`{|}#\xff HTTP/1.1', 'GET', '/"<>\\^`{|}#\xff', '1.1'],
  ])('reads %s', (line, method, target, httpVersion) => {
    expect(parseRequestLine(line)).toEqual({ method, target, httpVersion });
  });

  it.each([
    ['nothing', ''],
    ['no target', 'GET HTTP/1.1'],
    ['no version', 'GET /'],
    ['two spaces', 'GET  / HTTP/1.1'],
    ['two spaces before the version', 'GET /  HTTP/1.1'],
    ['a tab', 'GET\t/ HTTP/1.1'],
    ['a space at the beginning', ' GET / HTTP/1.1'],
    ['a space at the end', 'GET / HTTP/1.1 '],
    ['a space in the target', 'GET /a b HTTP/1.1'],
    ['a control character in the target', 'GET /\x7f HTTP/1.1'],
    ['a NUL in the target', 'GET /\0 HTTP/1.1'],
    ['a carriage return', 'GET /\r HTTP/1.1'],
    ['a version in lower case', 'GET / http/1.1'],
    ['HTTP/1.2', 'GET / HTTP/1.2'],
    ['HTTP/1.10', 'GET / HTTP/1.10'],
    ['HTTP/01.1', 'GET / HTTP/01.1'],
    ['HTTP/2.0', 'GET / HTTP/2.0'],
    ['HTTP/0.9', 'GET / HTTP/0.9'],
    ['another protocol', 'GET / RTSP/1.0'],
    ['a method with a delimiter', 'GE(T / HTTP/1.1'],
    ['a method of 33 letters', `${'A'.repeat(33)} / HTTP/1.1`],
  ])('refuses %s (S02)', (_what, line) => {
    expect(() => parseRequestLine(line)).toThrow(MessageError);
  });

  it.each(['BREW', 'get', 'Get', 'GETS', 'A'.repeat(32)])(
    'does not implement %s, and does not repeat it',
    (method) => {
      const parse = () => parseRequestLine(`${method} / HTTP/1.1`);
      expect(parse).toThrow(expect.objectContaining({ code: 'not_implemented' }));
      expect(parse).not.toThrow(method);
    },
  );
});

describe('requireBegunLine()', () => {
  it.each(['', '\r', 'G', 'GET', 'GET ', 'GET /', 'GET /a b', 'A'.repeat(32), `${'A'.repeat(32)} /`])(
    'waits for more of %j',
    (text) => {
      expect(() => requireBegunLine(text)).not.toThrow();
    },
  );

  it.each(['\r\r', '\rG', ' ', '\t', '\0', '\x16\x03\x01', '\x80', 'GET  ', 'GET \r', 'G(', 'A'.repeat(33)])(
    'refuses %j',
    (text) => {
      expect(() => requireBegunLine(text)).toThrow(MessageError);
    },
  );

  it('refuses nothing that can become a request line', () => {
    const line = 'PROPPATCH http://test/\xff HTTP/1.1';
    for (let length = 0; length <= line.length; length += 1)
      expect(() => requireBegunLine(line.slice(0, length))).not.toThrow();
  });
});

describe('requireServedMethod()', () => {
  it.each(['CONNECT', 'TRACE'])('refuses %s', (method) => {
    expect(() => requireServedMethod(method)).toThrow(CountersignError);
  });

  it.each(['GET', 'OPTIONS', 'QUERY'])('lets %s pass', (method) => {
    expect(() => requireServedMethod(method)).not.toThrow();
  });
});
