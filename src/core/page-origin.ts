/**
 * Which pages may use a caller's cookie. Browsers send it along whatever page asks: forms of other sites (CSRF, CWE-352)
 * and their WebSockets (CWE-1385) go out without asking the server first. So where a cookie was the credential, the page
 * counts. The API of the token service is stricter (`http/api/cross-site.ts`): its calls hand out tokens, and no page has a
 * form for them; a backend has pages of its own, and others that its operator lists.
 */
import type { Credential, TokenLocation } from './credential.ts';
import type { GatewayRequest } from './decision.ts';
import { CountersignError } from './errors.ts';
import { type HeaderList, headerValues } from './headers.ts';
import { type Host, parseHost } from './host.ts';

/** `https://app.example.com`, or with a port: scheme and authority, as browsers send them (RFC 6454 §6.1). */
const ORIGIN = /^(https?):\/\/([^/?#@\s]+)$/i;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** Lower case, without the port that the scheme implies; null for what is no origin of a web page, like `null`. */
export function canonicalOrigin(text: string): string | null {
  const parsed = parseOrigin(text);
  if (parsed === null) return null;
  const { scheme, host } = parsed;
  return `${scheme}://${host.name}${host.port === null ? '' : `:${host.port}`}`;
}

/** RFC 9110 §9.2.1: what only reads does no harm where its answer is not seen. */
const READING_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** `none`: the user typed the address. A sibling host (`same-site`) may be somebody else's. */
export const OWN_SITES: ReadonlySet<string> = new Set(['same-origin', 'none']);

/** What a page of another site may send without asking first (Fetch, "CORS-safelisted request-header"). */
export const FORM_TYPES: ReadonlySet<string> = new Set([
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'text/plain',
]);

/**
 * Lets pass what no cookie vouches for, what only reads, and what comes from a page of the same host, from a page of a
 * listed origin, or from no browser: that one says neither Origin nor Sec-Fetch-Site, and keeps no cookies for others.
 *
 * @param host what the request was sent to
 * @param allowed canonical origins of other sites
 * @throws CountersignError foreign_origin otherwise
 */
export function requireOwnPage(
  { method, headers }: Pick<GatewayRequest, 'method' | 'headers'>,
  credential: Credential,
  host: Host,
  allowed: readonly string[],
): void {
  if (!credential.locations.some(isCookie)) return;
  if (READING_METHODS.has(method) && !isWebSocket(headers)) return;
  const foreign = foreignHeader(headers, host, allowed);
  if (foreign !== null)
    throw new CountersignError(
      'foreign_origin',
      `a cookie vouches for a request from a page of another origin: ${foreign}`,
    );
}

function isCookie({ kind }: TokenLocation): boolean {
  return kind === 'cookie';
}

/** The header that tells of a page of another origin; null: none does. */
function foreignHeader(headers: HeaderList, host: Host, allowed: readonly string[]): string | null {
  const origins = headerValues(headers, 'origin');
  const isListed = (origin: string) => allowed.includes(canonicalOrigin(origin) ?? '');
  if (origins.length > 0 && origins.every(isListed)) return null;
  const sites = headerValues(headers, 'sec-fetch-site');
  if (sites.some((site) => !OWN_SITES.has(site))) return 'Sec-Fetch-Site';
  if (origins.some((origin) => !isOfHost(origin, host) && !isListed(origin))) return 'Origin';
  // Browsers that tell nothing of the page are old, and forms are all that other sites can make them send.
  return origins.length === 0 && sites.length === 0 && hasFormType(headers) ? 'Content-Type' : null;
}

function hasFormType(headers: HeaderList): boolean {
  return headerValues(headers, 'content-type').some((value) =>
    FORM_TYPES.has(value.replace(/;.*$/s, '').trim().toLowerCase()),
  );
}

function isWebSocket(headers: HeaderList): boolean {
  return headerValues(headers, 'upgrade').some((value) => value.toLowerCase() === 'websocket');
}

/** Without the scheme: a proxy in front that ends TLS makes it unknown. */
function isOfHost(origin: string, host: Host): boolean {
  const parsed = parseOrigin(origin);
  if (parsed === null || parsed.host.name !== host.name) return false;
  const port = host.port === DEFAULT_PORTS[parsed.scheme] ? null : host.port;
  return parsed.host.port === port;
}

interface ParsedOrigin {
  readonly scheme: string;
  /** Its port is null where the scheme implies it. */
  readonly host: Host;
}

function parseOrigin(text: string): ParsedOrigin | null {
  const [, given, authority] = ORIGIN.exec(text) ?? [];
  if (given === undefined || authority === undefined) return null;
  const scheme = given.toLowerCase();
  try {
    const host = parseHost(authority);
    return { scheme, host: { ...host, port: host.port === DEFAULT_PORTS[scheme] ? null : host.port } };
  } catch {
    return null;
  }
}
