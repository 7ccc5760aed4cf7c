/** The user's claims in an assertion: what a retriever found, and the roles that the realm gives, as JSON members. */
import type { AssertionInput, UserClaimsPolicy } from './assertion.ts';
import type { AssertionPlan, PlannedClaim } from './assertion-plan.ts';
import type { Json } from './json.ts';

export interface UserMembers {
  /** Each after a comma, under their final names, in order. No name twice. */
  readonly text: string;
  /** Final names of claims left out because the gateway, or another user claim, has the name. */
  readonly shadowed: readonly string[];
}

const NOBODY: UserMembers = { text: '', shadowed: [] };

interface Member {
  readonly claim: PlannedClaim;
  readonly value: Json;
}

/** `plan`: that of the input. */
export function userMembers(input: AssertionInput, plan: AssertionPlan): UserMembers {
  const { userClaims: found, policy, subject } = input;
  if (found === null) return NOBODY;
  const names = new Set<string>();
  const members: Member[] = [];
  const shadowed: string[] = [];
  for (const [given, value] of found.claims) {
    const claim = plan.claim(given, found.prefixed?.has(given) === true);
    if (!claim.isWanted) continue;
    if (claim.isReserved || names.has(claim.name)) {
      shadowed.push(claim.name);
      continue;
    }
    names.add(claim.name);
    members.push({ claim, value });
  }
  if (plan.role.isWanted) members.push({ claim: plan.role, value: subject.principal.roles });
  if (found.order === 'natural') members.sort(byName);
  let text = '';
  for (const { claim, value } of members)
    text += claim.open + JSON.stringify(inForm(value, policy.userClaims));
  return { text, shadowed };
}

/** By UTF-16 code unit, as Java's natural order of strings. */
function byName({ claim: { name: a } }: Member, { claim: { name: b } }: Member): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A string that holds the separator is a list; lists are joined where backends expect WSO2's comma. */
function inForm(value: Json, { multiValue, multiValueSeparator: separator }: UserClaimsPolicy): Json {
  const isList = typeof value === 'string' && separator !== '' && value.includes(separator);
  const list = isList ? value.split(separator) : value;
  const isFlat = Array.isArray(list) && list.every((item) => typeof item !== 'object');
  return isFlat && multiValue === 'join' ? list.join(',') : list;
}
