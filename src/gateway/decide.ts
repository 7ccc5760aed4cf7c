/**
 * The life of one request: match → authenticate → authorize → mint. What follows, forwarding, belongs to the front
 * end that asked. Knows no transport, no configuration file, no key.
 */
import { whenThere } from '../core/at-once.ts';
import { authorize, authorizeApplication, requiresNothing } from '../core/authorize.ts';
import { extractCredential } from '../core/credential.ts';
import {
  Allow,
  type Assertion,
  type AssertionMinter,
  type Decision,
  type Explain,
  type GatewayRequest,
  type TokenVerifier,
} from '../core/decision.ts';
import { CountersignError, toCountersignError } from '../core/errors.ts';
import { headerValues } from '../core/headers.ts';
import { type Host, NO_HOST, parseHost } from '../core/host.ts';
import { requireOwnPage } from '../core/page-origin.ts';
import { parseTarget, type RequestTarget } from '../core/path.ts';
import type { VerifiedToken } from '../core/principal.ts';
import type { Realm } from '../core/realm.ts';
import { acceptingRealms, matchRoute, type Route, type RouteTable } from '../core/route.ts';

/** An immutable snapshot of what decisions depend on. Reload builds a new one; a request keeps the one it began with. */
export interface Policy {
  readonly routes: RouteTable;
  readonly verifier: TokenVerifier;
  readonly minter: AssertionMinter;
}

/** Decides one request. Never throws: what is not understood is a Deny, and an unknown failure is a 500. */
export async function decide(request: GatewayRequest, policy: Policy, explain?: Explain): Promise<Decision> {
  let route: Route | null = null;
  let target: RequestTarget | null = null;
  let token: VerifiedToken | null = null;
  try {
    target = parseTarget(request.target);
    const host = hostOf(request, target);
    route = matchRoute(policy.routes, host, target, request.method);
    explain?.('route', `${route.name}: ${route.pathPrefix}, auth ${route.auth}, upstream ${route.upstream}`);
    if (route.auth === 'none') return allow(route, target, null, null, null);

    const caller = authenticate({ request, target, host, route }, policy.verifier, explain);
    token = caller instanceof Promise ? await caller : caller;
    if (token !== null) permit(token, route);
    explain?.('authorize', token === null ? 'anonymous caller' : 'all requirements are met');

    const minted = mint(token, route, policy.minter, explain);
    const assertion = minted instanceof Promise ? await minted : minted;
    return allow(route, target, token, assertion, null);
  } catch (thrown) {
    const error = toCountersignError(thrown);
    if (route?.mode === 'shadow' && target !== null && error.status < 500)
      return allow(route, target, token, null, error);
    return { verdict: 'deny', error, route, token };
  }
}

function allow(
  route: Route,
  target: RequestTarget,
  token: VerifiedToken | null,
  assertion: Assertion | null,
  shadowed: CountersignError | null,
): Allow {
  return Allow.of({ route, target, token, assertion, shadowed });
}

/** The authority that routes the request: one Host, equal to that of an absolute-form target (RFC 9112 §3.2.2). */
function hostOf(request: GatewayRequest, target: RequestTarget): Host {
  const given = headerValues(request.headers, 'host');
  if (given.length > 1) throw new CountersignError('bad_host', 'more than one Host');
  if (given[0] === undefined && request.httpVersion !== '1.0')
    throw new CountersignError('bad_host', 'no Host');
  const host = given[0] === undefined ? NO_HOST : parseHost(given[0]);
  if (target.authority === null) return host;
  const authority = parseHost(target.authority);
  if (host !== NO_HOST && (authority.name !== host.name || authority.port !== host.port)) {
    throw new CountersignError('bad_host', 'the target names another authority than Host');
  }
  return authority;
}

interface Matched {
  readonly request: GatewayRequest;
  readonly target: RequestTarget;
  readonly host: Host;
  readonly route: Route;
}

/** The verified caller; null for an anonymous one, where the route allows that. A bad token is never anonymous. */
function authenticate(
  { request, target, host, route }: Matched,
  verifier: TokenVerifier,
  explain: Explain | undefined,
): VerifiedToken | null | Promise<VerifiedToken> {
  const credential = extractCredential(request.headers, target.query, route.tokenLocations);
  if (credential !== null) {
    explain?.('token', `found in ${credential.locations.map(({ kind }) => kind).join(', ')}`);
    requireOwnPage(request, credential, host, route.pageOrigins);
    const realms = acceptingRealms(route, credential);
    return whenThere(verifier.verify(credential.token, realms, explain), (token) => ofRealm(token, realms));
  }
  explain?.('token', 'none');
  // A requirement that a caller could escape by leaving the token out would be none.
  if (route.auth === 'optional' && requiresNothing(route.require)) return null;
  throw new CountersignError('no_token', 'no credential in the request');
}

/** @throws CountersignError with a 403 code */
function permit(token: VerifiedToken, { require, application }: Route): void {
  authorize(token.principal, require);
  authorizeApplication(token, application);
}

/** A verdict of another realm, from whatever cache, is a defect and opens nothing. */
function ofRealm(token: VerifiedToken, realms: readonly Realm[]): VerifiedToken {
  if (realms.some((realm) => realm.name === token.realm.name)) return token;
  throw new CountersignError('internal_error', 'the token was verified for a realm outside the route');
}

/** Null where the upstream is promised none. */
function mint(
  token: VerifiedToken | null,
  route: Route,
  minter: AssertionMinter,
  explain: Explain | undefined,
): Assertion | null | Promise<Assertion> {
  if (route.assertion === null) return null;
  if (token === null && !route.assertion.anonymous) return null;
  return minter.mint(token, route, explain);
}
