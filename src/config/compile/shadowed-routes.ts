/** Routes that the gateway's own published keys stand in front of: whoever trusts the keys behind them would get ours. */
import { JWKS_PATHS, PEM_PATH } from '../../core/published-keys.ts';
import type { Route } from '../../core/route.ts';
import type { CompileContext } from './context.ts';

const OWN_PATHS: readonly string[] = [...JWKS_PATHS, PEM_PATH];

/** Called where keys are published. A catch-all for any host says nothing of keys: it is the one backend of most. */
export function checkShadowedRoutes(routes: readonly Route[], context: CompileContext): void {
  for (const [index, route] of routes.entries()) {
    if (!isRead(route)) continue;
    const shadowed = OWN_PATHS.filter((path) => isBelow(path, route.pathPrefix));
    if (shadowed.includes(route.pathPrefix))
      context.refuse(
        ['routes', index, 'match', 'pathPrefix'],
        "is never reached by GET: the gateway's own keys are published there. Give the keys behind it another path, or set assertion.jwksEndpoint: false",
      );
    else if (shadowed.length > 0 && mayServeKeys(route))
      context.warn(
        ['routes', index, 'match'],
        `${shadowed.join(', ')} of these hosts shows the gateway's own keys, not those of the upstream; assertion.jwksEndpoint: false ends that`,
      );
  }
}

function isRead({ methods }: Route): boolean {
  return methods.length === 0 || methods.includes('GET') || methods.includes('HEAD');
}

function isBelow(path: string, prefix: string): boolean {
  return prefix === '/' || path === prefix || path.startsWith(`${prefix}/`);
}

/** An issuer serves its keys to everybody: below `/.well-known`, or on a host of its own. */
function mayServeKeys({ auth, hosts, pathPrefix }: Route): boolean {
  return pathPrefix !== '/' || (auth !== 'required' && !hosts.includes('*'));
}
