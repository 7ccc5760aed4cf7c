/** The upstreams of one configuration, by name. */
import type { UpstreamSettings } from '../core/upstream.ts';
import { createEcho } from './echo.ts';
import { forwardHttp } from './http.ts';
import { createPool, originOf } from './pool.ts';
import { createUpgrader } from './upgrade.ts';
import type { Upstream } from './upstream.ts';

export interface Upstreams {
  get(name: string): Upstream | undefined;
  /** Lets running requests finish, then closes every connection. */
  close(): Promise<void>;
}

/** Opens no connection: the first request does. */
export function createUpstreams(settings: readonly UpstreamSettings[]): Upstreams {
  const byName = new Map(settings.map((one) => [one.name, createUpstream(one)]));
  let closed: Promise<unknown> | undefined;
  return {
    get: (name) => byName.get(name),
    close: async () => {
      closed ??= Promise.all([...byName.values()].map((upstream) => upstream.close()));
      await closed;
    },
  };
}

function createUpstream(settings: UpstreamSettings): Upstream {
  const { name } = settings;
  if (settings.kind === 'builtin:echo') return createEcho(name);
  const target = settings.targets[0];
  if (target === undefined) throw new TypeError(`upstream ${name} has no target`);
  const origin = originOf(target.url, settings.tls.serverName);
  const pool = createPool(origin, settings);
  const upgrader = createUpgrader(origin, settings);
  return {
    name,
    authority: origin.authority,
    forward: (request, sink) => forwardHttp(pool, name, request, sink),
    upgrade: (request, sink) => upgrader.upgrade(request, sink),
    close: async () => {
      upgrader.close();
      await pool.close();
    },
  };
}
