import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestError } from '../../../../src/forward/http1/errors.ts';
import { type RequestLine, requestHead } from '../../../../src/forward/http1/request-head.ts';

function head(overrides: Partial<RequestLine> = {}) {
  return requestHead({
    method: 'GET',
    target: '/a?b',
    headers: ['Host', 'app.test'],
    hasBody: false,
    ...overrides,
  });
}

describe('requestHead()', () => {
  it('writes the lines as they were given, and nothing beside them', () => {
    const headers = ['Host', 'app.test', 'X-A', '1', 'x-a', '\xe9', 'X-Empty', ''];
    expect(head({ headers })).toEqual({
      text: 'GET /a?b HTTP/1.1\r\nHost: app.test\r\nX-A: 1\r\nx-a: \xe9\r\nX-Empty: \r\n\r\n',
      body: null,
    });
  });

  it('announces chunks where the length of a body is not known', () => {
    expect(head({ hasBody: true })).toEqual({
      text: 'GET /a?b HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n',
      body: 'chunked',
    });
  });

  it('keeps the length of a body', () => {
    const { text, body } = head({ headers: ['Host', 'app.test', 'content-length', '12'], hasBody: true });
    expect([text.match(/content-length|transfer-encoding/gi), body]).toEqual([['content-length'], 12]);
  });

  it.each(['POST', 'PUT', 'PATCH'])('tells that a %s has no body (RFC 9110 §8.6)', (method) => {
    expect(head({ method }).text).toContain('\r\nContent-Length: 0\r\n');
  });

  it.each(['GET', 'DELETE', 'OPTIONS', 'HEAD'])('says nothing of a body for a %s without one', (method) => {
    expect(head({ method }).text).not.toMatch(/content-length|transfer-encoding/i);
  });

  it('says after HEAD that the connection is not kept', () => {
    expect(head({ method: 'HEAD' }).text).toContain('\r\nConnection: close\r\n');
  });

  const host = ['Host', 'app.test'];
  it.each([
    ['a method that is no token', { method: 'GET /x HTTP/1.1\r\nX' }],
    ['an empty method', { method: '' }],
    ['a target in absolute-form', { target: 'http://evil.test/' }],
    ['a target with a space', { target: '/a b' }],
    ['a target with a line end', { target: '/a\r\nX: b' }],
    ['an asterisk', { target: '*' }],
    ['a line end in a value', { headers: [...host, 'X-A', 'a\r\nX-Admin: 1'] }],
    ['a NUL in a value', { headers: [...host, 'X-A', 'a\0'] }],
    ['a character that latin-1 would turn into a line feed', { headers: [...host, 'X-A', 'a\u010ab'] }],
    ['a colon in a name', { headers: [...host, 'X-A: 1\r\nX-B', 'a'] }],
    ['an empty name', { headers: [...host, '', 'a'] }],
    ['Transfer-Encoding', { headers: [...host, 'transfer-encoding', 'chunked'] }],
    ['Connection', { headers: [...host, 'CONNECTION', 'close'] }],
    ['Upgrade', { headers: [...host, 'Upgrade', 'h2c'] }],
    ['Expect', { headers: [...host, 'Expect', '100-continue'] }],
    ['two lengths', { headers: [...host, 'Content-Length', '1', 'content-length', '1'], hasBody: true }],
    ['a signed length', { headers: [...host, 'Content-Length', '+1'], hasBody: true }],
    ['a length of 2^53', { headers: [...host, 'Content-Length', '9007199254740992'], hasBody: true }],
    ['a length without a body', { headers: [...host, 'Content-Length', '1'] }],
  ] satisfies [string, Partial<RequestLine>][])('refuses %s (H05)', (_what, overrides) => {
    expect(() => head(overrides)).toThrow(RequestError);
  });

  it('takes a list of headers exactly where it takes each of them alone (H05)', () => {
    const part = fc.oneof(
      fc.constantFrom('X-A', 'a b', '', '\t', '\xe9', 'a\r\nX: 1', '\0', '\u010a', 'X: 1', '\x7f', '\n'),
      fc.string({ maxLength: 3 }),
    );
    const takes = (headers: string[]) => {
      try {
        return head({ headers }) !== null;
      } catch (error) {
        if (error instanceof RequestError) return false;
        throw error;
      }
    };
    fc.assert(
      fc.property(fc.array(fc.tuple(part, part), { maxLength: 4 }), (pairs) => {
        expect(takes(pairs.flat())).toBe(pairs.every((pair) => takes(pair)));
      }),
      { numRuns: 2000 },
    );
  });

  it('names the header whose value is none', () => {
    const headers = ['Host', 'app.test', 'X-A', 'good', 'X-B', 'a\nb'];
    expect(() => head({ headers })).toThrow('the value of X-B is no field value');
  });

  it('has as many lines as headers, whatever they hold, or is refused (H05)', () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('X-A', 'X-B'), text), { maxLength: 5 }), (fields) => {
        const headers = [...host, ...fields.flat()];
        try {
          const bytes = Buffer.from(head({ headers }).text, 'latin1').toString('latin1');
          expect(bytes.split(/\r\n|\r|\n/)).toHaveLength(1 + headers.length / 2 + 2);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(RequestError);
        }
      }),
      { numRuns: 1000, seed: 20_261_122 },
    );
  });
});
