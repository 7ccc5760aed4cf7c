/** The claims of an assertion beyond the registered ones: what the route says, and what is known of the user. */
import type { AssertionInput, AssertionPolicy, UserClaimsPolicy } from './assertion.ts';
import { isUriName, joinDialect } from './dialect.ts';
import type { Json } from './json.ts';
import type { Realm } from './realm.ts';

export type NamedClaim = readonly [name: string, value: Json];

type DefaultClaimSet = 'basic' | 'extended';

/** WSO2's default claims in WSO2's spelling and order; `basic` are the six of its documentation. */
const DEFAULT_CLAIM_SETS: ReadonlyMap<string, DefaultClaimSet> = new Map([
  ['subscriber', 'basic'],
  ['applicationid', 'extended'],
  ['applicationname', 'basic'],
  ['applicationtier', 'extended'],
  ['apiname', 'extended'],
  ['apicontext', 'basic'],
  ['version', 'basic'],
  ['tier', 'basic'],
  ['keytype', 'extended'],
  ['usertype', 'extended'],
  ['enduser', 'basic'],
  ['enduserTenantId', 'extended'],
  ['applicationUUId', 'extended'],
]);

/** RFC 7519 §4.1: whatever a retriever returns, the registered claims are the gateway's own. */
const REGISTERED_CLAIMS = ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti'];

/** The default claims under the dialect. Values that the configuration leaves out are left out, as API Manager does. */
export function defaultClaims(input: AssertionInput, dialect: string): NamedClaim[] {
  const { policy, subject } = input;
  const claims = policy.standardClaims === 'none' ? [] : applicationClaims(input, dialect);
  if (policy.includeRealm && subject.realm !== null)
    claims.push([joinDialect(dialect, 'realm'), subject.realm.name]);
  return claims;
}

function applicationClaims(input: AssertionInput, dialect: string): NamedClaim[] {
  const { standardClaims, userClaims: rules } = input.policy;
  const selected = rules.selective ? namesOf(input.route.application.claims ?? [], input, dialect) : null;
  const values = defaultValues(input);
  const claims: NamedClaim[] = [];
  for (const [name, set] of DEFAULT_CLAIM_SETS) {
    const value = values[name] ?? null;
    if (value === null || (set === 'extended' && standardClaims !== 'extended')) continue;
    const fullName = joinDialect(dialect, name);
    if (selected === null || name === 'enduser' || selected.has(fullName)) claims.push([fullName, value]);
  }
  return claims;
}

function defaultValues({
  route: { application },
  subject,
}: AssertionInput): Readonly<Record<string, string | null>> {
  return {
    subscriber: application.subscriber,
    applicationid: application.id,
    applicationname: application.name,
    applicationtier: application.tier,
    apiname: application.name,
    apicontext: application.context,
    version: application.version,
    tier: application.tier,
    keytype: 'PRODUCTION',
    usertype: 'APPLICATION_USER',
    enduser: subject.principal.subject,
    // WSO2's id of the super tenant: there are no tenants here.
    enduserTenantId: '-1234',
    applicationUUId: application.uuid,
  };
}

export interface UserClaimSelection {
  /** Under their final names, multi-valued ones in form, in order. No name twice. */
  readonly claims: readonly NamedClaim[];
  /** Final names of claims left out because the gateway, or another user claim, has the name. */
  readonly shadowed: readonly string[];
}

