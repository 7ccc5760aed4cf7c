/**
 * The request target, read once. What is matched is what is forwarded: the canonical path keeps every byte that
 * could mean something and rewrites only what RFC 3986 §6.2.2 calls equivalent. Everything ambiguous is refused.
 */
import { CountersignError } from './errors.ts';
import { TARGET_BYTES_MAX } from './limits.ts';

/** Readings that servers disagree on. Refused, unless the route lists them in `allowPath`. */
export const PATH_AMBIGUITIES = ['encodedSlash', 'semicolon', 'emptySegments', 'doubleEncoding'] as const;
export type PathAmbiguity = (typeof PATH_AMBIGUITIES)[number];

export interface RequestTarget {
  /** Canonical path, starts with `/`. Forwarded as it stands. */
  readonly path: string;
  /** The path as every decoder reads it: `%40` is `@`. Matched against routes; the same string where nothing differs. */
  readonly matchPath: string;
  /** From the `?` on, byte for byte; empty where there is none. */
  readonly query: string;
  /** Authority of an absolute-form target (RFC 9112 §3.2.2), as received. */
  readonly authority: string | null;
  readonly ambiguities: readonly PathAmbiguity[];
}

const PCHAR_PATH = /^(?:\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*)+$/;
const QUERY = /^\?[\x21\x22\x24-\x7e]*$/;
/** Paths of which one reading exists, provided that no segment is a dot segment. */
const PLAIN_PATH = /^(?:\/[A-Za-z0-9\-._~!$&'()*+,=:@]+)*\/?$/;
/** `.` and `..`, also with the parameters that Tomcat and others cut: `..;x`. */
const DOT_SEGMENT = /\/\.{1,2}(?:[;/]|$)/;
const UNRESERVED = /^[A-Za-z0-9\-._~]$/;
const BACKSLASH = 0x5c;
const ALIKE_WHEN_DECODED = /^[!$&'()*+,=:@]$/;

/** @throws CountersignError target_too_long; bad_path for anything that two servers could read in two ways. */
export function parseTarget(target: string): RequestTarget {
  if (target.length > TARGET_BYTES_MAX)
    throw new CountersignError('target_too_long', `target is longer than ${TARGET_BYTES_MAX} bytes`);
  const { authority, rest } = splitAuthority(target);
  const queryStart = rest.indexOf('?');
  const rawPath = queryStart === -1 ? rest : rest.slice(0, queryStart);
  const query = queryStart === -1 ? '' : rest.slice(queryStart);
  if (query !== '' && !QUERY.test(query)) throw refuse('query holds a character outside RFC 3986');
  if (PLAIN_PATH.test(rawPath) && !DOT_SEGMENT.test(rawPath))
    return { path: rawPath, matchPath: rawPath, query, authority, ambiguities: [] };
  return { ...canonicalPath(rawPath), query, authority };
}

function splitAuthority(target: string): { authority: string | null; rest: string } {
  if (target.startsWith('/')) return { authority: null, rest: target };
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target);
  if (absolute === null) throw refuse('target is neither origin-form nor an absolute http URI');
  const [, authority = '', rest = ''] = absolute;
  if (authority.includes('@')) throw refuse('target has userinfo');
  return { authority, rest: rest === '' || rest.startsWith('?') ? `/${rest}` : rest };
}

/** @throws CountersignError bad_path */
export function canonicalPath(rawPath: string): Pick<RequestTarget, 'path' | 'matchPath' | 'ambiguities'> {
  if (!PCHAR_PATH.test(rawPath))
    throw refuse('path holds a character outside RFC 3986 or a bad percent-encoding');
  const path = rawPath.replace(/%[0-9A-Fa-f]{2}/g, normalizeEscape);
  if (/%[89A-F]/.test(path)) requireUtf8(path);
  if (DOT_SEGMENT.test(path)) throw refuse('path holds a dot segment');
  return { path, matchPath: decodeAlike(path), ambiguities: ambiguitiesOf(path) };
}

/** RFC 3986 §6.2.2: unreserved characters decoded, hexadecimal digits in upper case. */
function normalizeEscape(encoded: string): string {
  const code = Number.parseInt(encoded.slice(1), 16);
  if (code < 0x20 || code === 0x7f) throw refuse('path holds an encoded control character');
  if (code === BACKSLASH) throw refuse('path holds an encoded backslash');
  const character = String.fromCharCode(code);
  return UNRESERVED.test(character) ? character : encoded.toUpperCase();
}

function requireUtf8(path: string): void {
  try {
    decodeURIComponent(path);
  } catch (cause) {
    throw new CountersignError('bad_path', 'path is not UTF-8 when decoded', { cause });
  }
}

function decodeAlike(path: string): string {
  if (!path.includes('%')) return path;
  return path.replace(/%[0-9A-F]{2}/g, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return ALIKE_WHEN_DECODED.test(character) ? character : encoded;
  });
}

function ambiguitiesOf(path: string): PathAmbiguity[] {
  const found: PathAmbiguity[] = [];
  if (path.includes('%2F')) found.push('encodedSlash');
  if (path.includes(';') || path.includes('%3B')) found.push('semicolon');
  if (path.includes('//')) found.push('emptySegments');
  if (/%25[0-9A-Fa-f]{2}/.test(path)) found.push('doubleEncoding');
  return found;
}

/** Times that a chain of upstreams decodes a path at most: a proxy that does, before a server that does. */
const DECODES_MAX = 2;

/**
 * What other servers see in an ambiguous path: those that decode once or twice, cut `;parameters` before, between or
 * after that, and merge slashes or do not. A route may allow an ambiguity only where every reading leads to itself.
 *
 * @throws CountersignError bad_path where a reading has a dot segment or a character that is refused.
 */
export function otherReadings(matchPath: string): string[] {
  const readings = new Set<string>();
  let decoded = new Set([matchPath]);
  for (let decodes = 0; decodes <= DECODES_MAX; decodes += 1) {
    const cut = [...decoded].flatMap((path) => [path, withoutParameters(path)]);
    for (const path of cut) readings.add(path).add(mergeSlashes(path));
    decoded = new Set(cut.map(decodeOnce));
  }
  return [...readings].map((reading) => canonicalPath(escapeStray(reading)).matchPath);
}

function withoutParameters(path: string): string {
  return path.replaceAll(/;[^/]*/g, '');
}

function mergeSlashes(path: string): string {
  return path.replaceAll(/\/{2,}/g, '/');
}

/** Only what can change the segments of a path, or become an escape that can. */
function decodeOnce(path: string): string {
  return path.replaceAll(/%(?:25|2F|3B)/gi, (encoded) =>
    String.fromCharCode(Number.parseInt(encoded.slice(1), 16)),
  );
}

/** A `%` that decoding left behind and that begins no escape stands for itself. */
function escapeStray(path: string): string {
  return path.replaceAll(/%(?![0-9A-Fa-f]{2})/g, '%25');
}

function refuse(rule: string): CountersignError {
  return new CountersignError('bad_path', rule);
}
