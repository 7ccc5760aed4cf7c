/**
 * Cross-site WebSocket hijacking (CWE-1385): browsers open WebSockets for any page and send their cookies along,
 * without asking the server first as they do for other requests. So where a cookie was the credential, the page counts.
 */
import type { Credential } from './credential.ts';
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

/**
 * Lets a WebSocket pass whose credential is no cookie, whose client is no browser, or whose page is of the same host
 * or of a listed origin.
 *
 * @param host what the request was sent to
 * @param allowed canonical origins of other sites
 * @throws CountersignError foreign_origin otherwise
 */
export function requireOwnOrigin(
  headers: HeaderList,
  credential: Credential,
  host: Host,
  allowed: readonly string[],
): void {
  if (!isWebSocket(headers) || !credential.locations.some(({ kind }) => kind === 'cookie')) return;
  for (const origin of headerValues(headers, 'origin'))
    if (!isOfHost(origin, host) && !allowed.includes(canonicalOrigin(origin) ?? ''))
      throw new CountersignError(
        'foreign_origin',
        'a WebSocket with a cookie, from a page of another origin',
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
