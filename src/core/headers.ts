/**
 * Header lists and the rules by which they cross the gateway. Names are compared folded, because CGI, WSGI, PHP and
 * others read `X_JWT_Assertion` and `X.JWT.Assertion` as `X-JWT-Assertion` (CVE-2025-64484, CVE-2026-88011).
 */

/** Names and values in turn, as they stood on the wire: `[name, value, name, value, …]`. */
export type HeaderList = readonly string[];

/** Lower case, every character that is neither letter nor digit read as `-`. */
export function foldHeaderName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-');
}

/** In which the two cases of a letter differ. */
const CASE_BIT = 0x20;

/** True where `name` is this one in any case; `lowerName` in lower case. Length and first letter tell most apart. */
export function isHeaderNamed(name: string, lowerName: string): boolean {
  return (
    name.length === lowerName.length &&
    (name.charCodeAt(0) | CASE_BIT) === (lowerName.charCodeAt(0) | CASE_BIT) &&
    name.toLowerCase() === lowerName
  );
}

const NO_VALUES: readonly string[] = [];

/** All values of the header, in order; `lowerName` in lower case. */
export function headerValues(headers: HeaderList, lowerName: string): readonly string[] {
  let values: string[] | null = null;
  for (let index = 0; index < headers.length; index += 2) {
    if (!isHeaderNamed(headers[index] ?? '', lowerName)) continue;
    const value = headers[index + 1] ?? '';
    if (values === null) values = [value];
    else values.push(value);
  }
  return values ?? NO_VALUES;
}

/** RFC 9110 §7.6.1 and its predecessors: meaningful for one connection only. Folded, which for these is lower case. */
export const HOP_BY_HOP: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-authentication-info',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
];

/** What only the gateway may tell an upstream about the client's connection. Removed, then written anew. */
const FORWARDING = [
  'proxy', // CGI makes HTTP_PROXY of it (CVE-2016-5385)
  'x-forwarded',
  'forwarded',
  'x-real-ip',
  'x-rewrite-url',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
];

/** Families that grow with every proxy: `X-Forwarded-Client-Cert`, `X-Original-URL`, `X-Envoy-Original-Path`. */
const FORWARDING_PREFIXES = ['x-forwarded-', 'x-original-', 'x-envoy-'];

/** Identity headers that upstreams may trust whether or not this gateway sets them: never taken from a client. */
const IDENTITY = ['x-jwt-assertion', 'appmgtsaml2response', 'client-cert', 'client-cert-chain']; // RFC 9440 §2.4

export type HeaderFate = 'pass' | 'drop' | 'framing' | 'credential' | 'cookie' | 'host';

/** Names remembered at most. Clients choose names, so the memory is bounded and then simply not used. */
const FATES_MAX = 2000;
/** Longest name remembered, in characters: honest names are shorter, and 2000 long ones would hold 32 MiB. */
const FATE_NAME_MAX = 64;

export interface HeaderPolicy {
  /** What happens to a request header of this name on its way to the upstream. */
  requestFate(name: string): HeaderFate;
  /** True where a response header of this name must not reach the client. */
  dropsFromResponse(name: string): boolean;
}

/** `ownedNames`: the headers that only the gateway may set, as configured. */
export function compileHeaderPolicy(ownedNames: Iterable<string>): HeaderPolicy {
  const owned = new Set([...ownedNames, ...IDENTITY].map(foldHeaderName));
  const dropped = new Set([...owned, ...HOP_BY_HOP, ...FORWARDING]);
  const notForClients = new Set([...owned, ...HOP_BY_HOP]);
  return {
    requestFate: remember((name) => requestFate(name, dropped)),
    dropsFromResponse: remember((name) => notForClients.has(foldHeaderName(name))),
  };
}

function requestFate(name: string, dropped: ReadonlySet<string>): HeaderFate {
  const folded = foldHeaderName(name);
  if (dropped.has(folded) || FORWARDING_PREFIXES.some((prefix) => folded.startsWith(prefix))) return 'drop';
  if (folded === 'content-length') return name.toLowerCase() === folded ? 'framing' : 'drop';
  return FATES.get(folded) ?? 'pass';
}

/** Names of one word: they have no alias. `Expect` is answered here (RFC 9110 §10.1.1). */
const FATES: ReadonlyMap<string, HeaderFate> = new Map([
  ['host', 'host'],
  ['authorization', 'credential'],
  ['cookie', 'cookie'],
  ['expect', 'drop'],
]);

function remember<T>(compute: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const fate = compute(name);
    if (name.length <= FATE_NAME_MAX && known.size < FATES_MAX) known.set(copyOf(name), fate);
    return fate;
  };
}

/** A part of a text keeps all of it in memory: here, the head of a request, with its token. */
function copyOf(name: string): string {
  return [...name].join('');
}

/** The names that the sender's Connection header lists, in lower case; null where it lists none but the usual. */
export function connectionListed(headers: HeaderList): ReadonlySet<string> | null {
  let listed: Set<string> | null = null;
  for (const value of headerValues(headers, 'connection')) {
    if (value === 'keep-alive' || value === 'close') continue; // what most say, and nothing else
    for (const option of value.split(',')) {
      const name = option.trim().toLowerCase();
      if (name === '' || name === 'close' || name === 'keep-alive' || name === 'upgrade') continue;
      listed ??= new Set();
      listed.add(name);
    }
  }
  return listed;
}

const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** What nearly every value is made of: one range is looked at twice as fast as three, and tokens are long. */
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** True where the text can stand in a header as it is: no CR, LF, NUL, control or character beyond latin-1. */
export function isFieldValue(text: string): boolean {
  return PRINTABLE_ASCII.test(text) || FIELD_VALUE.test(text);
}

const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** True for a token (RFC 9110 §5.1). */
export function isFieldName(text: string): boolean {
  return FIELD_NAME.test(text);
}
