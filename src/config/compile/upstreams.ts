/** `upstreams` and the upstreams that routes name, write as URL, or write out. */
import type { HealthCheckSettings, UpstreamSettings } from '../../core/upstream.ts';
import type { ConfigPath } from '../issue.ts';
import { parseTarget } from '../schema/address.ts';
import type { RouteConfig } from '../schema/route.ts';
import { BUILTIN_ECHO, type UpstreamConfig, upstreamSchema } from '../schema/upstream.ts';
import { didYouMean } from '../suggest.ts';
import type { CompileContext } from './context.ts';
import { compileUpstreamTls } from './upstream-tls.ts';

export interface CompiledUpstreams {
  /** Name of the upstream that the route forwards to. Adds the ones that stand in the route itself. */
  nameFor(route: RouteConfig, index: number): string;
  all(): readonly UpstreamSettings[];
}

export function compileUpstreams(context: CompileContext): CompiledUpstreams {
  const configured = context.config.settings.upstreams;
  const known = new Map<string, UpstreamSettings>();
  const add = (name: string, spec: UpstreamConfig, path: ConfigPath): string => {
    if (!known.has(name)) known.set(name, settingsOf(name, spec, path, context));
    return name;
  };
  for (const [name, spec] of Object.entries(configured)) add(name, spec, ['upstreams', name]);
  return {
    all: () => [...known.values()],
    nameFor: ({ name, upstream }, index) => {
      const path = ['routes', index, 'upstream'];
      if (typeof upstream !== 'string') return add(`route:${name}`, upstream, path);
      if (Object.hasOwn(configured, upstream)) return upstream;
      const target = upstream === BUILTIN_ECHO ? null : parseTarget(upstream);
      if (target !== null) return add(target, upstreamSchema.parse({ targets: [target] }), path);
      if (upstream !== BUILTIN_ECHO) context.refuse(path, unknownUpstream(upstream, Object.keys(configured)));
      known.set(BUILTIN_ECHO, ECHO);
      return BUILTIN_ECHO;
    },
  };
}

const ECHO: UpstreamSettings = {
  name: BUILTIN_ECHO,
  kind: BUILTIN_ECHO,
  targets: [],
  balance: 'roundRobin',
  health: null,
  timeouts: { connectMs: 0, responseMs: 0, idleMs: 0 },
  retry: { attempts: 0, methods: new Set() },
  tls: { ca: null, serverName: null, client: null },
};

function unknownUpstream(name: string, configured: readonly string[]): string {
  if (name.includes(':'))
    return `is neither ${BUILTIN_ECHO} nor http://host:port, https://host:port or unix:/path.sock, without a path`;
  return `there is no upstream "${name}"${didYouMean(name, configured)}`;
}

function settingsOf(
  name: string,
  spec: UpstreamConfig,
  path: ConfigPath,
  context: CompileContext,
): UpstreamSettings {
  const { timeouts, retry } = spec;
  return {
    name,
    kind: 'http',
    targets: targetsOf(spec, path, context),
    balance: spec.balance,
    health: healthOf(spec.health),
    timeouts: { connectMs: timeouts.connect, responseMs: timeouts.response, idleMs: timeouts.idle },
    retry: { attempts: retry.attempts, methods: new Set(retry.methods) },
    tls: compileUpstreamTls(spec, [...path, 'tls'], context),
  };
}

function targetsOf(
  { targets }: UpstreamConfig,
  path: ConfigPath,
  context: CompileContext,
): UpstreamSettings['targets'] {
  for (const [index, url] of targets.entries()) {
    if (targets.indexOf(url) < index)
      context.refuse([...path, 'targets', index], 'is named twice; a target takes one share of the requests');
  }
  return targets.map((url) => ({ url }));
}

function healthOf(health: UpstreamConfig['health']): HealthCheckSettings | null {
  if (health === null) return null;
  const { path, interval, timeout, unhealthyAfter, healthyAfter } = health;
  return { path, intervalMs: interval, timeoutMs: timeout, unhealthyAfter, healthyAfter };
}
