/** The two cookies of the token service: how they are written, and how they are read back without guessing. */
import { CountersignError } from '../../core/errors.ts';
import { type HeaderList, headerValues } from '../../core/headers.ts';
import { SECOND_MS } from '../../core/time.ts';
import type { IssuedRefreshToken, IssuedTokens } from '../../tokens/result.ts';

export interface CookieSettings {
  readonly path: string;
  readonly sameSite: 'Strict' | 'Lax' | 'None';
  /** `auto`: where the client came over https. */
  readonly secure: boolean | 'auto';
  /** Null: the host that was asked, and no other (RFC 6265 §5.3). */
  readonly domain: string | null;
}

export const ACCESS_COOKIE = 'access_token';
export const REFRESH_COOKIE = 'refresh_token';

/** Of a request. Null: not sent, or empty as after logout. */
export interface TokenCookies {
  readonly accessToken: string | null;
  readonly refreshToken: string | null;
}

/** RFC 6265 §6.1: what every browser keeps. More is no cookie of ours. */
const COOKIE_MAX_CHARS = 4096;

/**
 * Two cookies of one name come from different paths or domains, and servers disagree on which one counts: refused
 * (security row B03). `$Version` is RFC 2109's, whose quoting rules are others.
 *
 * @throws CountersignError bad_request
 */
export function readCookies(headers: HeaderList): TokenCookies {
  const pairs = headerValues(headers, 'cookie').flatMap((line) => line.split(';').map(parsePair));
  return { accessToken: only(pairs, ACCESS_COOKIE), refreshToken: only(pairs, REFRESH_COOKIE) };
}

type Pair = readonly [name: string, value: string];

function parsePair(text: string): Pair {
  const equals = text.indexOf('=');
  return equals === -1 ? ['', text.trim()] : [text.slice(0, equals).trim(), text.slice(equals + 1).trim()];
}

function only(pairs: readonly Pair[], name: string): string | null {
  const values = pairs.filter(([found]) => found === name).map(([, value]) => value);
  const [value = ''] = values;
  if (values.length > 1) throw new CountersignError('bad_request', `several cookies ${name}`);
  if (values.length === 1 && pairs.some(([found]) => found.startsWith('$')))
    throw new CountersignError('bad_request', 'a cookie of RFC 2109');
  if (value.length > COOKIE_MAX_CHARS)
    throw new CountersignError('bad_request', `cookie ${name} is too long`);
  return value === '' ? null : value;
}

/** How cookies are written for one client. */
export interface CookieJar {
  readonly settings: CookieSettings;
  /** The client came over https. */
  readonly isSecure: boolean;
  readonly nowMs: number;
}

/** `access_token` ends with the browser session; `refresh_token` lives as long as its token. */
export function tokenCookies(
  jar: CookieJar,
  { token, refreshToken }: Pick<IssuedTokens, 'token' | 'refreshToken'>,
): string[] {
  const access = cookie(jar, ACCESS_COOKIE, token, []);
  return refreshToken === null ? [access] : [access, refreshCookie(jar, refreshToken)];
}

function refreshCookie(jar: CookieJar, { value, expiresInstant }: IssuedRefreshToken): string {
  const seconds = Math.max(0, Math.floor((expiresInstant - jar.nowMs) / SECOND_MS));
  const expires = new Date(expiresInstant).toUTCString();
  return cookie(jar, REFRESH_COOKIE, value, [`Max-Age=${seconds}`, `Expires=${expires}`]);
}

/** Takes both away. */
export function clearedCookies(jar: CookieJar): string[] {
  const gone = ['Max-Age=0', 'Expires=Thu, 01 Jan 1970 00:00:00 GMT'];
  return [cookie(jar, ACCESS_COOKIE, '', gone), cookie(jar, REFRESH_COOKIE, '', gone)];
}

function cookie({ settings, isSecure }: CookieJar, name: string, value: string, life: string[]): string {
  const { path, sameSite, secure, domain } = settings;
  return [
    `${name}=${value}`,
    `Path=${path}`,
    ...(domain === null ? [] : [`Domain=${domain}`]),
    ...life,
    'HttpOnly',
    ...((secure === 'auto' ? isSecure : secure) ? ['Secure'] : []),
    `SameSite=${sameSite}`,
  ].join('; ');
}
