/** Realms, routes and requests with ordinary values, for tests that care about one member each. */
import type { AssertionPolicy } from '../../src/core/assertion.ts';
import type { Requirements } from '../../src/core/authorize.ts';
import { parseClaimPath } from '../../src/core/claim-path.ts';
import type { TokenLocation } from '../../src/core/credential.ts';
import type { Assertion, GatewayRequest } from '../../src/core/decision.ts';
import { CountersignError } from '../../src/core/errors.ts';
import type { Principal, VerifiedToken } from '../../src/core/principal.ts';
import type { Realm } from '../../src/core/realm.ts';
import { compileRoutes, type Route, type RouteTable } from '../../src/core/route.ts';

export const NO_REQUIREMENTS: Requirements = {
  roles: { any: [], all: [] },
  scopes: { any: [], all: [] },
  claims: [],
};

export const BEARER: Extract<TokenLocation, { kind: 'header' }> = {
  kind: 'header',
  name: 'Authorization',
  scheme: 'Bearer',
  schemeCaseSensitive: true,
};

/** The realm of the Fusion seed, with its groups mapping. */
export function testRealm(overrides: Partial<Realm> = {}): Realm {
  return {
    name: 'fusion',
    isSelf: false,
    issuer: 'fusion',
    audiences: [],
    types: [],
    algorithms: ['HS256'],
    allowUnsigned: false,
    requireExpiration: true,
    requiredClaims: [],
    clockSkewMs: 60_000,
    maxAgeMs: null,
    iatUnit: 'auto',
    subjectClaim: parseClaimPath('sub'),
    groupsClaim: parseClaimPath('groups'),
    scopesClaim: parseClaimPath('scope'),
    rolesClaim: null,
    defaultRoles: ['authenticated'],
    rolesOfGroup: new Map([
      ['group-one', ['search-user', 'developer']],
      ['group-two', ['admin']],
    ]),
    claimMapping: new Map(),
    unmappedClaims: 'pass',
    tokenFrom: [BEARER],
    ...overrides,
  };
}

export const ASSERTION_POLICY: AssertionPolicy = {
  profile: 'standard',
  header: 'X-JWT-Assertion',
  dialect: 'http://wso2.org/claims',
  issuer: 'countersign',
  algorithm: 'RS256',
  ttlMs: 300_000,
  minRemainingMs: 30_000,
  audience: null,
  encoding: 'base64url',
  timeUnit: 'seconds',
  x5t: 'none',
  kid: true,
  standardClaims: 'basic',
  includeRealm: false,
  anonymous: false,
  userClaims: {
    retriever: null,
    selective: false,
    exclude: new Set(),
    convertDialect: true,
    multiValue: 'array',
    multiValueSeparator: ',,,',
  },
  maxBytes: 6144,
  onOversize: 'reject',
};

/** Protected by the Fusion realm, any host, everything below `/`, nothing minted. */
export function testRoute(overrides: Partial<Route> = {}): Route {
  return {
    name: 'route',
    hosts: ['*'],
    pathPrefix: '/',
    methods: [],
    allowPath: [],
    auth: 'required',
    mode: 'enforce',
    realms: [testRealm()],
    tokenLocations: [BEARER],
    credentialLocations: [BEARER],
    require: NO_REQUIREMENTS,
    application: {
      id: '42',
      uuid: null,
      name: 'app2',
      subscriber: 'admin',
      tier: 'Silver',
      context: '/placeFinder',
      version: '1.0.0',
      claims: null,
    },
    assertion: null,
    forwardAuthorization: false,
    pageOrigins: [],
    endsWebSocketsWithToken: false,
    upstream: 'places',
    stripPrefix: false,
    preserveHost: false,
    ...overrides,
  };
}

/** A table of routes that must not conflict. */
export function testRoutes(...routes: Partial<Route>[]): RouteTable {
  const { table, conflicts } = compileRoutes(routes.map(testRoute));
  if (conflicts.length > 0) throw new Error('the routes of this test conflict');
  return table;
}

export function testPrincipal(overrides: Partial<Principal> = {}): Principal {
  return { subject: 'test-fusion', groups: [], roles: [], scopes: [], claims: {}, ...overrides };
}

export function testToken(overrides: Partial<VerifiedToken> = {}): VerifiedToken {
  return {
    id: 'id-of-the-token',
    realm: testRealm(),
    principal: testPrincipal(),
    validity: {
      notBeforeMs: 0,
      refusedFromMs: Infinity,
      refusal: 'expired',
      expiresAtMs: Infinity,
    },
    algorithm: 'HS256',
    kid: null,
    notices: [],
    ...overrides,
  };
}

export const ASSERTION: Assertion = {
  header: 'X-JWT-Assertion',
  value: 'header.payload.signature',
  kid: 'k1',
  expiresAtMs: Infinity,
};

/** `GET /` of `gateway.test` over HTTP/1.1; `headers` replaces the list, `Host` included. */
export function testRequest(overrides: Partial<GatewayRequest> = {}): GatewayRequest {
  return { method: 'GET', target: '/', headers: ['Host', 'gateway.test'], httpVersion: '1.1', ...overrides };
}

/** The code with which the action is refused, or null where it is not. Anything but a CountersignError is thrown on. */
export function refusalOf(action: () => unknown): string | null {
  try {
    action();
    return null;
  } catch (thrown) {
    if (thrown instanceof CountersignError) return thrown.code;
    throw thrown;
  }
}
