/** What parseStrictJson takes and refuses beyond RFC 8259. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeUtf8, parseStrictJson } from '../../../src/jwt/strict-json.ts';
import { refusalOf } from '../../support/policy.ts';

const verdict = (text: string) => refusalOf(() => parseStrictJson(text)) ?? 'accepted';

describe('parseStrictJson', () => {
  it.each([
    ['a member twice', '{"sub":"a","sub":"b"}'],
    ['a member twice, once escaped', '{"sub":"a","\\u0073ub":"b"}'],
    ['a member twice, apart and nested', '{"a":{"x":1,"y":[{"z":1}],"x":2}}'],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}'],
    ['a lone surrogate', '["\\ud800"]'],
    ['a lone surrogate in a name', '{"\\udc00":1}'],
    ['a raw lone surrogate', '["\ud800"]'],
    ['a number that overflows', '[1e400]'],
    ['a negative number that overflows', '[-1e400]'],
    ['an integer beyond 2^53−1', '[9007199254740992]'],
    ['an integer below −(2^53−1)', '[-9007199254740992]'],
    ['a 20 digit integer', '[12345678901234567890]'],
    ['a large integer with exponent', '[1e20]'],
    ['text after the value', '{}x'],
    ['a byte order mark', '\ufeff{}'],
    ['nothing', ''],
  ])('J09 J13 refuses %s', (_case, text) => {
    expect(verdict(text)).toBe('malformed');
  });

  it.each([
    ['the same name in different objects', '{"a":{"x":1},"b":{"x":1},"x":1}'],
    ['the same string as name and value', '{"a":"a","b":["a","a"]}'],
    ['names that differ in case', '{"sub":1,"Sub":2}'],
    ['strings that look like structure', '{"a":"{\\"a\\":1,[","b":"\\\\"}'],
    ['the largest integer', '[9007199254740991,-9007199254740991]'],
    ['a number too small to be told from zero', '[1e-400]'],
    ['minus zero', '[-0]'],
    ['a surrogate pair', '["\\ud83d\\ude00"]'],
    ['a fraction', '[1700000000.5]'],
    ['empty containers', '{"a":[],"b":{}}'],
  ])('J13 accepts %s', (_case, text) => {
    expect(parseStrictJson(text)).toEqual(JSON.parse(text));
  });

  it('J13 accepts 32 levels and refuses 33', () => {
    const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect([verdict(nested(32)), verdict(nested(33)), verdict(nested(4000))]).toEqual([
      'accepted',
      'malformed',
      'malformed',
    ]);
  });

  it('J13 counts depth, not containers', () => {
    expect(verdict(`[${Array(100).fill('{"a":[]}').join(',')}]`)).toBe('accepted');
  });

  it('J13 accepts 2000 members and refuses 2001', () => {
    const object = (members: number) => JSON.stringify(Object.fromEntries(Array(members).fill(0).entries()));
    expect([verdict(object(2000)), verdict(object(2001))]).toEqual(['accepted', 'malformed']);
  });

  it('J25 keeps __proto__ an ordinary member', () => {
    const value = parseStrictJson('{"__proto__":{"admin":true}}');
    expect(Object.keys(value ?? {})).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });

  it('names no part of the text in its message', () => {
    expect(() => parseStrictJson('{"secret-value"')).toThrow(/^text is not JSON$/);
  });

  it('accepts whatever JSON.stringify writes of safe values, unchanged', () => {
    const depthSafe = fc.json({ maxDepth: 5 }).filter((text) => !/\d{16}|e\+/.test(text));
    fc.assert(
      fc.property(depthSafe, (text) => {
        const isWellFormed = JSON.stringify(JSON.parse(text)).isWellFormed() && !/\\ud[89a-f]/i.test(text);
        fc.pre(isWellFormed);
        expect(parseStrictJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('finds a name put twice into any object', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { minKeys: 1 });
    fc.assert(
      fc.property(object, (value) => {
        const members = Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`);
        expect(verdict(`{${members.join(',')},${members[0]}}`)).toBe('malformed');
      }),
    );
  });
});

describe('decodeUtf8', () => {
  it.each([
    ['a continuation byte alone', [0x22, 0x80, 0x22]],
    ['an overlong form', [0xc0, 0xaf]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['a code point beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a truncated sequence', [0xe2, 0x82]],
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x7b, 0x7d]],
    ['UTF-16', [0xff, 0xfe, 0x7b, 0x00]],
  ])('J13 refuses %s', (_case, bytes) => {
    expect(refusalOf(() => decodeUtf8(Uint8Array.from(bytes)))).toBe('malformed');
  });

  it('decodes a view into a larger buffer', () => {
    expect(decodeUtf8(new TextEncoder().encode('xxžluťoučký').subarray(2))).toBe('žluťoučký');
  });
});
