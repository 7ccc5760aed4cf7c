/** What an upstream is: where it listens, how long it may take, what is tried again. Compiled from YAML, served by forward/. */

export interface UpstreamTarget {
  /** `http://host:port`, `https://host:port`, or `unix:/path/to.sock`. No path, query or userinfo. */
  readonly url: string;
}

export interface UpstreamTimeouts {
  /** Until the connection stands, TLS included. */
  readonly connectMs: number;
  /** From the request sent to the head of the response. */
  readonly responseMs: number;
  /** Between two pieces of the response body. */
  readonly idleMs: number;
}

export interface UpstreamTls {
  /** PEM of the authorities to trust instead of the system's; null: the system's. */
  readonly ca: string | null;
  /** Name to ask for and to verify; null: the host of the target. */
  readonly serverName: string | null;
  /** What the gateway shows of itself; null: nothing. */
  readonly client: ClientCertificate | null;
}

/** Both PEM, and a pair. The certificate may be followed by its chain. */
export interface ClientCertificate {
  readonly certificate: string;
  readonly privateKey: string;
}

/** `leastRequests`: the target with the fewest requests and tunnels under way. */
export type Balance = 'roundRobin' | 'leastRequests';

/** A GET that each target must answer with 2xx or 3xx. */
export interface HealthCheckSettings {
  /** Origin-form, with the query if there is one. */
  readonly path: string;
  /** From the end of one check to the start of the next. */
  readonly intervalMs: number;
  /** For the whole check. */
  readonly timeoutMs: number;
  /** Failures in a row that take a target out; from 1. */
  readonly unhealthyAfter: number;
  /** Successes in a row that take it in again; from 1. */
  readonly healthyAfter: number;
}

export interface RetrySettings {
  /** Further attempts after the first; 0: none. */
  readonly attempts: number;
  /** Methods that may reach a target twice. Idempotent ones only (RFC 9110 §9.2.2). */
  readonly methods: ReadonlySet<string>;
}

export interface UpstreamSettings {
  readonly name: string;
  /** `builtin:echo` answers by itself with what a backend would receive; it has no targets. */
  readonly kind: 'http' | 'builtin:echo';
  readonly targets: readonly UpstreamTarget[];
  readonly balance: Balance;
  /** Null: targets are not asked how they are. */
  readonly health: HealthCheckSettings | null;
  readonly timeouts: UpstreamTimeouts;
  readonly retry: RetrySettings;
  readonly tls: UpstreamTls;
}

/** Methods that RFC 9110 §9.2.2 calls idempotent and the gateway forwards: a second delivery does no further harm. */
export const IDEMPOTENT_METHODS = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'] as const;
