/** A proxy listener over real sockets, with routes given by the test and a verifier and minter made by hand. */
import { randomUUID } from 'node:crypto';
import type { AssertionMinter, TokenVerifier } from '../../src/core/decision.ts';
import { CountersignError } from '../../src/core/errors.ts';
import { compileHeaderPolicy } from '../../src/core/headers.ts';
import type { ListenerLimits } from '../../src/core/limits.ts';
import type { ListenerTls } from '../../src/core/listener-tls.ts';
import type { VerifiedToken } from '../../src/core/principal.ts';
import type { PublishedKeys } from '../../src/core/published-keys.ts';
import { compileRoutes, type Route } from '../../src/core/route.ts';
import type { UpstreamSettings, UpstreamTls } from '../../src/core/upstream.ts';
import type { UpstreamPorts } from '../../src/forward/target.ts';
import { createUpstreams, type Upstreams } from '../../src/forward/upstreams.ts';
import type { AccessRecord } from '../../src/http/access.ts';
import { compileTrustedProxies } from '../../src/http/client-address.ts';
import { createProxyListener, type SnapshotInUse } from '../../src/http/proxy.ts';
import { ASSERTION_POLICY, testRoute, testToken } from './policy.ts';

/** Protected, minting, everything below `/`, to the upstream `app`. */
export function route(overrides: Partial<Route> = {}): Route {
  return testRoute({ name: 'app', upstream: 'app', assertion: ASSERTION_POLICY, ...overrides });
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
    return testToken({ realm });
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

/** The authorities of the system, the name of the target, no client certificate. */
export const TLS: UpstreamTls = { ca: null, serverName: null, client: null };

export function httpUpstream(url: string, overrides: Partial<UpstreamSettings> = {}): UpstreamSettings {
  return {
    name: 'app',
    kind: 'http',
    targets: [{ url }],
    balance: 'roundRobin',
    health: null,
    timeouts: TIMEOUTS,
    retry: { attempts: 1, methods: new Set(['GET', 'HEAD']) },
    tls: TLS,
    ...overrides,
  };
}

export const ECHO: UpstreamSettings = {
  name: 'app',
  kind: 'builtin:echo',
  targets: [],
  balance: 'roundRobin',
  health: null,
  timeouts: TIMEOUTS,
  retry: { attempts: 0, methods: new Set() },
  tls: TLS,
};

/** Real time, no log, and what was tried again, as `upstream reason`. */
export function upstreamPorts(overrides: Partial<UpstreamPorts> = {}): UpstreamPorts & { retries: string[] } {
  const retries: string[] = [];
  return {
    clock: Date.now,
    schedule: (task, delayMs) => {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    observe: { retried: (upstream, reason) => retries.push(`${upstream} ${reason}`) },
    retries,
    ...overrides,
  };
}

export interface EdgeOptions {
  readonly routes?: readonly Route[];
  readonly upstreams: readonly UpstreamSettings[];
  readonly ownedHeaders?: readonly string[];
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<ListenerLimits>;
  readonly keys?: PublishedKeys;
  readonly verifier?: TokenVerifier;
  readonly minter?: AssertionMinter;
  readonly tls?: ListenerTls;
  readonly proxyProtocol?: boolean;
  /** Where it listens. */
  readonly host?: string;
}

export interface Edge {
  readonly port: number;
  readonly records: AccessRecord[];
  readonly upstreams: Upstreams;
  setTls(tls: ListenerTls): void;
  close(graceMs?: number): Promise<void>;
}

export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const upstreams = createUpstreams(options.upstreams, upstreamPorts());
  upstreams.startChecks();
  const { table } = compileRoutes(options.routes ?? [route()]);
  const snapshot: SnapshotInUse = {
    policy: { routes: table, verifier: options.verifier ?? verifier, minter: options.minter ?? minter },
    headers: compileHeaderPolicy(options.ownedHeaders ?? ['X-JWT-Assertion']),
    upstreams,
    keys: options.keys ?? null,
    trustedProxies: compileTrustedProxies(options.trustedProxies ?? []),
    hold: () => () => {},
  };
  const records: AccessRecord[] = [];
  const listener = createProxyListener({
    bind: { host: options.host ?? '127.0.0.1', port: 0 },
    limits: { ...LIMITS, ...options.limits },
    tls: options.tls ?? null,
    proxyProtocol: options.proxyProtocol ?? false,
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
    setTls: (tls) => listener.setTls(tls),
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
