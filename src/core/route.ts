/** Routes and the compiled matcher: host, then the longest path prefix, then the method. */
import type { AssertionPolicy } from './assertion.ts';
import type { Requirements } from './authorize.ts';
import { type Credential, isSameLocation, type TokenLocation } from './credential.ts';
import { CountersignError } from './errors.ts';
import type { Host } from './host.ts';
import { COMMON_METHODS, isCommonMethod } from './method.ts';
import { canonicalPath, otherReadings, type PathAmbiguity, type RequestTarget } from './path.ts';
import type { Realm } from './realm.ts';

/** What the default claims of an assertion say about the application behind the route (WSO2's published app). */
export interface Application {
  readonly id: string | null;
  readonly uuid: string | null;
  readonly name: string;
  readonly subscriber: string | null;
  readonly tier: string | null;
  readonly context: string | null;
  readonly version: string | null;
  /** Claims sent in selective mode; null: none selected. */
  readonly claims: readonly string[] | null;
}

export interface Route {
  readonly name: string;
  /** Exact names, `*.example.com`, or `*`; lower case. */
  readonly hosts: readonly string[];
  /** Starts with `/`; matches whole segments. `/` matches everything. */
  readonly pathPrefix: string;
  /** Upper case; empty: the common ones. GET includes HEAD. */
  readonly methods: readonly string[];
  readonly allowPath: readonly PathAmbiguity[];
  readonly auth: 'required' | 'optional' | 'none';
  readonly mode: 'enforce' | 'shadow';
  readonly realms: readonly Realm[];
  /** The distinct places in which the realms of this route look for a token. */
  readonly tokenLocations: readonly TokenLocation[];
  /** The places in which any realm looks: what stands there is a credential, and stays behind on every route. */
  readonly credentialLocations: readonly TokenLocation[];
  readonly require: Requirements;
  readonly application: Application;
  /** Null: nothing is minted on this route. */
  readonly assertion: AssertionPolicy | null;
  readonly forwardAuthorization: boolean;
  /** Canonical origins of other sites whose pages may send changes and open WebSockets with a cookie. */
  readonly pageOrigins: readonly string[];
  /** True: a WebSocket is closed when the token that opened it would be refused. */
  readonly endsWebSocketsWithToken: boolean;
  readonly upstream: string;
  readonly stripPrefix: boolean;
  readonly preserveHost: boolean;
}

/** The realms of the route that read tokens where this credential was found. */
export function acceptingRealms(route: Route, credential: Credential): readonly Realm[] {
  const accepts = (realm: Realm) =>
    realm.tokenFrom.some((own) => credential.locations.some((found) => isSameLocation(own, found)));
  return route.realms.every(accepts) ? route.realms : route.realms.filter(accepts);
}

interface PathNode {
  readonly children: Map<string, PathNode>;
  /** By method, `*` for all common methods; empty where no route ends here. */
  readonly routes: Map<string, Route>;
}

/** Compiled routes. The cost of a match depends on the number of segments and labels, not on the number of routes. */
export interface RouteTable {
  readonly routes: readonly Route[];
  readonly byHost: ReadonlyMap<string, PathNode>;
}

/** Two routes that match the same requests; the first one wins nothing: it is an error at load. */
export interface RouteConflict {
  readonly first: Route;
  readonly second: Route;
}

/** @throws CountersignError bad_path for a prefix that no request can have, such as one with a dot segment. */
export function compileRoutes(routes: readonly Route[]): { table: RouteTable; conflicts: RouteConflict[] } {
  const byHost = new Map<string, PathNode>();
  const conflicts: RouteConflict[] = [];
  for (const route of routes) {
    for (const host of route.hosts) {
      const root = byHost.get(host) ?? newNode();
      byHost.set(host, root);
      const first = insert(root, route);
      if (first !== null) conflicts.push({ first, second: route });
    }
  }
  return { table: { routes, byHost }, conflicts };
}

function newNode(): PathNode {
  return { children: new Map(), routes: new Map() };
}

