/** Upstreams that are the gateway itself: their requests would go in a circle until connections run out. */
import type { ConfigPath } from '../issue.ts';
import { type BindAddress, isLoopback, parseTarget } from '../schema/address.ts';
import type { CompileContext } from './context.ts';

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
const IPV4_ANY = '0.0.0.0';
/** A listener on one of these takes what is sent to any address of the machine; on the first, of IPv4 only. */
const ANY_ADDRESS: ReadonlySet<string> = new Set([IPV4_ANY, '::']);

/** A warning: another machine, or a port forwarded elsewhere, may have the same name. */
export function warnOfOwnAddress(context: CompileContext): void {
  const { bind } = context.config.settings.listeners.proxy;
  for (const { target, path } of targetsOf(context))
    if (isOwn(target, bind))
      context.warn(path, 'is the address of listeners.proxy: requests would come back to the gateway');
}

interface PlacedTarget {
  readonly target: string;
  readonly path: ConfigPath;
}

function targetsOf({ config: { settings } }: CompileContext): PlacedTarget[] {
  const listed = (targets: readonly string[], path: ConfigPath): PlacedTarget[] =>
    targets.map((target, index) => ({ target, path: [...path, 'targets', index] }));
  const named = Object.entries(settings.upstreams).flatMap(([name, { targets }]) =>
    listed(targets, ['upstreams', name]),
  );
  const ofRoutes = settings.routes.flatMap(({ upstream }, index) => {
    const path = ['routes', index, 'upstream'];
    if (typeof upstream !== 'string') return listed(upstream.targets, path);
    const target = parseTarget(upstream);
    return target === null ? [] : [{ target, path }];
  });
  return [...named, ...ofRoutes];
}

function isOwn(target: string, bind: BindAddress): boolean {
  const url = URL.parse(target);
  if (url === null || !Object.hasOwn(DEFAULT_PORTS, url.protocol)) return false;
  const port = url.port === '' ? DEFAULT_PORTS[url.protocol] : Number(url.port);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (port !== bind.port || (bind.host === IPV4_ANY && host.includes(':'))) return false;
  if (ANY_ADDRESS.has(bind.host)) return isLoopback(host) || ANY_ADDRESS.has(host);
  return host === bind.host || ANY_ADDRESS.has(host) || isSameName(host, bind.host);
}

/** `localhost` is 127.0.0.1, or ::1. */
function isSameName(host: string, other: string): boolean {
  const isDefault = (one: string) => ['localhost', '127.0.0.1', '::1'].includes(one);
  return isDefault(host) && isDefault(other) && [host, other].includes('localhost');
}
