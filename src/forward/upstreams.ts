/** The upstreams of one configuration, by name. */
import type { UpstreamSettings } from '../core/upstream.ts';
import { createEcho } from './echo.ts';
import { HttpUpstream } from './http-upstream.ts';
import type { UpstreamPorts } from './target.ts';
import type { TargetStatus, Upstream } from './upstream.ts';

export interface Upstreams {
  get(name: string): Upstream | undefined;
  /** Begins health checks. */
  startChecks(): void;
  /** Ends them. What they found last stays. */
  stopChecks(): void;
  /** One for each target of each upstream. */
  status(): readonly TargetStatus[];
  /** Ends health checks, lets running requests and open tunnels finish, then closes every connection. */
  close(): Promise<void>;
}

/** Opens no connection: the first request does, or the first health check after `startChecks`. */
export function createUpstreams(settings: readonly UpstreamSettings[], ports: UpstreamPorts): Upstreams {
  const upstreams = settings.map((one) => createUpstream(one, ports));
  const byName = new Map(upstreams.map((upstream) => [upstream.name, upstream]));
  let closed: Promise<unknown> | undefined;
  return {
    get: (name) => byName.get(name),
    startChecks: () => {
      for (const upstream of upstreams) upstream.startChecks();
    },
    stopChecks: () => {
      for (const upstream of upstreams) upstream.stopChecks();
    },
    status: () => upstreams.flatMap((upstream) => upstream.status()),
    close: async () => {
      closed ??= Promise.all(upstreams.map((upstream) => upstream.close()));
      await closed;
    },
  };
}

function createUpstream(settings: UpstreamSettings, ports: UpstreamPorts): Upstream {
  return settings.kind === 'builtin:echo' ? createEcho(settings.name) : new HttpUpstream(settings, ports);
}
