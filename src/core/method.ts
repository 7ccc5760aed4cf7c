/** The methods of requests (RFC 9110 §9, IANA's registry): those that every client uses, and those of special protocols. */

/** What a route without `methods` is for, and what `OPTIONS *` tells. */
export const COMMON_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/**
 * Served only by routes that name them: WebDAV, caches, UPnP. Nobody who lists POST, PUT, PATCH and DELETE on a
 * protected route thinks of PURGE, which the open route beside it would take.
 */
export const NAMED_METHODS = [
  ...['ACL', 'BIND', 'CHECKOUT', 'COPY', 'LINK', 'LOCK', 'M-SEARCH', 'MERGE', 'MKACTIVITY', 'MKCALENDAR'],
  ...['MKCOL', 'MOVE', 'NOTIFY', 'PROPFIND', 'PROPPATCH', 'PURGE', 'QUERY', 'REBIND', 'REPORT', 'SEARCH'],
  ...['SOURCE', 'SUBSCRIBE', 'UNBIND', 'UNLINK', 'UNLOCK', 'UNSUBSCRIBE'],
] as const;

const COMMON: ReadonlySet<string> = new Set(COMMON_METHODS);

export function isCommonMethod(method: string): boolean {
  return COMMON.has(method);
}
