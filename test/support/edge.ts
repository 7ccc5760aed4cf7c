/** A proxy listener over real sockets, with routes given by the test and a verifier and minter made by hand. */
import { randomUUID } from 'node:crypto';
import type { AssertionPolicy } from '../../src/core/assertion.ts';
import { NO_REQUIREMENTS } from '../../src/core/authorize.ts';
import type { TokenLocation } from '../../src/core/credential.ts';
import type { AssertionMinter, TokenVerifier } from '../../src/core/decision.ts';
import { CountersignError } from '../../src/core/errors.ts';
import { compileHeaderPolicy } from '../../src/core/headers.ts';
import type { ListenerLimits } from '../../src/core/limits.ts';
import type { VerifiedToken } from '../../src/core/principal.ts';
import type { Realm } from '../../src/core/realm.ts';
import { compileRoutes, type Route } from '../../src/core/route.ts';
import type { UpstreamSettings } from '../../src/core/upstream.ts';
import { createUpstreams, type Upstreams } from '../../src/forward/upstreams.ts';
import type { AccessRecord } from '../../src/http/access.ts';
import { compileTrustedProxies } from '../../src/http/client-address.ts';
import { createProxyListener, type ProxySnapshot } from '../../src/http/proxy.ts';
import type { PublishedKeys } from '../../src/http/published-keys.ts';

export const BEARER: TokenLocation = {
  kind: 'header',
  name: 'Authorization',
  scheme: 'Bearer',
  schemeCaseSensitive: true,
};

export const REALM: Realm = {
  name: 'test',
  issuer: 'https://issuer.test',
  audiences: [],
  types: [],
  algorithms: ['HS256'],
  allowUnsigned: false,
  requireExpiration: true,
  requiredClaims: [],
  clockSkewMs: 0,
  maxAgeMs: null,
  iatUnit: 'auto',
  subjectClaim: { text: 'sub', segments: ['sub'] },
  groupsClaim: null,
  scopesClaim: { text: 'scope', segments: ['scope'] },
  defaultRoles: [],
  rolesOfGroup: new Map(),
  claimMapping: new Map(),
  unmappedClaims: 'pass',
  tokenFrom: [BEARER],
};

export const ASSERTION: AssertionPolicy = {
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

export function route(overrides: Partial<Route> = {}): Route {
  const name = overrides.name ?? 'app';
  return {
    name,
    hosts: ['*'],
    pathPrefix: '/',
    methods: [],
    allowPath: [],
    auth: 'required',
    mode: 'enforce',
    realms: [REALM],
    tokenLocations: [BEARER],
    require: NO_REQUIREMENTS,
    application: {
      id: null,
      uuid: null,
      name,
      subscriber: null,
      tier: null,
      context: null,
      version: null,
      claims: null,
    },
    assertion: ASSERTION,
    forwardAuthorization: false,
    upstream: 'app',
    stripPrefix: false,
    preserveHost: false,
    ...overrides,
  };
}

export const GOOD_TOKEN = 'good';
/** What the minter made by hand puts into the assertion header. */
export const MINTED = 'minted-by-the-gateway';

/** Accepts the one good token. */
export const verifier: TokenVerifier = {
  verify: (token, realms): VerifiedToken => {
    const realm = realms[0];
    if (token !== GOOD_TOKEN || realm === undefined)
      throw new CountersignError('bad_signature', 'not the good token');
    return {
      id: 'id',
      realm,
      principal: { subject: 'alice', groups: [], roles: [], scopes: [], claims: { sub: 'alice' } },
      validity: { notBeforeMs: 0, refusedFromMs: Infinity, refusal: 'expired', expiresAtMs: Infinity },
      algorithm: 'HS256',
      kid: null,
      notices: [],
    };
  },
};

export const minter: AssertionMinter = {
  mint: (_token, { assertion }) => ({
    header: assertion?.header ?? 'X-JWT-Assertion',
    value: MINTED,
    kid: 'k1',
    expiresAtMs: Infinity,
  }),
};

export const LIMITS: ListenerLimits = {
  headerBytes: 16 * 1024,
  headerCount: 100,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 300_000,
  idleTimeoutMs: 60_000,
  connections: 1000,
};

export const TIMEOUTS = { connectMs: 5000, responseMs: 30_000, idleMs: 60_000 };

export function httpUpstream(url: string, overrides: Partial<UpstreamSettings> = {}): UpstreamSettings {
  return {
    name: 'app',
    kind: 'http',
    targets: [{ url }],
    timeouts: TIMEOUTS,
    tls: { ca: null, serverName: null },
    ...overrides,
  };
}

export const ECHO: UpstreamSettings = {
  name: 'app',
  kind: 'builtin:echo',
  targets: [],
  timeouts: TIMEOUTS,
  tls: { ca: null, serverName: null },
};

export interface EdgeOptions {
  readonly routes?: readonly Route[];
  readonly upstreams: readonly UpstreamSettings[];
  readonly ownedHeaders?: readonly string[];
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<ListenerLimits>;
  readonly keys?: PublishedKeys;
  readonly verifier?: TokenVerifier;
  readonly minter?: AssertionMinter;
}

export interface Edge {
  readonly port: number;
  readonly records: AccessRecord[];
  readonly upstreams: Upstreams;
  close(graceMs?: number): Promise<void>;
}

export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const upstreams = createUpstreams(options.upstreams);
  const { table } = compileRoutes(options.routes ?? [route()]);
  const snapshot: ProxySnapshot = {
    policy: { routes: table, verifier: options.verifier ?? verifier, minter: options.minter ?? minter },
    headers: compileHeaderPolicy(options.ownedHeaders ?? ['X-JWT-Assertion']),
    upstreams,
    keys: options.keys ?? null,
    trustedProxies: compileTrustedProxies(options.trustedProxies ?? []),
  };
  const records: AccessRecord[] = [];
  const listener = createProxyListener({
    bind: { host: '127.0.0.1', port: 0 },
    limits: { ...LIMITS, ...options.limits },
    snapshot: () => snapshot,
    clock: Date.now,
    randomId: randomUUID,
    onRequestDone: (record) => records.push(record),
  });
  const { port } = await listener.start();
  return {
    port,
    records,
    upstreams,
    close: async (graceMs = 0) => {
      await listener.close(graceMs);
      await upstreams.close();
    },
  };
}

/** A GET with the good token. */
export function get(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: gw.test\r\nAuthorization: Bearer ${GOOD_TOKEN}\r\n${headers}\r\n`;
}
