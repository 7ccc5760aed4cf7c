/**
 * The header lists that cross the gateway. Request order matters: what the client's Connection header lists goes out
 * first and the assertion comes in last, so that nothing filters what the gateway added (CVE-2026-33805).
 */
import { withoutCookies } from '../core/credential.ts';
import type { Assertion } from '../core/decision.ts';
import {
  connectionListed,
  foldHeaderName,
  type HeaderList,
  type HeaderPolicy,
  isHeaderNamed,
} from '../core/headers.ts';
import type { Route } from '../core/route.ts';

/** What the gateway tells the upstream about the client's connection. */
export interface Forwarding {
  /** X-Forwarded-For: the peer, behind what trusted proxies said before. */
  readonly forwardedFor: string;
  /** Null: an HTTP/1.0 request without Host. */
  readonly forwardedHost: string | null;
  readonly forwardedProto: 'http' | 'https';
}

export interface UpstreamHeaderInput {
  readonly headers: HeaderList;
  readonly policy: HeaderPolicy;
  readonly route: Route;
  readonly assertion: Assertion | null;
  /** Host for the upstream. */
  readonly host: string;
  readonly hasBody: boolean;
  readonly requestId: string;
  readonly forwarding: Forwarding;
}

/** Pseudonym in Via (RFC 9110 §7.6.3: a gateway must name itself in requests). */
const VIA = '1.1 countersign';
const REQUEST_ID_HEADER = 'X-Request-Id';
const REQUEST_ID_LOWER = REQUEST_ID_HEADER.toLowerCase();

/** The complete header list of the upstream request. Names keep the client's spelling and order. */
export function upstreamHeaders(input: UpstreamHeaderInput): string[] {
  const { forwarding, assertion } = input;
  const list = ['Host', input.host];
  copyClientHeaders(input, list);
  list.push('Via', VIA, REQUEST_ID_HEADER, input.requestId);
  list.push('X-Forwarded-For', forwarding.forwardedFor, 'X-Forwarded-Proto', forwarding.forwardedProto);
  if (forwarding.forwardedHost !== null) list.push('X-Forwarded-Host', forwarding.forwardedHost);
  if (assertion !== null) list.push(assertion.header, assertion.value);
  return list;
}

function copyClientHeaders(input: UpstreamHeaderInput, list: string[]): void {
  const { headers, policy, route } = input;
  const listed = connectionListed(headers);
  const credentials = credentialNames(route);
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    if (listed?.has(name.toLowerCase())) continue;
    const value = clientValue(name, headers[index + 1] ?? '', input, policy, credentials);
    if (value !== null) list.push(name, value);
  }
}

/** The value to pass on; null where the header stays behind. */
function clientValue(
  name: string,
  value: string,
  input: UpstreamHeaderInput,
  policy: HeaderPolicy,
  credentials: CredentialNames,
): string | null {
  const isKept = input.route.forwardAuthorization;
  switch (policy.requestFate(name)) {
    case 'drop':
    case 'host':
      return null;
    case 'framing':
      return input.hasBody ? value : null;
    case 'credential':
      return isKept ? value : null;
    case 'cookie':
      return isKept || credentials.cookies.size === 0 ? value : withoutCookies(value, credentials.cookies);
    case 'pass':
      return isReplaced(name, credentials) ? null : value;
  }
}

/** Folding leaves the length, by which most names are told apart. */
function isReplaced(name: string, { replaced, replacedLengths }: CredentialNames): boolean {
  return replacedLengths.has(name.length) && replaced.has(foldHeaderName(name));
}

/** Where realms look for tokens, beside Authorization: these stay behind with it. */
interface CredentialNames {
  /** Folded: headers with tokens that stay behind, and the request id, which the gateway writes anew. */
  readonly replaced: ReadonlySet<string>;
  readonly replacedLengths: ReadonlySet<number>;
  readonly cookies: ReadonlySet<string>;
  readonly parameters: ReadonlySet<string>;
}

/** Computed once a route: routes are immutable and die with their snapshot. */
const KNOWN = new WeakMap<Route, CredentialNames>();

export function credentialNames(route: Route): CredentialNames {
  const known = KNOWN.get(route);
  if (known !== undefined) return known;
  const namesOf = (kind: 'header' | 'cookie' | 'query') =>
    route.credentialLocations.filter((location) => location.kind === kind).map(({ name }) => name);
  const tokens = route.forwardAuthorization ? [] : namesOf('header');
  const replaced = [REQUEST_ID_HEADER, ...tokens].map(foldHeaderName);
  const names = {
    replaced: new Set(replaced),
    replacedLengths: new Set(replaced.map(({ length }) => length)),
    cookies: new Set(namesOf('cookie')),
    parameters: new Set(namesOf('query')),
  };
  KNOWN.set(route, names);
  return names;
}

const NO_CONTENT = 204;

/** What of the upstream's response header reaches the client: raw names and values, duplicates in order. */
export function responseHeaders(raw: readonly string[], policy: HeaderPolicy, status: number): string[] {
  const listed = connectionListed(raw);
  const list: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? '';
    if (policy.dropsFromResponse(name) || listed?.has(name.toLowerCase())) continue;
    if (isHeaderNamed(name, REQUEST_ID_LOWER)) continue;
    if (status === NO_CONTENT && isHeaderNamed(name, 'content-length')) continue; // RFC 9110 §8.6
    list.push(name, raw[index + 1] ?? '');
  }
  return list;
}
