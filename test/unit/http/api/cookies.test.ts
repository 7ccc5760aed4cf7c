/** The cookies of a request, where servers would disagree on what it sends. */
import { describe, expect, it } from 'vitest';
import { CountersignError } from '../../../../src/core/errors.ts';
import {
  type CookieJar,
  clearedCookies,
  readCookies,
  type TokenCookies,
  tokenCookies,
} from '../../../../src/http/api/cookies.ts';

/** The cookies, or the code of the refusal. */
function read(...lines: string[]): TokenCookies | string {
  try {
    return readCookies(lines.flatMap((line) => ['Cookie', line]));
  } catch (error) {
    return error instanceof CountersignError ? error.code : 'threw something else';
  }
}

const NONE = { accessToken: null, refreshToken: null };

describe('readCookies()', () => {
  it.each<[string[], Partial<TokenCookies>]>([
    [[], {}],
    [['access_token=a; refresh_token=r'], { accessToken: 'a', refreshToken: 'r' }],
    [['access_token=a', 'refresh_token=r'], { accessToken: 'a', refreshToken: 'r' }],
    [[' access_token = a ;b=c'], { accessToken: 'a' }],
    [['access_token=a=='], { accessToken: 'a==' }],
    [['access_token=; refresh_token'], {}],
    [['Access_Token=a; xaccess_token=b; access_token2=c'], {}],
    [['$Version=1; other=a'], {}],
    [[`access_token=${'a'.repeat(4096)}`], { accessToken: 'a'.repeat(4096) }],
  ])('reads of %j: %j', (lines, cookies) => expect(read(...lines)).toEqual({ ...NONE, ...cookies }));

  it.each<[string, string[]]>([
    ['two of one name (B03)', ['access_token=a; access_token=b']],
    ['two of one name in two headers (B03)', ['refresh_token=a', 'refresh_token=b']],
    ['two of one name, one of them empty (B03)', ['access_token=; access_token=b']],
    ['two of one value (B03)', ['access_token=a; access_token=a']],
    ['one of RFC 2109', ['$Version=1; access_token=a']],
    ['one with attributes of RFC 2109', ['refresh_token=a; $Path=/']],
    ['one that no browser keeps', [`access_token=${'a'.repeat(4097)}`]],
  ])('refuses %s', (_what, lines) => expect(read(...lines)).toBe('bad_request'));
});

function jar(settings: Partial<CookieJar['settings']> = {}, isSecure = false): CookieJar {
  const defaults = { path: '/', sameSite: 'Strict', secure: 'auto', domain: null } as const;
  return { settings: { ...defaults, ...settings }, isSecure, nowMs: 1000 };
}

describe('tokenCookies()', () => {
  const refreshToken = { id: 'i', value: 'r', expiresInstant: 3999 };

  it('are read by no script, and sent over TLS alone where the client came over it (B01)', () => {
    const tokens = { token: 'a', refreshToken: null };
    expect(tokenCookies(jar(), tokens)).toEqual(['access_token=a; Path=/; HttpOnly; SameSite=Strict']);
    const secured = ['access_token=a; Path=/; HttpOnly; Secure; SameSite=Strict'];
    expect(tokenCookies(jar({}, true), tokens)).toEqual(secured);
    expect(tokenCookies(jar({ secure: true }), tokens)).toEqual(secured);
    expect(tokenCookies(jar({ secure: false }, true), tokens)[0]).not.toContain('Secure');
  });

  it('live for whole seconds, none longer than the token, and never less than none', () => {
    const refresh = (expiresInstant: number) =>
      tokenCookies(jar(), { token: 'a', refreshToken: { ...refreshToken, expiresInstant } })[1];
    expect(refresh(3999)).toContain('; Max-Age=2; Expires=Thu, 01 Jan 1970 00:00:03 GMT;');
    expect(refresh(0)).toContain('; Max-Age=0;');
  });
});

describe('clearedCookies()', () => {
  it('take both away, where they were set', () => {
    const gone =
      'Path=/p; Domain=d.test; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax';
    expect(clearedCookies(jar({ path: '/p', domain: 'd.test', sameSite: 'Lax' }))).toEqual([
      `access_token=; ${gone}`,
      `refresh_token=; ${gone}`,
    ]);
  });
});
