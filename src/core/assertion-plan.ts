/** What all assertions of a route for the callers of one realm have in common, as text: worked out once, not for each. */
import type { AssertionInput, AssertionPolicy } from './assertion.ts';
import { isUriName, joinDialect } from './dialect.ts';
import type { Json } from './json.ts';
import type { Realm } from './realm.ts';

/** A claim that a retriever may give, by the name under which it gives it. */
export interface PlannedClaim {
  /** As it is written. */
  readonly name: string;
  /** A JSON member up to its value: a comma, the name, a colon. */
  readonly open: string;
  /** Not excluded, and selected where that is asked. */
  readonly isWanted: boolean;
  /** The gateway sets a claim of this name. */
  readonly isReserved: boolean;
}

export interface AssertionPlan {
  /** `{"iss":…` and `,"aud":…` */
  readonly issuer: string;
  readonly audience: string;
  /** The default claims as JSON members, each after a comma. The subject stands between the parts. */
  readonly defaults: readonly string[];
  readonly role: PlannedClaim;
  /** `isPrefixed`: gets the dialect also where `convertDialect` is off. */
  claim(name: string, isPrefixed: boolean): PlannedClaim;
}

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

type PlanInput = Pick<AssertionInput, 'policy' | 'route' | 'dropGroups'> & { readonly realm: Realm | null };

type Claims = AssertionPlan['claim'];

/** Where no claims are selected by route, all routes share the claims of a realm: there may be thousands of routes. */
interface PlansOfRealm {
  readonly claim: Claims;
  readonly byRoute: WeakMap<object, AssertionPlan>;
}

/** Policies, routes and realms are immutable, and live as long as their configuration. */
const KNOWN = new WeakMap<AssertionPolicy, WeakMap<object, PlansOfRealm>>();
const NO_REALM = {};

/** Plans for a dialect of the retriever's own, or without groups, are made each time: users may choose the former. */
export function assertionPlan(
  { policy, route, subject, dropGroups = false }: AssertionInput,
  dialect: string,
): AssertionPlan {
  const input: PlanInput = { policy, route, realm: subject.realm, dropGroups };
  if (dropGroups || dialect !== policy.dialect) return makePlan(input, dialect, claimsOf(input, dialect));
  const { claim, byRoute } = plansOfRealm(input);
  const known = byRoute.get(route);
  if (known !== undefined) return known;
  const plan = makePlan(input, dialect, policy.userClaims.selective ? claimsOf(input, dialect) : claim);
  byRoute.set(route, plan);
  return plan;
}

function plansOfRealm(input: PlanInput): PlansOfRealm {
  const { policy } = input;
  const realm = input.realm ?? NO_REALM;
  const known = KNOWN.get(policy)?.get(realm);
  if (known !== undefined) return known;
  const plans = { claim: claimsOf(input, policy.dialect), byRoute: new WeakMap<object, AssertionPlan>() };
  KNOWN.set(policy, (KNOWN.get(policy) ?? new WeakMap<object, PlansOfRealm>()).set(realm, plans));
  return plans;
}

function makePlan(input: PlanInput, dialect: string, claim: Claims): AssertionPlan {
  const { policy, route } = input;
  return {
    issuer: `{${member('iss', policy.issuer)}`,
    audience: `,${member('aud', policy.audience ?? route.application.name)}`,
    defaults: defaultMembers(input, dialect),
    role: judgeOf(input, dialect)('role', joinDialect(dialect, 'role')),
    claim,
  };
}

function claimsOf(input: PlanInput, dialect: string): Claims {
  const { convertDialect } = input.policy.userClaims;
  const judge = judgeOf(input, dialect);
  return remembering((name, isPrefixed) => {
    const hasDialect = !isUriName(name) && (convertDialect || isPrefixed);
    return judge(name, hasDialect ? joinDialect(dialect, name) : name);
  });
}

/** One member of a JSON object. */
function member(name: string, value: Json): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
}

/** Issuers and retrievers choose names, so the memory has bounds, and beyond them is simply not used. */
const NAMES_MAX = 500;
const NAME_CHARACTERS_MAX = 128;

