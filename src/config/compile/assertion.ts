/** `assertion`: one policy for each distinct block, and the keys that sign. */
import type { AssertionPolicy, ClaimsRetriever, UserClaimsPolicy } from '../../core/assertion.ts';
import { foldHeaderName } from '../../core/headers.ts';
import type { ConfigPath } from '../issue.ts';
import type { SigningAlgorithm } from '../schema/algorithm.ts';
import {
  type AssertionConfig,
  type AssertionDefaults,
  type AssertionOverride,
  PROFILE_DEFAULTS,
  PROFILES,
} from '../schema/assertion.ts';
import type { RouteConfig } from '../schema/route.ts';
import type { CompileContext, RetrieverSpec } from './context.ts';

/** A configured key that signs assertions. */
export interface SigningKeyFile {
  readonly id: string;
  readonly state: 'next' | 'active' | 'retired';
  /** Private key in PEM; for HS256 the secret itself. */
  readonly privateKey: string;
  /** Null where none is configured: then there is no `x5t`. */
  readonly certificatePem: string | null;
}

/** What minting needs beyond the policies of the routes. */
export interface AssertionSettings {
  /** Algorithms that routes sign with; empty where all assertions are unsigned. */
  readonly algorithms: readonly SigningAlgorithm[];
  /** Null: generated in `dataDir`. */
  readonly keys: readonly SigningKeyFile[] | null;
  /** Longest life of an assertion on any route: as long a retired key stays published. */
  readonly longestTtlMs: number;
  /** The public keys are served at /.well-known/jwks.json and /jwks. */
  readonly jwksEndpoint: boolean;
  /** Assertions remembered. */
  readonly cacheMax: number;
}

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
    if (block === undefined) context.refuse(path, 'overrides the assertion block, and there is none');
    if (auth !== 'none') return policyAt(assertion, path);
    if (assertion.enabled !== false) context.refuse(path, 'has no effect: auth none mints nothing');
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
    minRemaining: minRemainingMs = defaults.minRemainingMs,
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
  const file = context.resolvePath(retriever.module);
  return { kind: 'module', file, cache: { ttlMs: cache.ttl, max: cache.max } };
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

/** Null where no route mints. */
export function assertionSettings(
  policies: readonly AssertionPolicy[],
  context: CompileContext,
): AssertionSettings | null {
  const block = context.config.settings.assertion;
  if (block === undefined || policies.length === 0) return null;
  checkHeaders(policies, context);
  const algorithms = [...new Set(policies.map(({ algorithm }) => algorithm))].filter(isSigned);
  if (block.keys === undefined && algorithms.length > 0)
    context.warn(
      ['assertion'],
      'keys are generated in dataDir: give keys where more than one instance runs, or backends trust only one',
    );
  return {
    algorithms,
    keys: block.keys === undefined ? null : keyFiles(block.keys, context),
    longestTtlMs: Math.max(...policies.map(({ ttlMs }) => ttlMs)),
    jwksEndpoint: block.jwksEndpoint,
    cacheMax: block.cache.max,
  };
}

function isSigned(algorithm: string): algorithm is SigningAlgorithm {
  return algorithm !== 'none';
}

function keyFiles(keys: NonNullable<AssertionConfig['keys']>, context: CompileContext): SigningKeyFile[] {
  const path = ['assertion', 'keys'];
  if (!keys.some(({ state }) => state === 'active'))
    context.refuse(path, 'no key is active: nothing could be signed');
  return keys.flatMap(({ id, state, privateKeyFile, certificateFile }, index) => {
    const place = [...path, index];
    if (keys.findIndex((other) => other.id === id) !== index)
      context.refuse([...place, 'id'], `"${id}" is used twice`);
    const privateKey = context.readSecretText(privateKeyFile, [...place, 'privateKeyFile']);
    const certificatePem =
      certificateFile === null ? null : context.readText(certificateFile, [...place, 'certificateFile']);
    return privateKey === null ? [] : [{ id, state, privateKey, certificatePem }];
  });
}

/** Backends fold names: X-Identity and X_Identity would be one header with two meanings. */
function checkHeaders(policies: readonly AssertionPolicy[], context: CompileContext): void {
  const spellings = new Map<string, string>();
  for (const { header } of policies) {
    const first = spellings.get(foldHeaderName(header));
    if (first === undefined) spellings.set(foldHeaderName(header), header);
    else if (first !== header)
      context.refuse(
        ['assertion'],
        `the headers ${first} and ${header} are one to many backends; spell them alike`,
      );
  }
}
