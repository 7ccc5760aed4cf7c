/** Queries, forms and cookies as text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clearedCookies, readCookies, tokenCookies } from '../../../../src/http/api/cookies.ts';
import { parseParameters } from '../../../../src/http/api/parameters.ts';

const strict = { toleratesUndefined: false };
const tolerant = { toleratesUndefined: true };

describe('parseParameters()', () => {
  it('reads what encodeURIComponent and URLSearchParams write', () => {
    const pairs = fc.dictionary(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ unit: 'binary' }), {
      maxKeys: 20,
    });
    fc.assert(
      fc.property(pairs, (wanted) => {
        const encoded = Object.entries(wanted).map((pair) => pair.map(encodeURIComponent).join('='));
        expect(Object.fromEntries(parseParameters(encoded.join('&'), strict))).toEqual({ ...wanted });
        const form = new URLSearchParams(Object.entries(wanted)).toString();
        expect(Object.fromEntries(parseParameters(form, strict))).toEqual({ ...wanted });
      }),
    );
  });

  it.each(['a=1&a=2', 'a=1&a', '%61=1&a=1', 'a=%', 'a=%e', 'a=%ff', '%ff=1'])('refuses %s', (text) => {
    expect(() => parseParameters(text, strict)).toThrow();
  });

  it('takes the value undefined for none, where it is told to', () => {
    expect([...parseParameters('a=undefined&b=1', tolerant)]).toEqual([['b', '1']]);
    expect([...parseParameters('a=undefined&b=1', strict)]).toEqual([
      ['a', 'undefined'],
      ['b', '1'],
    ]);
    expect(() => parseParameters('a=undefined&a=1', tolerant)).toThrow();
  });

  it('keeps empty values apart from missing ones', () => {
    expect([...parseParameters('a=&b&&c=1&', tolerant)]).toEqual([
      ['a', ''],
      ['b', ''],
      ['c', '1'],
    ]);
  });
});

describe('readCookies()', () => {
  it('reads the two, from one header line or several', () => {
    const wanted = { accessToken: 'A', refreshToken: 'R' };
    expect(readCookies(['Cookie', 'x=1; access_token=A; refresh_token=R'])).toEqual(wanted);
    expect(readCookies(['Cookie', 'access_token=A', 'cookie', 'refresh_token=R'])).toEqual(wanted);
    expect(readCookies([])).toEqual({ accessToken: null, refreshToken: null });
  });

  it('refuses two of one name, also over two lines (B03)', () => {
    expect(() => readCookies(['Cookie', 'access_token=A; access_token=A'])).toThrow();
    expect(() => readCookies(['Cookie', 'refresh_token=A', 'Cookie', 'refresh_token=B'])).toThrow();
  });
});

describe('tokenCookies()', () => {
  const settings = { path: '/', sameSite: 'Lax', secure: 'auto', domain: null } as const;
  const jar = { settings, isSecure: true, nowMs: Date.UTC(2026, 0, 1) };

  it('never outlive their token (B01)', () => {
    const refreshToken = { id: '', value: 'R', expiresInstant: jar.nowMs + 1999 };
    const [, line] = tokenCookies(jar, { token: 'A', refreshToken });
    expect(line).toBe(
      'refresh_token=R; Path=/; Max-Age=1; Expires=Thu, 01 Jan 2026 00:00:01 GMT; HttpOnly; Secure; SameSite=Lax',
    );
    const past = tokenCookies(jar, { token: 'A', refreshToken: { ...refreshToken, expiresInstant: 0 } });
    expect(past[1]).toContain('Max-Age=0;');
  });

  it('are taken away under the path and domain they were written for', () => {
    const elsewhere = { ...jar, settings: { ...settings, path: '/api', domain: 'acme.com' } };
    for (const line of clearedCookies(elsewhere))
      expect(line).toMatch(/^\w+=; Path=\/api; Domain=acme\.com; Max-Age=0;/);
  });
});
