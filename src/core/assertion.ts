/** The payload of the assertion: which claims, under which names, in which order. Encoding and signing live in jwt/. */
import { userMembers } from './assertion-claims.ts';
import { type AssertionPlan, assertionPlan } from './assertion-plan.ts';
import type { Json } from './json.ts';
import type { Principal } from './principal.ts';
import type { Realm } from './realm.ts';
import type { Route } from './route.ts';
import { numericDate, SECOND_MS } from './time.ts';

export type AssertionProfile = 'standard' | 'wso2-appm' | 'wso2-apim';

/** What one route mints. Immutable; the same object for all routes without an override. */
export interface AssertionPolicy {
  readonly profile: AssertionProfile;
  /** Header name, written as configured. */
  readonly header: string;
  readonly dialect: string;
  readonly issuer: string;
  /** Algorithm of the signature; `none`: unsigned. */
  readonly algorithm: string;
  readonly ttlMs: number;
  /** A cached assertion with less life left is replaced. */
  readonly minRemainingMs: number;
  /** Null: the application name of the route. */
  readonly audience: string | null;
  /** `base64`: padded; the wso2 profiles choose padding by themselves. */
  readonly encoding: 'base64url' | 'base64';
  readonly timeUnit: 'seconds' | 'milliseconds';
  readonly x5t: 'none' | 'sha1' | 'sha256' | 'wso2-hex' | 'wso2-hex-upper';
  readonly kid: boolean;
  readonly standardClaims: 'basic' | 'extended' | 'none';
  readonly includeRealm: boolean;
  /** An assertion for callers without a token on `auth: optional` routes, with enduser `anonymous`. */
  readonly anonymous: boolean;
  readonly userClaims: UserClaimsPolicy;
  /** Largest header value in bytes. */
  readonly maxBytes: number;
  readonly onOversize: 'reject' | 'dropGroups';
}

export interface UserClaimsPolicy {
  /** Null: no retriever, nothing beyond the default claims. */
  readonly retriever: ClaimsRetriever | null;
  /** Only the claims that the application selected (WSO2 AddClaimsSelectively). */
  readonly selective: boolean;
  /** Exact names: as in the token, as retrieved, or with the dialect. */
  readonly exclude: ReadonlySet<string>;
  /** Names that are no URI get the dialect. */
  readonly convertDialect: boolean;
  readonly multiValue: 'array' | 'join';
  readonly multiValueSeparator: string;
}

/** What a retriever knows about one caller. */
export interface UserClaims {
  /** Prefix of names that are no URI, of the default claims too; null: the dialect of the policy. */
  readonly dialect: string | null;
  readonly claims: ReadonlyMap<string, Json>;
  /** `natural`: sorted by name, by UTF-16 code unit; `given`: in the order of the map. */
  readonly order: 'natural' | 'given';
  /** Names that get the dialect also where `convertDialect` is off. */
  readonly prefixed?: ReadonlySet<string>;
}

/** Source of user claims (WSO2's ClaimsRetriever as the gateway sees it). Failures are `claims_unavailable`. */
export interface ClaimsRetriever {
  readonly name: string;
  /** Rises when claims given before may be wrong now: assertions made with them are not sent any more. */
  readonly generation?: number;
  /** @throws CountersignError claims_unavailable */
  retrieve(principal: Principal, realm: Realm): UserClaims | Promise<UserClaims>;
}

/** The caller as the assertion names it. */
export interface AssertionSubject {
  readonly principal: Principal;
  /** Null for the anonymous caller. */
  readonly realm: Realm | null;
  /** `exp` of the caller's token in milliseconds; Infinity where it has none. The assertion never outlives it. */
  readonly expiresAtMs: number;
}

export interface AssertionInput {
  readonly policy: AssertionPolicy;
  readonly route: Pick<Route, 'name' | 'application'>;
  readonly subject: AssertionSubject;
  readonly userClaims: UserClaims | null;
  readonly nowMs: number;
  /** Unique per assertion. */
  readonly jti: string;
  /** Leaves out the claim that the realm reads groups from: the assertion was too large with it. */
  readonly dropGroups?: boolean;
}

export interface AssertionPayload {
  /** JSON. No name twice; members in order, which an object would not keep for names that look like integers. */
  readonly text: string;
  /** As written: whole seconds, or milliseconds. */
  readonly expiresAtMs: number;
  /** Names of user claims left out because the name is taken. For the debug log. */
  readonly shadowed: readonly string[];
}

export const ANONYMOUS: Principal = { subject: 'anonymous', groups: [], roles: [], scopes: [], claims: {} };

/**
 * Registered claims, then the default claims, then the user's. Never longer than the policy's life, and never
 * beyond the `exp` of the caller's token.
 */
export function assertionPayload(input: AssertionInput): AssertionPayload {
  const { policy, subject, nowMs } = input;
  const plan = assertionPlan(input, input.userClaims?.dialect ?? policy.dialect);
  const expiresAtMs = assertionExpiryMs(policy, subject.expiresAtMs, nowMs);
  const name = JSON.stringify(subject.principal.subject);
  const user = userMembers(input, plan);
  const text = `${registeredMembers(input, plan, name, expiresAtMs)}${plan.defaults.join(name)}${user.text}}`;
  return { text, expiresAtMs, shadowed: user.shadowed };
}

/**
 * When an assertion made now dies: after the policy's life, or with the caller's token. In whole units of the policy,
 * rounded down, so that it never lives longer than meant.
 */
export function assertionExpiryMs(
  { ttlMs, timeUnit }: Pick<AssertionPolicy, 'ttlMs' | 'timeUnit'>,
  tokenExpiresAtMs: number,
  nowMs: number,
): number {
  const expiresAtMs = Math.min(nowMs + ttlMs, tokenExpiresAtMs);
  return timeUnit === 'milliseconds' ? Math.floor(expiresAtMs) : numericDate(expiresAtMs) * SECOND_MS;
}

/** With the brace that opens the payload. `name`: the subject as JSON. */
function registeredMembers(
  { policy, userClaims, nowMs, jti }: AssertionInput,
  { issuer, audience }: AssertionPlan,
  name: string,
  expiresAtMs: number,
): string {
  const time = (timeMs: number) =>
    policy.timeUnit === 'milliseconds' ? Math.floor(timeMs) : numericDate(timeMs);
  const expiry = `"exp":${time(expiresAtMs)}`;
  if (policy.profile !== 'wso2-appm')
    return `${issuer},"sub":${name}${audience},"iat":${time(nowMs)},${expiry},"jti":${JSON.stringify(jti)}`;
  // App Manager names the user beside `enduser` only where a retriever is configured.
  const user = userClaims === null ? '' : `,"${policy.userClaims.selective ? 'Subject' : 'sub'}":${name}`;
  return `${issuer},${expiry}${user}`;
}
