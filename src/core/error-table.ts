/**
 * Every refusal and failure has one row here. The code is API: it stands in the problem body, the access log,
 * the metric label and docs/errors.md, which is generated from this table.
 */

import { TARGET_BYTES_MAX } from './limits.ts';

type OAuthError = 'invalid_request' | 'invalid_token' | 'insufficient_scope';

export interface ErrorRow {
  /** HTTP status of the answer. */
  readonly status: number;
  /** Constant public sentence: no claim value, no token, no upstream address. */
  readonly title: string;
  /** `error` of the Bearer challenge (RFC 6750 §3.1); absent: no challenge, or one without `error`. */
  readonly oauth?: OAuthError;
  /** The same request may succeed later without a change by the client. */
  readonly retryable?: true;
  /** What the operator should look at. Goes to docs/errors.md only. */
  readonly hint: string;
}

export const ERRORS = {
  bad_path: {
    status: 400,
    title: 'The request target is ambiguous or malformed',
    hint: 'Dot segments, backslashes, encoded slashes, control characters, `;`, `//` and text outside RFC 3986 are refused. The log line names the rule; `routes[].allowPath` relaxes some of them.',
  },
  bad_host: {
    status: 400,
    title: 'The Host is missing, repeated or malformed',
    hint: 'RFC 9112 §3.2: exactly one valid Host, equal to the authority of an absolute-form target.',
  },
  bad_request: {
    status: 400,
    title: 'The request is malformed',
    hint: 'Framing or a header that RFC 9110 or RFC 9112 does not allow. The log line names it.',
  },
  ambiguous_credentials: {
    status: 400,
    title: 'The request carries more than one credential',
    oauth: 'invalid_request',
    hint: 'Two Authorization headers, or tokens in two of the places that `tokenFrom` lists.',
  },
  no_token: {
    status: 401,
    title: 'A Bearer token is required',
    hint: 'No credential in any place that `tokenFrom` lists. The scheme is case sensitive unless `schemeCaseSensitive: false`.',
  },
  malformed: {
    status: 401,
    title: 'The token is malformed',
    oauth: 'invalid_token',
    hint: 'Not a strict compact JWS: three parts, canonical base64url, UTF-8 JSON without duplicate members, no `crit`, no `b64`, no JWE.',
  },
  unknown_issuer: {
    status: 401,
    title: 'The token was issued for another audience or by an unknown issuer',
    oauth: 'invalid_token',
    hint: 'No realm of this route has the `iss` of the token (exact comparison).',
  },
  alg_not_allowed: {
    status: 401,
    title: 'The signature algorithm of the token is not allowed',
    oauth: 'invalid_token',
    hint: 'The algorithm comes from the realm’s key, never from the token. See `realms[].algorithms`.',
  },
  unknown_kid: {
    status: 401,
    title: 'The key of the token is not known',
    oauth: 'invalid_token',
    hint: 'No usable key with this `kid` in the realm, also after a fresh fetch of the key set. `countersign keys list` shows the sets.',
  },
  bad_signature: {
    status: 401,
    title: 'The signature of the token does not verify',
    oauth: 'invalid_token',
    hint: 'The token was changed, or signed by another key.',
  },
  expired: {
    status: 401,
    title: 'The token has expired',
    oauth: 'invalid_token',
    hint: '`exp` is past by more than `clockSkew`.',
  },
  not_yet_valid: {
    status: 401,
    title: 'The token is not valid yet',
    oauth: 'invalid_token',
    hint: '`nbf` or `iat` is in the future by more than `clockSkew`.',
  },
  too_old: {
    status: 401,
    title: 'The token is too old',
    oauth: 'invalid_token',
    hint: '`iat` is older than the realm’s `maxAge`.',
  },
  wrong_audience: {
    status: 401,
    title: 'The token was issued for another audience or by an unknown issuer',
    oauth: 'invalid_token',
    hint: '`aud` names none of the realm’s `audiences`.',
  },
  token_revoked: {
    status: 401,
    title: 'The session of the token was ended',
    oauth: 'invalid_token',
    hint: 'Its refresh token was revoked; the realm has `revocation: checkSid`.',
  },
  wrong_type: {
    status: 401,
    title: 'The type of the token is not accepted',
    oauth: 'invalid_token',
    hint: '`typ` of the header is not one of the realm’s `types`.',
  },
  missing_claim: {
    status: 401,
    title: 'The token lacks a required claim',
    oauth: 'invalid_token',
    hint: 'The claim named after the colon is required: by the realm’s `requiredClaims`, `claims.subject`, `maxAge` or `requireExpiration`.',
  },
  invalid_claim: {
    status: 401,
    title: 'A claim of the token has the wrong form',
    oauth: 'invalid_token',
    hint: 'For example an `exp` that is no number, or an `iss` that is no string.',
  },
  insufficient_scope: {
    status: 403,
    title: 'The token lacks a required scope',
    oauth: 'insufficient_scope',
    hint: '`routes[].require.scopes` of the route.',
  },
  insufficient_role: {
    status: 403,
    title: 'The caller lacks a required role',
    oauth: 'insufficient_scope',
    hint: '`routes[].require.roles` of the route. `countersign explain` shows groups → roles.',
  },
  insufficient_claims: {
    status: 403,
    title: 'A claim of the token does not have the required value',
    oauth: 'insufficient_scope',
    hint: '`routes[].require.claims` of the route.',
  },
  foreign_origin: {
    status: 403,
    title: 'A page of another origin may not do this',
    hint: 'The token came in a cookie, which browsers send for every page (CWE-352, CWE-1385). List the site in `routes[].pageOrigins`; clients that are no browser send the token in a header.',
  },
  assertion_too_large: {
    status: 403,
    title: 'The identity of the caller does not fit into a request header',
    hint: 'The assertion exceeds `assertion.maxBytes`. Exclude claims, send them selectively, or set `onOversize: dropGroups`.',
  },
  route_not_found: {
    status: 404,
    title: 'No route matches the request',
    hint: 'Unmatched requests are never forwarded. `countersign routes` lists the routes.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The route does not allow this method',
    hint: '`routes[].match.methods` of the longest matching prefix. Methods such as PROPFIND must be listed there.',
  },
  request_timeout: {
    status: 408,
    title: 'The request was not complete in time',
    hint: '`limits.headersTimeout` and `limits.requestTimeout`. Many of these from many addresses are a slow-request attack.',
  },
  length_required: {
    status: 411,
    title: 'The length of the body must be declared',
    hint: 'HTTP/1.0 with Transfer-Encoding, or framing that cannot be forwarded.',
  },
  body_too_large: {
    status: 413,
    title: 'The body is too large',
    hint: 'Only for bodies that the gateway itself must read.',
  },
  target_too_long: {
    status: 414,
    title: 'The request target is too long',
    hint: `RFC 9112 §3: longer than ${TARGET_BYTES_MAX} bytes.`,
  },
  expectation_failed: {
    status: 417,
    title: 'The expectation cannot be met',
    hint: 'Only `Expect: 100-continue` is defined (RFC 9110 §10.1.1).',
  },
  headers_too_large: {
    status: 431,
    title: 'The header section is too large',
    hint: '`limits.headerBytes`, `limits.headerCount`, or a token over 16 KiB.',
  },
  internal_error: {
    status: 500,
    title: 'The gateway failed',
    hint: 'A defect or a broken dependency. Nothing was forwarded. The log line has the cause.',
  },
  not_implemented: {
    status: 501,
    title: 'The gateway does not implement this',
    hint: 'CONNECT, TRACE, unknown methods, transfer codings other than chunked.',
  },
  upstream_unreachable: {
    status: 502,
    title: 'The upstream could not be reached',
    retryable: true,
    hint: 'Connection refused, reset, DNS or TLS failure. The log line has the cause.',
  },
  upstream_protocol_error: {
    status: 502,
    title: 'The upstream answered with something that is not HTTP',
    hint: 'Malformed or smuggled framing in the response. The connection was closed.',
  },
  keys_unavailable: {
    status: 503,
    title: 'The keys to check the token are not available',
    retryable: true,
    hint: 'The key set could not be fetched and no good set younger than `jwks.maxStale` is at hand. `/readyz` names the cause.',
  },
  revocations_unavailable: {
    status: 503,
    title: 'Whether the token was revoked is not known',
    retryable: true,
    hint: 'The store of the token service has not answered for some seconds, and the realm has `revocation: checkSid`.',
  },
  claims_unavailable: {
    status: 503,
    title: 'The claims of the caller are not available',
    retryable: true,
    hint: 'The ClaimsRetriever failed or timed out. The log line has the cause.',
  },
  shutting_down: {
    status: 503,
    title: 'The gateway is shutting down',
    retryable: true,
    hint: 'Sent to requests that arrive while connections are drained.',
  },
  upstream_unavailable: {
    status: 503,
    title: 'The upstream is not available',
    retryable: true,
    hint: 'Connections to every target of the upstream failed again and again, so that it is left alone for some seconds. The log names the targets; `upstream_breaker_state` shows them. Or all connections to a target are taken, and as many requests wait as may.',
  },
  upstream_timeout: {
    status: 504,
    title: 'The upstream did not answer in time',
    retryable: true,
    hint: '`upstreams.*.timeouts`.',
  },
} as const satisfies Record<string, ErrorRow>;
