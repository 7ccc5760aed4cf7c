/** Where a request carries its token, and how it is taken out: exactly one credential, or none, or a refusal. */
import { CountersignError } from './errors.ts';
import { type HeaderList, headerValues } from './headers.ts';

export type TokenLocation =
  | {
      readonly kind: 'header';
      readonly name: string;
      readonly scheme: string;
      readonly schemeCaseSensitive: boolean;
    }
  | { readonly kind: 'cookie'; readonly name: string }
  | { readonly kind: 'query'; readonly name: string };

export interface Credential {
  readonly token: string;
  /** Every configured location that reads this token; realms that list none of them do not accept it. */
  readonly locations: readonly TokenLocation[];
}

/** True where both read the same token of every request, however their names are written. */
export function isSameLocation(one: TokenLocation, other: TokenLocation): boolean {
  if (!isSamePlace(one, other)) return false;
  if (one.kind !== 'header' || other.kind !== 'header') return true;
  return one.scheme === other.scheme && one.schemeCaseSensitive === other.schemeCaseSensitive;
}

function isSamePlace(one: TokenLocation, other: TokenLocation): boolean {
  if (one === other) return true;
  if (one.kind !== other.kind) return false;
  return one.kind === 'header'
    ? one.name.toLowerCase() === other.name.toLowerCase()
    : one.name === other.name;
}

/**
 * The one credential of the request, or null. Header values with the wrong scheme are no credential.
 *
 * @throws CountersignError ambiguous_credentials where two are present (RFC 6750 §2), malformed where it is no token.
 */
export function extractCredential(
  headers: HeaderList,
  query: string,
  locations: readonly TokenLocation[],
): Credential | null {
  single(headerValues(headers, 'authorization'), 'Authorization');
  const reading: TokenLocation[] = [];
  let first: string | undefined;
  for (const location of locations) {
    const token = tokenAt(headers, query, location);
    if (token === undefined) continue;
    first ??= token;
    if (!isSamePlace(location, reading[0] ?? location)) throw ambiguous('tokens in more than one place');
    if (token === first) reading.push(location);
  }
  return first === undefined ? null : { token: first, locations: reading };
}

function tokenAt(headers: HeaderList, query: string, location: TokenLocation): string | undefined {
  switch (location.kind) {
    case 'header': {
      const value = single(headerValues(headers, location.name.toLowerCase()), location.name);
      return value === undefined ? undefined : tokenAfterScheme(value, location);
    }
    case 'cookie':
      return single(cookieValues(headers, location.name), location.name);
    case 'query':
      return single(queryValues(query, location.name), location.name);
  }
}

/** @throws CountersignError ambiguous_credentials for more than one: servers disagree on which of them counts. */
function single(values: readonly string[], name: string): string | undefined {
  if (values.length > 1) throw ambiguous(`more than one ${name}`);
  return values[0];
}

type HeaderLocation = Extract<TokenLocation, { kind: 'header' }>;

const SPACE = 0x20;
/** b64token of RFC 6750 §2.1. */
const B64_TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

function tokenAfterScheme(value: string, location: HeaderLocation): string | undefined {
  const { scheme, schemeCaseSensitive } = location;
  if (scheme === '') return value;
  const given = value.slice(0, scheme.length);
  const matches = schemeCaseSensitive ? given === scheme : given.toLowerCase() === scheme.toLowerCase();
  const boundary = value.charAt(scheme.length);
  if (!matches || (boundary !== '' && boundary !== ' ' && boundary !== '\t')) return undefined;
  let start = scheme.length;
  while (value.charCodeAt(start) === SPACE) start += 1;
  const token = value.slice(start);
  if (B64_TOKEN.test(token)) return token;
  if (/,\s*[A-Za-z]+ /.test(token)) throw ambiguous('a list of credentials in one header');
  throw new CountersignError('malformed', `what follows ${scheme} is not one token`);
}

/** Values of a cookie of this exact name, in order (RFC 6265 §4.2). */
export function cookieValues(headers: HeaderList, name: string): string[] {
  return headerValues(headers, 'cookie')
    .flatMap((value) => value.split(';'))
    .filter((pair) => cookieName(pair) === name)
    .map((pair) => pair.slice(pair.indexOf('=') + 1).trim());
}

/** Undefined for what has no `=`. White space around the name is cut, as servers do. */
function cookieName(pair: string): string | undefined {
  const equals = pair.indexOf('=');
  return equals === -1 ? undefined : pair.slice(0, equals).trim();
}

function queryValues(query: string, name: string): string[] {
  if (!mayName(query, name)) return [];
  const pairs = withoutMark(query.slice(1)).split('&');
  return pairs.filter((pair) => isNamed(pair, name)).map((pair) => decoded(pair)[1]);
}

/** What can make a name of another text (WHATWG URL, "application/x-www-form-urlencoded"). */
const ENCODED = /[%+]/;

/** False for most queries: none of their parameters has this name, in no spelling. */
function mayName(query: string, name: string): boolean {
  return query.includes(name) || ENCODED.test(query);
}

/** Clients write thousands of parameters into a query, so a name is decoded only where it could become this one. */
function isNamed(pair: string, name: string): boolean {
  const equals = pair.indexOf('=');
  const end = equals === -1 ? pair.length : equals;
  if (end < name.length) return false;
  const written = pair.slice(0, end);
  return ENCODED.test(written) ? decoded(written)[0] === name : written === name;
}

function decoded(pair: string): [name: string, value: string] {
  // A `?` that begins the text would be taken for the mark of a query.
  const [entry] = new URLSearchParams(`&${pair}`);
  return entry ?? ['', ''];
}

/** URLSearchParams and some servers read the query of `/path??name` without the second mark. */
function withoutMark(text: string): string {
  return text.startsWith('?') ? text.slice(1) : text;
}

/** The Cookie header without the cookies of these names; null where nothing is left. */
export function withoutCookies(cookieHeader: string, names: ReadonlySet<string>): string | null {
  const kept = cookieHeader.split(';').filter((pair) => !names.has(cookieName(pair) ?? ''));
  const text = kept.join(';').trim();
  return text === '' ? null : text;
}

/** The query without the parameters of these names; every other byte stays as it was. */
export function withoutQueryParameters(query: string, names: ReadonlySet<string>): string {
  const possible = [...names].filter((name) => mayName(query, name));
  if (possible.length === 0) return query;
  const isKept = (pair: string) => !possible.some((name) => isNamed(withoutMark(pair), name));
  const kept = query.slice(1).split('&').filter(isKept);
  return kept.length === 0 ? '' : `?${kept.join('&')}`;
}

function ambiguous(message: string): CountersignError {
  return new CountersignError('ambiguous_credentials', message);
}