function insert(root: PathNode, route: Route): Route | null {
  let node = root;
  for (const segment of segmentsOf(route.pathPrefix)) {
    const child = node.children.get(segment) ?? newNode();
    node.children.set(segment, child);
    node = child;
  }
  const methods = route.methods.length === 0 ? ['*'] : route.methods;
  const taken = methods.map((method) => node.routes.get(method)).find((other) => other !== undefined);
  if (taken !== undefined) return taken;
  for (const method of methods) node.routes.set(method, route);
  return null;
}

/** Read as request paths are: a prefix written as `/caf%c3%a9` or `/%61dmin` must not miss what it protects. */
function segmentsOf(prefix: string): string[] {
  return canonicalPath(prefix)
    .matchPath.split('/')
    .filter((segment) => segment !== '');
}

/**
 * @throws CountersignError route_not_found, method_not_allowed, bad_path for an ambiguity the route does not allow
 */
export function matchRoute(table: RouteTable, host: Host, target: RequestTarget, method: string): Route {
  const route = findRoute(table, host.name, target.matchPath, method);
  if (target.ambiguities.length > 0) checkAmbiguities(table, host, target, method, route);
  return route;
}

function checkAmbiguities(
  table: RouteTable,
  host: Host,
  target: RequestTarget,
  method: string,
  route: Route,
): void {
  const refused = target.ambiguities.find((ambiguity) => !route.allowPath.includes(ambiguity));
  if (refused !== undefined) throw new CountersignError('bad_path', `path is ambiguous: ${refused}`);
  for (const reading of otherReadings(target.matchPath)) {
    if (findRoute(table, host.name, reading, method) !== route)
      throw new CountersignError('bad_path', 'path leads to another route when read in another way');
  }
}

function findRoute(table: RouteTable, host: string, path: string, method: string): Route {
  const exact = lookUp(table.byHost.get(host), path, method);
  if (exact !== null) return exact;
  for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
    const wildcard = lookUp(table.byHost.get(`*${host.slice(dot)}`), path, method);
    if (wildcard !== null) return wildcard;
  }
  const any = lookUp(table.byHost.get('*'), path, method);
  if (any !== null) return any;
  throw new CountersignError('route_not_found', 'no route for this host and path');
}

/** The deepest node that has routes decides, also when none of them has the method: never a fall back to a weaker rule. */
function lookUp(root: PathNode | undefined, path: string, method: string): Route | null {
  if (root === undefined) return null;
  let node = root;
  let deepest = root.routes.size > 0 ? root : null;
  for (let start = 1; start <= path.length && node.children.size > 0; ) {
    const slash = path.indexOf('/', start);
    const end = slash === -1 ? path.length : slash;
    const child = node.children.get(path.slice(start, end));
    if (child === undefined) break;
    node = child;
    if (node.routes.size > 0) deepest = node;
    start = end + 1;
  }
  return deepest === null ? null : routeForMethod(deepest, method);
}

function routeForMethod(node: PathNode, method: string): Route {
  const asGet = method === 'HEAD' ? node.routes.get('GET') : undefined;
  const route = node.routes.get(method) ?? asGet;
  if (route !== undefined) return route;
  const any = node.routes.get('*');
  if (any !== undefined && isCommonMethod(method)) return any;
  const allowed = new Set([...node.routes.keys()].flatMap((key) => (key === '*' ? COMMON_METHODS : key)));
  if (allowed.has('GET')) allowed.add('HEAD');
  throw new CountersignError('method_not_allowed', 'no route for this method', {
    parameter: [...allowed].join(', '),
  });
}

const SLASH = 0x2f;

/** The path that the upstream sees: as it came, or without as many segments as the prefix has. */
export function forwardPath(route: Route, path: string): string {
  if (!route.stripPrefix || route.pathPrefix === '/') return path;
  let end = 0;
  for (const segment of route.pathPrefix.split('/')) {
    if (segment !== '' && end !== -1) end = path.indexOf('/', end + 1);
  }
  if (end === -1) return '/';
  // With `emptySegments` allowed: servers read `//host/path` as the URL of another host (RFC 3986 §4.2).
  while (path.charCodeAt(end + 1) === SLASH) end += 1;
  return path.slice(end);
}
