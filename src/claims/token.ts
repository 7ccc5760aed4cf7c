/** The retriever `token`: the claims of the caller's own token, under the names that the realm gives them. */
import type { ClaimsRetriever, UserClaims } from '../core/assertion.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Realm } from '../core/realm.ts';

/**
 * What the issuer said about the token, not about the user (RFC 7519 §4.1), and what WSO2 keeps in tokens about the
 * subscription. Copied only where the realm maps them to another name.
 */
const ABOUT_THE_TOKEN: ReadonlySet<string> = new Set([
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti'],
  ...['application', 'tierInfo', 'subscribedAPIs'],
]);

export function tokenRetriever(): ClaimsRetriever {
  return { name: 'token', retrieve: ({ claims }, realm) => claimsOfToken(claims, realm) };
}

/** Mapped claims under their new name only; the others as `unmappedClaims` says. A mapped claim wins over its namesake. */
function claimsOfToken(claims: JsonObject, realm: Realm): UserClaims {
  const found = mappedClaims(claims, realm);
  if (realm.unmappedClaims === 'drop') return { dialect: null, claims: found, order: 'natural' };
  const unmapped: string[] = [];
  for (const name of Object.keys(claims)) {
    const value = claims[name];
    if (value === undefined || ABOUT_THE_TOKEN.has(name) || realm.claimMapping.has(name) || found.has(name))
      continue;
    found.set(name, value);
    unmapped.push(name);
  }
  if (realm.unmappedClaims === 'pass') return { dialect: null, claims: found, order: 'natural' };
  return { dialect: null, claims: found, order: 'natural', prefixed: new Set(unmapped) };
}

/** Where several claims are mapped to one name, the first one of the mapping that the token has. */
function mappedClaims(claims: JsonObject, { claimMapping }: Realm): Map<string, Json> {
  const mapped = new Map<string, Json>();
  for (const [from, to] of claimMapping) {
    const value = Object.hasOwn(claims, from) ? claims[from] : undefined;
    if (value !== undefined && !mapped.has(to)) mapped.set(to, value);
  }
  return mapped;
}
