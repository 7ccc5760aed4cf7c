/** From a loaded configuration to what the rooms run on. Cross checks and unreadable files are reported all at once. */
import type { AssertionPolicy } from '../core/assertion.ts';
import type { ListenerLimits } from '../core/limits.ts';
import type { Realm } from '../core/realm.ts';
import type { RouteTable } from '../core/route.ts';
import type { UpstreamSettings } from '../core/upstream.ts';
import { assertionPolicies } from './compile/assertion.ts';
import { type AssertionSettings, assertionSettings } from './compile/assertion-settings.ts';
import { type CompileContext, type CompileDependencies, createContext } from './compile/context.ts';
import { compileListeners, type ListenersSettings } from './compile/listeners.ts';
import { warnOfOwnAddress } from './compile/own-address.ts';
import { type CompiledRealms, compileRealms, type RealmKeySettings } from './compile/realms.ts';
import { warnOfUnknownRoles } from './compile/role-names.ts';
import { compileRouteTable } from './compile/routes.ts';
import { checkShadowedRoutes } from './compile/shadowed-routes.ts';
import { warnAmbiguousSubjects } from './compile/subjects.ts';
import { compileTokenService, type TokenServiceSettings } from './compile/token-service.ts';
import { compileUpstreams } from './compile/upstreams.ts';
import { compileWorkers } from './compile/workers.ts';
import { type ConfigIssue, inOrder } from './issue.ts';
import type { LoadedConfig } from './load.ts';
import { STANDARD } from './schema/assertion-profiles.ts';
import type { Config } from './schema.ts';

export type { CompileDependencies } from './compile/context.ts';
export type { RealmKeySettings } from './compile/realms.ts';

/** An immutable snapshot of everything that stands in the configuration. */
export interface Compiled {
  /** Absolute path; it may not exist yet. */
  readonly dataDir: string;
  /** Processes that serve; with 1 the process itself does. */
  readonly workers: number;
  readonly listeners: ListenersSettings;
  readonly limits: ListenerLimits;
  readonly shutdownGraceMs: number;
  /** Reload when a file changes, not only when told to. */
  readonly watchesFiles: boolean;
  /** Networks in CIDR form. */
  readonly trustedProxies: readonly string[];
  readonly realms: readonly Realm[];
  /** By realm name. */
  readonly realmKeys: ReadonlyMap<string, RealmKeySettings>;
  /** Verified tokens remembered, over all realms. */
  readonly tokenCacheMax: number;
  readonly routes: RouteTable;
  readonly upstreams: readonly UpstreamSettings[];
  /** Null: no route mints. */
  readonly assertion: AssertionSettings | null;
  /** Headers that only the gateway may set, as written. */
  readonly ownedHeaders: readonly string[];
  readonly observability: Config['observability'];
  /** Null: no token service, no store, no cost. */
  readonly tokenService: TokenServiceSettings | null;
  /** What weakens a check or is probably not meant; for the log at start and for `check`. */
  readonly warnings: readonly ConfigIssue[];
}

/** Never throws for anything that stands in the file or is missing on the disk. */
export function compileConfig(
  config: LoadedConfig,
  dependencies: CompileDependencies,
): { compiled: Compiled } | { issues: ConfigIssue[] } {
  const context = createContext(config, dependencies);
  const edge = processSettings(context);
  checkUniqueNames('realms', config.settings.realms, context);
  checkUniqueNames('routes', config.settings.routes, context);
  const realms = compileRealms(context);
  const upstreams = compileUpstreams(context);
  warnOfOwnAddress(context);
  const policyOf = assertionPolicies(context);
  const routes = compileRouteTable({ realms: realms.realms, upstreams, policyOf }, context);
  const policies = policiesOf(routes);
  checkOwnIssuer(policies, context);
  warnAmbiguousSubjects(routes.routes, context);
  warnOfUnknownRoles(context);
  const assertion = assertionSettings(policies, context);
  if (assertion?.jwksEndpoint === true) checkShadowedRoutes(routes.routes, context);
  const tokenService = compileTokenService(context);
  if (context.issues.length > 0) return { issues: inOrder(context.issues) };
  const compiled = {
    ...edge,
    ...realmSettings(realms),
    routes,
    upstreams: upstreams.all(),
    assertion,
    ownedHeaders: ownedHeaders(policies),
    tokenService,
    warnings: inOrder(context.warnings),
  };
  return { compiled };
}

function processSettings(context: CompileContext) {
  const { dataDir, limits, shutdownGrace, reload, trustedProxies, observability } = context.config.settings;
  return {
    dataDir: context.resolvePath(dataDir),
    workers: compileWorkers(context),
    listeners: compileListeners(context),
    limits: {
      headerBytes: limits.headerBytes,
      headerCount: limits.headerCount,
      headersTimeoutMs: limits.headersTimeout,
      requestTimeoutMs: limits.requestTimeout,
      idleTimeoutMs: limits.idleTimeout,
      connections: limits.connections,
    },
    shutdownGraceMs: shutdownGrace,
    watchesFiles: reload.watch,
    trustedProxies,
    observability,
  };
}

function realmSettings({ realms, keys, tokenCacheMax }: CompiledRealms) {
  return { realms, realmKeys: keys, tokenCacheMax };
}

function policiesOf({ routes }: RouteTable): AssertionPolicy[] {
  return [...new Set(routes.map(({ assertion }) => assertion).filter((policy) => policy !== null))];
}

/** The default name is owned too: a backend may read it although nothing is minted. */
function ownedHeaders(policies: readonly AssertionPolicy[]): string[] {
  return [...new Set([STANDARD.header, ...policies.map(({ header }) => header)])];
}

function checkUniqueNames(
  block: 'realms' | 'routes',
  specs: readonly { readonly name: string }[],
  context: CompileContext,
): void {
  const firsts = new Map<string, number>();
  for (const [index, { name }] of specs.entries()) {
    const first = firsts.get(name);
    if (first === undefined) firsts.set(name, index);
    else
      context.refuse(
        [block, index, 'name'],
        `"${name}" is used twice, first in line ${context.config.line([block, first, 'name'])}`,
      );
  }
}

/** Whoever may read one of our assertions could come back with it as a caller (confused deputy). */
function checkOwnIssuer(policies: readonly AssertionPolicy[], context: CompileContext): void {
  const own = new Set(policies.map(({ issuer }) => issuer));
  for (const [index, { issuer, chained }] of context.config.settings.realms.entries()) {
    if (own.has(issuer) && !chained)
      context.refuse(
        ['realms', index, 'issuer'],
        'is the issuer of our own assertions; chained: true says that the caller is another countersign',
      );
  }
}
