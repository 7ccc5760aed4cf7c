/** `routes`: the route table of the centre. */
import { type ClaimRequirement, type Requirements, requiresNothing } from '../../core/authorize.ts';
import { parseClaimPath } from '../../core/claim-path.ts';
import type { TokenLocation } from '../../core/credential.ts';
import type { Realm } from '../../core/realm.ts';
import { type Application, compileRoutes, type Route, type RouteTable } from '../../core/route.ts';
import type { ConfigPath } from '../issue.ts';
import type { RouteConfig } from '../schema/route.ts';
import { didYouMean } from '../suggest.ts';
import type { PolicyOf } from './assertion.ts';
import type { CompileContext } from './context.ts';
import type { CompiledUpstreams } from './upstreams.ts';

interface Parts {
  readonly realms: readonly Realm[];
  readonly upstreams: CompiledUpstreams;
  readonly policyOf: PolicyOf;
}

export function compileRouteTable(parts: Parts, context: CompileContext): RouteTable {
  const specs = context.config.settings.routes;
  const routes = specs.map((spec, index) => {
    const route = routeOf(spec, index, parts, context);
    checkRoute(spec, route, ['routes', index], context);
    return route;
  });
  warnOpenCatchAll(routes, context);
  const { table, conflicts } = compileRoutes(routes);
  for (const { first, second } of conflicts) {
    const line = context.config.line(['routes', routes.indexOf(first)]);
    context.refuse(
      ['routes', routes.indexOf(second), 'match'],
      `matches the same requests as the route "${first.name}" (line ${line})`,
    );
  }
  return table;
}

function routeOf(spec: RouteConfig, index: number, parts: Parts, context: CompileContext): Route {
  const realms = spec.auth === 'none' ? [] : realmsOf(spec, index, parts.realms, context);
  return {
    name: spec.name,
    hosts: spec.match.hosts,
    pathPrefix: spec.match.pathPrefix,
    methods: spec.match.methods,
    allowPath: spec.allowPath,
    auth: spec.auth,
    mode: spec.mode,
    realms,
    tokenLocations: locationsOf(realms),
    credentialLocations: locationsOf(parts.realms),
    require: requirementsOf(spec),
    application: applicationOf(spec),
    assertion: parts.policyOf(spec, index),
    forwardAuthorization: spec.forwardAuthorization,
    pageOrigins: spec.pageOrigins,
    endsWebSocketsWithToken: spec.endWebSocketsWithToken,
    upstream: parts.upstreams.nameFor(spec, index),
    stripPrefix: spec.stripPrefix,
    preserveHost: spec.preserveHost,
  };
}

function realmsOf(
  spec: RouteConfig,
  index: number,
  realms: readonly Realm[],
  context: CompileContext,
): Realm[] {
  if (spec.realms === undefined) return [...realms];
  return spec.realms.flatMap((name, position) => {
    const realm = realms.find((one) => one.name === name);
    if (realm !== undefined || hasUnreadName(realms, context)) return realm === undefined ? [] : [realm];
    const suggestion = didYouMean(
      name,
      realms.map((one) => one.name),
    );
    context.refuse(['routes', index, 'realms', position], `there is no realm "${name}"${suggestion}`);
    return [];
  });
}

/** It may be any. */
function hasUnreadName(realms: readonly Realm[], { config }: CompileContext): boolean {
  return realms.some((_, index) => config.isUnread(['realms', index, 'name']));
}

function requirementsOf({ require }: RouteConfig): Requirements {
  const claims = Object.entries(require.claims).map(
    ([path, values]): ClaimRequirement => ({ path: parseClaimPath(path), values: [values].flat() }),
  );
  return { roles: require.roles, scopes: require.scopes, claims };
}

function applicationOf({ name, application }: RouteConfig): Application {
  return { ...application, name: application.name ?? name };
}

function checkRoute(spec: RouteConfig, route: Route, path: ConfigPath, context: CompileContext): void {
  if (spec.auth === 'none') {
    if (!requiresNothing(route.require))
      context.refuse([...path, 'require'], 'has no effect with auth: none');
    if (spec.realms !== undefined) context.refuse([...path, 'realms'], 'has no effect with auth: none');
    return;
  }
  if (context.config.settings.realms.length === 0)
    context.refuse(path, 'needs a token, and there are no realms; auth: none opens the route to everybody');
  if (spec.auth === 'optional' && !requiresNothing(route.require))
    context.warn([...path, 'require'], 'refuses anonymous callers in spite of auth: optional');
  if (spec.mode === 'shadow')
    context.warn([...path, 'mode'], 'refused requests reach the backend, without an assertion');
}

/** With such a route a misspelt prefix is no 404: its requests are forwarded unprotected. */
function warnOpenCatchAll(routes: readonly Route[], context: CompileContext): void {
  if (routes.every(({ auth }) => auth === 'none')) return;
  for (const [index, { auth, pathPrefix }] of routes.entries()) {
    if (auth === 'none' && pathPrefix === '/')
      context.warn(
        ['routes', index],
        'everything that no protected route matches is forwarded without a token',
      );
  }
}

/** Equal places of different realms are one object, so a Set is enough. */
function locationsOf(realms: readonly Realm[]): TokenLocation[] {
  return [...new Set(realms.flatMap(({ tokenFrom }) => tokenFrom))];
}
