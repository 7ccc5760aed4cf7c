/** The payload of the assertion: which claims, under which names, in which order. Encoding and signing live in jwt/. */
import type { Json } from './json.ts';
import type { Principal } from './principal.ts';
import type { Realm } from './realm.ts';
import type { Application, Route } from './route.ts';
import { numericDate } from './time.ts';

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
  /** Exact names, as retrieved or with the dialect. */
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
}

/** Source of user claims (WSO2's ClaimsRetriever as the gateway sees it). Failures are `claims_unavailable`. */
export interface ClaimsRetriever {
  readonly name: string;
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
}

export interface AssertionPayload {
  /** Names and values in the order in which they are written. No name twice. */
  readonly claims: ReadonlyMap<string, Json>;
  readonly expiresAtMs: number;
  /** Names of user claims left out because a default claim has the name. For the debug log. */
  readonly shadowed: readonly string[];
}

export const ANONYMOUS: Principal = { subject: 'anonymous', groups: [], roles: [], scopes: [], claims: {} };

/** `<dialect>/<name>`; an empty dialect, or one that ends in `/`, gets no further slash. */
export function joinDialect(dialect: string, name: string): string {
  return dialect === '' || dialect.endsWith('/') ? `${dialect}${name}` : `${dialect}/${name}`;
}

/** True for names that are URIs already: `http://…`, `urn:…`. They never get a dialect. */
export function isUriName(name: string): boolean {
  return /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/|urn:)/.test(name);
}

export function assertionPayload(input: AssertionInput): AssertionPayload {
  const { policy, subject, userClaims, nowMs } = input;
  const dialect = userClaims?.dialect ?? policy.dialect;
  const expiresAtMs = Math.min(nowMs + policy.ttlMs, subject.expiresAtMs);
  const claims = new Map<string, Json>(registeredClaims(input, expiresAtMs));
  for (const [name, value] of applicationClaims(input)) claims.set(joinDialect(dialect, name), value);
  if (policy.includeRealm && subject.realm !== null)
    claims.set(joinDialect(dialect, 'realm'), subject.realm.name);
  const shadowed: string[] = [];
  for (const [name, value] of selectedUserClaims(input, dialect)) {
    if (claims.has(name)) shadowed.push(name);
    else claims.set(name, value);
  }
  return { claims, expiresAtMs, shadowed };
}

/** The JSON text of the payload, members in order: an object literal would move names that look like integers. */
export function payloadText(payload: AssertionPayload): string {
  const members = [...payload.claims].map(
    ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
  );
  return `{${members.join(',')}}`;
}

function registeredClaims(input: AssertionInput, expiresAtMs: number): [string, Json][] {
  const { policy, route, subject, nowMs, jti, userClaims } = input;
  const name = subject.principal.subject;
  const time = (timeMs: number) =>
    policy.timeUnit === 'milliseconds' ? Math.floor(timeMs) : numericDate(timeMs);
  if (policy.profile === 'wso2-appm') {
    const user: [string, Json][] =
      userClaims === null ? [] : [[policy.userClaims.selective ? 'Subject' : 'sub', name]];
    return [['iss', policy.issuer], ['exp', time(expiresAtMs)], ...user];
  }
  return [
    ['iss', policy.issuer],
    ['sub', name],
    ['aud', policy.audience ?? route.application.name],
    ['iat', time(nowMs)],
    ['exp', time(expiresAtMs)],
    ['jti', jti],
  ];
}

/** The default claims in WSO2's order. Null values are left out, as API Manager does. */
function applicationClaims(input: AssertionInput): [string, Json][] {
  const { policy, route, subject } = input;
  const extended = policy.standardClaims === 'extended';
  const { application } = route;
  const all: [string, Json, 'basic' | 'extended'][] = [
    ['subscriber', application.subscriber, 'basic'],
    ['applicationid', application.id, 'extended'],
    ['applicationname', application.name, 'basic'],
    ['applicationtier', application.tier, 'extended'],
    ['apiname', application.name, 'extended'],
    ['apicontext', application.context, 'basic'],
    ['version', application.version, 'basic'],
    ['tier', application.tier, 'basic'],
    ['keytype', 'PRODUCTION', 'extended'],
    ['usertype', 'APPLICATION_USER', 'extended'],
    ['enduser', subject.principal.subject, 'basic'],
    ['enduserTenantId', '-1234', 'extended'],
    ['applicationUUId', application.uuid, 'extended'],
  ];
  const wanted = (name: string) =>
    !policy.userClaims.selective || name === 'enduser' || isSelected(application, name, name);
  return all
    .filter(([name, value, set]) => value !== null && (extended || set === 'basic') && wanted(name))
    .filter(() => policy.standardClaims !== 'none')
    .map(([name, value]) => [name, value]);
}

function isSelected(application: Application, name: string, fullName: string): boolean {
  return application.claims?.some((selected) => selected === name || selected === fullName) ?? false;
}

/** User claims under their final names: filtered, prefixed, multi-valued ones in form, in order. */
function selectedUserClaims(input: AssertionInput, dialect: string): [string, Json][] {
  const { policy, route, userClaims, subject } = input;
  if (userClaims === null) return [];
  const rules = policy.userClaims;
  const named: [string, Json][] = [];
  const withRoles: [string, Json][] = [...userClaims.claims].filter(([name]) => name !== 'role');
  if (subject.realm !== null) withRoles.push(['role', [...subject.principal.roles]]);
  for (const [name, value] of withRoles) {
    const fullName =
      isUriName(name) || !(rules.convertDialect || name === 'role') ? name : joinDialect(dialect, name);
    if (rules.exclude.has(name) || rules.exclude.has(fullName)) continue;
    if (rules.selective && !isSelected(route.application, name, fullName)) continue;
    named.push([fullName, inForm(value, rules)]);
  }
  return userClaims.order === 'given' ? named : named.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** A string that holds the separator is a list; lists are joined where backends expect WSO2's comma. */
function inForm(value: Json, rules: UserClaimsPolicy): Json {
  const separator = rules.multiValueSeparator;
  const list =
    typeof value === 'string' && separator !== '' && value.includes(separator)
      ? value.split(separator)
      : value;
  const isFlat = Array.isArray(list) && list.every((item) => typeof item !== 'object');
  return isFlat && rules.multiValue === 'join' ? list.join(',') : list;
}
