/** What an upstream is: where it listens and how long it may take. Compiled from YAML, served by forward/. */

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
}

export interface UpstreamSettings {
  readonly name: string;
  /** `builtin:echo` answers by itself with what a backend would receive; it has no targets. */
  readonly kind: 'http' | 'builtin:echo';
  readonly targets: readonly UpstreamTarget[];
  readonly timeouts: UpstreamTimeouts;
  readonly tls: UpstreamTls;
}
