/** What the access log says of a request target: nothing that may hold a secret. */

/** Userinfo may hold what looks like a query, but no `/`: it ends at the last `@` of the authority (RFC 3986 §3.2.1). */
const USERINFO = /^([a-z][a-z0-9+.-]*:\/\/)?[^/]*@/i;

/** The target up to its query or fragment, without userinfo: OAuth puts tokens into the former, people passwords into the latter. */
export function loggedPath(target: string): string {
  const named = target.startsWith('/') ? target : target.replace(USERINFO, '$1');
  const end = named.search(/[?#]/);
  return end === -1 ? named : named.slice(0, end);
}