/** Claims that are sent, by name: where the application selects them, its list is the bound. */
function remembering(claim: Claims): Claims {
  const [plain, prefixed] = [new Map<string, PlannedClaim>(), new Map<string, PlannedClaim>()];
  return (name, isPrefixed) => {
    const known = isPrefixed ? prefixed : plain;
    const found = known.get(name);
    if (found !== undefined) return found;
    const made = claim(name, isPrefixed);
    if (made.isWanted && known.size < NAMES_MAX && name.length <= NAME_CHARACTERS_MAX) known.set(name, made);
    return made;
  };
}

/** The default claims under the dialect. Values that the configuration leaves out are left out, as API Manager does. */
function defaultMembers(input: PlanInput, dialect: string): string[] {
  const { standardClaims, includeRealm } = input.policy;
  const parts = standardClaims === 'none' ? [''] : applicationMembers(input, dialect);
  const realm =
    includeRealm && input.realm !== null ? `,${member(joinDialect(dialect, 'realm'), input.realm.name)}` : '';
  return parts.with(-1, `${parts.at(-1)}${realm}`);
}

function applicationMembers(input: PlanInput, dialect: string): string[] {
  const { standardClaims, userClaims: rules } = input.policy;
  const selected = rules.selective ? namesOf(input.route.application.claims ?? [], input, dialect) : null;
  const values = defaultValues(input);
  let text = '';
  let untilSubject: string | null = null;
  for (const [name, set] of DEFAULT_CLAIM_SETS) {
    const fullName = joinDialect(dialect, name);
    const isSubject = name === 'enduser';
    if (!isSubject && selected !== null && !selected.has(fullName)) continue;
    if (isSubject) {
      untilSubject = `${text},${JSON.stringify(fullName)}:`;
      text = '';
      continue;
    }
    const value = values[name] ?? null;
    if (value !== null && (set === 'basic' || standardClaims === 'extended'))
      text += `,${member(fullName, value)}`;
  }
  return untilSubject === null ? [text] : [untilSubject, text];
}

/** All but `enduser`, which is the subject. */
function defaultValues({ route: { application } }: PlanInput): Readonly<Record<string, string | null>> {
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
    // WSO2's id of the super tenant: there are no tenants here.
    enduserTenantId: '-1234',
    applicationUUId: application.uuid,
  };
}

/** Tells by the retrieved and the final name what becomes of a claim. */
function judgeOf(input: PlanInput, dialect: string): (given: string, name: string) => PlannedClaim {
  const { policy, route, realm } = input;
  const groups = input.dropGroups === true ? realm?.groupsClaim?.segments.slice(0, 1) : undefined;
  const excluded = namesOf([...policy.userClaims.exclude, ...(groups ?? [])], input, dialect);
  const selected = policy.userClaims.selective
    ? namesOf(route.application.claims ?? [], input, dialect)
    : null;
  const reserved = reservedNames(policy, dialect);
  const has = (names: ReadonlySet<string>, given: string, name: string) =>
    names.has(given) || names.has(name);
  return (given, name) => ({
    name,
    open: `,${JSON.stringify(name)}:`,
    isWanted: !has(excluded, given, name) && (selected === null || has(selected, given, name)),
    isReserved: reserved.has(name),
  });
}

/** Names that no user claim may take, also where this assertion does not carry them: backends trust them. */
function reservedNames({ profile }: AssertionPolicy, dialect: string): ReadonlySet<string> {
  const reserved = new Set(REGISTERED_CLAIMS);
  for (const name of [...DEFAULT_CLAIM_SETS.keys(), 'role', 'realm'])
    reserved.add(joinDialect(dialect, name));
  if (profile === 'wso2-appm') reserved.add('Subject');
  return reserved;
}

/** The names as listed, with the dialect, and as the realm maps them: who lists `email` means it under every name. */
function namesOf(listed: Iterable<string>, { realm }: PlanInput, dialect: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const name of listed) {
    names.add(name);
    if (!isUriName(name)) names.add(joinDialect(dialect, name));
    const mapped = realm?.claimMapping.get(name);
    if (mapped !== undefined) names.add(mapped);
  }
  return names;
}
