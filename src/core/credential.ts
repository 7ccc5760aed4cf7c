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

interface Found {
  readonly place: string;
  readonly location: TokenLocation;
  readonly token: string;
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
  if (headerValues(headers, 'authorization').length > 1) throw ambiguous('two Authorization headers');
  const found = locations.flatMap((location) =>
    tokensAt(headers, query, location).map((hit) => ({ ...hit, location })),
  );
  const first = found[0];
  if (first === undefined) return null;
  if (found.some((other) => other.place !== first.place)) throw ambiguous('tokens in more than one place');
  return { token: first.token, locations: found.map(({ location }) => location) };
}

function tokensAt(headers: HeaderList, query: string, location: TokenLocation): Omit<Found, 'location'>[] {
  switch (location.kind) {
    case 'header':
      return headerTokens(headers, location);
    case 'cookie':
      return one(`cookie ${location.name}`, cookieValues(headers, location.name));
    case 'query':
      return one(`query ${location.name}`, queryValues(query, location.name));
  }
}

function one(place: string, tokens: readonly string[]): Omit<Found, 'location'>[] {
  if (tokens.length > 1) throw ambiguous(`two values in ${place}`);
  return tokens.map((token) => ({ place, token }));
}

type HeaderLocation = Extract<TokenLocation, { kind: 'header' }>;

function headerTokens(headers: HeaderList, location: HeaderLocation): Omit<Found, 'location'>[] {
  const name = location.name.toLowerCase();
  const place = `header ${name}`;
  const values = headerValues(headers, name);
  if (values.length > 1) throw ambiguous(`two ${name} headers`);
  return values.flatMap((value) => {
    const token = tokenAfterScheme(value, location);
    return token === undefined ? [] : [{ place, token }];
  });
}

/** b64token of RFC 6750 §2.1. */
const B64_TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

function tokenAfterScheme(value: string, location: HeaderLocation): string | undefined {
  const { scheme, schemeCaseSensitive } = location;
  if (scheme === '') return value;
  const given = value.slice(0, scheme.length);
  const matches = schemeCaseSensitive ? given === scheme : given.toLowerCase() === scheme.toLowerCase();
  const boundary = value.charAt(scheme.length);
  if (!matches || (boundary !== '' && boundary !== ' ' && boundary !== '\t')) return undefined;
  const token = value.slice(scheme.length).replace(/^ +/, '');
  if (B64_TOKEN.test(token)) return token;
  if (/,\s*[A-Za-z]+ /.test(token)) throw ambiguous('a list of credentials in one header');
  throw new CountersignError('malformed', `what follows ${scheme} is not one token`);
}

/** Values of a cookie of this exact name, in order (RFC 6265 §4.2). */
export function cookieValues(headers: HeaderList, name: string): string[] {
  return headerValues(headers, 'cookie')
    .flatMap((value) => value.split(';'))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}

function queryValues(query: string, name: string): string[] {
  if (query === '') return [];
  return new URLSearchParams(query.slice(1)).getAll(name);
}

/** The Cookie header without the cookies of these names; null where nothing is left. */
export function withoutCookies(cookieHeader: string, names: ReadonlySet<string>): string | null {
  const kept = cookieHeader.split(';').filter((pair) => !names.has(pair.slice(0, pair.indexOf('=')).trim()));
  return kept.length === 0 ? null : kept.join(';').trim();
}

/** The query without the parameters of these names; every other byte stays as it was. */
export function withoutQueryParameters(query: string, names: ReadonlySet<string>): string {
  const kept = query
    .slice(1)
    .split('&')
    .filter((pair) => ![...new URLSearchParams(pair).keys()].some((name) => names.has(name)));
  return kept.length === 0 ? '' : `?${kept.join('&')}`;
}

function ambiguous(message: string): CountersignError {
  return new CountersignError('ambiguous_credentials', message);
}