/** What the retriever found, as it goes into the assertion, with the roles that the realm gives. */
export function userClaims(input: AssertionInput, dialect: string): UserClaimSelection {
  const found = input.userClaims;
  if (found === null) return { claims: [], shadowed: [] };
  const roleName = joinDialect(dialect, 'role');
  const reserved = reservedNames(input.policy, dialect);
  const isWanted = selector(input, dialect);
  const chosen = new Map<string, Json>();
  const shadowed: string[] = [];
  for (const [name, value] of found.claims) {
    const fullName = fullNameOf(name, input, dialect);
    if (!isWanted(name, fullName)) continue;
    if (fullName === roleName || reserved.has(fullName) || chosen.has(fullName)) shadowed.push(fullName);
    else chosen.set(fullName, value);
  }
  if (isWanted('role', roleName)) chosen.set(roleName, input.subject.principal.roles);
  const claims = [...chosen].map(
    ([name, value]): NamedClaim => [name, inForm(value, input.policy.userClaims)],
  );
  return { claims: found.order === 'given' ? claims : claims.sort(byName), shadowed };
}

/** By UTF-16 code unit, as Java's natural order of strings. */
function byName([a]: NamedClaim, [b]: NamedClaim): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function fullNameOf(name: string, { policy, userClaims: found }: AssertionInput, dialect: string): string {
  if (isUriName(name)) return name;
  const isPrefixed = policy.userClaims.convertDialect || found?.prefixed?.has(name) === true;
  return isPrefixed ? joinDialect(dialect, name) : name;
}

/** Policies are immutable: what is reserved under their own dialect is worked out once. */
const RESERVED = new WeakMap<AssertionPolicy, ReadonlySet<string>>();

/** Names that no user claim may take, also where this assertion does not carry them: backends trust them. */
function reservedNames(policy: AssertionPolicy, dialect: string): ReadonlySet<string> {
  if (dialect !== policy.dialect) return reservedUnder(dialect, policy);
  const known = RESERVED.get(policy);
  if (known !== undefined) return known;
  const reserved = reservedUnder(dialect, policy);
  RESERVED.set(policy, reserved);
  return reserved;
}

function reservedUnder(dialect: string, { includeRealm, profile }: AssertionPolicy): ReadonlySet<string> {
  const reserved = new Set(REGISTERED_CLAIMS);
  for (const name of DEFAULT_CLAIM_SETS.keys()) reserved.add(joinDialect(dialect, name));
  if (includeRealm) reserved.add(joinDialect(dialect, 'realm'));
  if (profile === 'wso2-appm') reserved.add('Subject');
  return reserved;
}

/** Tells by the retrieved and the final name whether a claim is sent: not excluded, and selected where that is asked. */
function selector(input: AssertionInput, dialect: string): (name: string, fullName: string) => boolean {
  const { policy, route, subject } = input;
  const groups = input.dropGroups === true ? subject.realm?.groupsClaim?.segments.slice(0, 1) : undefined;
  const excluded = namesOf([...policy.userClaims.exclude, ...(groups ?? [])], input, dialect);
  const selected = policy.userClaims.selective
    ? namesOf(route.application.claims ?? [], input, dialect)
    : null;
  return (name, fullName) => {
    if (excluded.has(name) || excluded.has(fullName)) return false;
    return selected === null || selected.has(name) || selected.has(fullName);
  };
}

/** The names as listed, with the dialect, and as the realm maps them: who lists `email` means it under every name. */
function namesOf(listed: Iterable<string>, input: AssertionInput, dialect: string): ReadonlySet<string> {
  const realm: Realm | null = input.subject.realm;
  const names = new Set<string>();
  for (const name of listed) {
    names.add(name);
    if (!isUriName(name)) names.add(joinDialect(dialect, name));
    const mapped = realm?.claimMapping.get(name);
    if (mapped !== undefined) names.add(mapped);
  }
  return names;
}

/** A string that holds the separator is a list; lists are joined where backends expect WSO2's comma. */
function inForm(value: Json, { multiValue, multiValueSeparator: separator }: UserClaimsPolicy): Json {
  const isList = typeof value === 'string' && separator !== '' && value.includes(separator);
  const list = isList ? value.split(separator) : value;
  const isFlat = Array.isArray(list) && list.every((item) => typeof item !== 'object');
  return isFlat && multiValue === 'join' ? list.join(',') : list;
}
