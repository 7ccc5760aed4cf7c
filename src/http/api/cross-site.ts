/**
 * Cross-site request forgery: a call that a cookie vouches for must come from a page of this site, or from no page at all.
 * Stricter than the rule of proxied requests (`core/page-origin.ts`), for its calls hand out tokens: whatever the method,
 * no other origin is let in, over TLS the scheme counts, and a form is refused though it came from a page of this site.
 */
import { type HeaderList, headerValues } from '../../core/headers.ts';
import { FORM_TYPES, OWN_SITES } from '../../core/page-origin.ts';
import { ServiceError } from '../../tokens/failure.ts';

export interface SiteOfCall {
  readonly headers: HeaderList;
  readonly method: string;
  /** As the client wrote it: from a trusted proxy where there is one. */
  readonly host: string;
  /** The client came over https. */
  readonly isSecure: boolean;
  /** In lower case; null: none. */
  readonly contentType: string | null;
  /** The operation is called with `text/plain` by its official client. */
  readonly allowsPlainText: boolean;
}

/**
 * Native callers send neither Origin nor Sec-Fetch-Site, and have no cookies that a page could ride on.
 *
 * @throws ServiceError 403 without a body
 */
export function requireSameSite(call: SiteOfCall): void {
  const reason = foreignReason(call);
  if (reason !== null) throw new ServiceError(403, `Cross-site call with a cookie: ${reason}`);
}

function foreignReason(call: SiteOfCall): string | null {
  const { headers, method, contentType } = call;
  const site = headerValues(headers, 'sec-fetch-site');
  if (site.some((value) => !OWN_SITES.has(value))) return 'Sec-Fetch-Site';
  const origins = headerValues(headers, 'origin');
  if (origins.some((origin) => !isSameOrigin(origin, call))) return 'Origin';
  const isForm = method === 'POST' && contentType !== null && FORM_TYPES.has(contentType);
  return isForm && !(call.allowsPlainText && contentType === 'text/plain') ? 'Content-Type' : null;
}

/** Scheme, host and port (RFC 6454 §5). `null` is the origin of what hides it. */
function isSameOrigin(origin: string, { host, isSecure }: SiteOfCall): boolean {
  const given = parse(origin);
  if (given === null || (isSecure && given.protocol !== 'https:')) return false;
  // A proxy that ends TLS without saying so makes the scheme unknown: the authority decides.
  return parse(`${given.protocol}//${host}`)?.host === given.host;
}

function parse(url: string): URL | null {
  const parsed = URL.parse(url);
  return parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.host !== '' ? parsed : null;
}
