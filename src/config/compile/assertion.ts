/** `assertion`: one policy for the routes that share the block, and one for each route that overrides it. */
import type { AssertionPolicy, ClaimsRetriever, UserClaimsPolicy } from '../../core/assertion.ts';
import type { ConfigPath } from '../issue.ts';
import type { AssertionConfig, AssertionOverride } from '../schema/assertion.ts';
import { type AssertionDefaults, PROFILE_DEFAULTS, PROFILES } from '../schema/assertion-profiles.ts';
import type { RouteConfig } from '../schema/route.ts';
import type { CompileContext, RetrieverSpec } from './context.ts';

/** What each route mints; null: nothing. */
export type PolicyOf = (route: RouteConfig, index: number) => AssertionPolicy | null;

/** Checks and compiles as routes ask; routes without an override share one policy. */
export function assertionPolicies(context: CompileContext): PolicyOf {
  const block = context.config.settings.assertion;
  const retriever = retrievers(context);
  const policyAt = (override: AssertionOverride | undefined, path: ConfigPath): AssertionPolicy | null => {
    if (block === undefined || !(override?.enabled ?? block.enabled ?? true)) return null;
    const policy = policyOf(block, override, path, retriever);
    checkPolicy(policy, block, path, context);
    return policy;
  };
  const shared = policyAt(undefined, ['assertion']);
  return ({ auth, assertion }, index) => {
    const path = ['routes', index, 'assertion'];
    if (assertion === undefined) return auth === 'none' ? null : shared;
    if (auth !== 'none' && block !== undefined) return policyAt(assertion, path);
    if (block === undefined) context.refuse(path, 'overrides the assertion block, and there is none');
    else if (assertion.enabled !== false) context.refuse(path, 'has no effect: auth none mints nothing');
    return null;
  };
}

type UserClaimsConfig = AssertionConfig['userClaims'];
type RetrieverOf = (claims: UserClaimsConfig, path: ConfigPath) => ClaimsRetriever | null;

/** Layers from the route to the profile; the first one that says something counts. */
function policyOf(
  block: AssertionConfig,
  override: AssertionOverride | undefined,
  path: ConfigPath,
  retriever: RetrieverOf,
): AssertionPolicy {
  const own = { ...block, ...override };
  const { profile = PROFILES[0] } = own;
  const defaults = PROFILE_DEFAULTS[profile];
  const {
    header = defaults.header,
    dialect = defaults.dialect,
    issuer = defaults.issuer,
    algorithm = defaults.algorithm,
    audience = defaults.audience,
    encoding = defaults.encoding,
    timeUnit = defaults.timeUnit,
    x5t = defaults.x5t,
    kid = defaults.kid,
    standardClaims = defaults.standardClaims,
    includeRealm = defaults.includeRealm,
    anonymous = defaults.anonymous,
    maxBytes = defaults.maxBytes,
    onOversize = defaults.onOversize,
    ttl: ttlMs = defaults.ttlMs,
    minRemaining: minRemainingMs = Math.min(defaults.minRemainingMs, Math.floor(ttlMs / 2)),
  } = own;
  const claims = { ...block.userClaims, ...override?.userClaims };
  return {
    profile,
    header,
    dialect,
    issuer,
    algorithm,
    audience,
    encoding,
    timeUnit,
    x5t,
    kid,
    standardClaims,
    includeRealm,
    anonymous,
    maxBytes,
    onOversize,
    ttlMs,
    minRemainingMs,
    userClaims: {
      ...userClaimsOf(claims, defaults),
      retriever: retriever(claims, [...path, 'userClaims', 'retriever']),
    },
  };
}

function userClaimsOf(
  claims: UserClaimsConfig,
  defaults: AssertionDefaults,
): Omit<UserClaimsPolicy, 'retriever'> {
  const {
    selective = defaults.userClaims.selective,
    exclude = [],
    convertDialect = defaults.userClaims.convertDialect,
    multiValue = defaults.userClaims.multiValue,
    multiValueSeparator = defaults.userClaims.multiValueSeparator,
  } = claims;
  return { selective, exclude: new Set(exclude), convertDialect, multiValue, multiValueSeparator };
}

/** Equal specs share one retriever, and with it one cache. */
function retrievers(context: CompileContext): RetrieverOf {
  const known = new Map<string, ClaimsRetriever | null>();
  return (claims, path) => {
    const spec = specOf(claims, context);
    if (spec === null) return null;
    if (spec.kind.endsWith('store') && context.config.settings.tokenService === undefined)
      context.refuse(path, 'needs a tokenService block: its users are what the store has');
    const id = JSON.stringify(spec);
    const retriever = known.get(id) ?? newRetriever(spec, path, context);
    known.set(id, retriever);
    return retriever;
  };
}

function specOf(
  { retriever = 'none', cache }: UserClaimsConfig,
  context: CompileContext,
): RetrieverSpec | null {
  if (retriever === 'none') return null;
  if (retriever === 'token') return { kind: 'token' };
  const kept = { ttlMs: cache.ttl, max: cache.max };
  if (typeof retriever === 'string') return { kind: retriever, cache: kept };
  return { kind: 'module', file: context.resolvePath(retriever.module), cache: kept };
}

function newRetriever(
  spec: RetrieverSpec,
  path: ConfigPath,
  context: CompileContext,
): ClaimsRetriever | null {
  try {
    return context.dependencies.retrieverFor(spec);
  } catch (error) {
    context.refuse(path, `cannot be used: ${error instanceof Error ? error.message : 'unknown error'}`);
    return null;
  }
}

function checkPolicy(
  policy: AssertionPolicy,
  block: AssertionConfig,
  path: ConfigPath,
  context: CompileContext,
): void {
  if (policy.minRemainingMs >= policy.ttlMs)
    context.refuse([...path, 'minRemaining'], 'must be shorter than ttl');
  if (policy.algorithm === 'none')
    context.warn(
      [...path, 'algorithm'],
      'assertions are not signed: whoever reaches the backend can write them',
    );
  if (policy.timeUnit === 'milliseconds')
    context.warn(
      path,
      'times in milliseconds: to a standard JWT library such an assertion never expires (RFC 7519 §4.1.4)',
    );
  const hasCertificates = block.keys?.every(({ certificateFile }) => certificateFile !== null) ?? false;
  if (policy.x5t !== 'none' && policy.algorithm !== 'none' && !hasCertificates)
    context.warn(path, `x5t ${policy.x5t} needs a certificateFile for each key; without one it is left out`);
}
