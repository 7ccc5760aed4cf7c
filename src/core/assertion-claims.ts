/** The user's claims in an assertion: what a retriever found, and the roles that the realm gives, as JSON members. */
import type { AssertionInput, UserClaimsPolicy } from './assertion.ts';
import { type AssertionPlan, member } from './assertion-plan.ts';
import type { Json } from './json.ts';

export interface UserMembers {
  /** Each after a comma, under their final names, in order. No name twice. */
  readonly text: string;
  /** Final names of claims left out because the gateway, or another user claim, has the name. */
  readonly shadowed: readonly string[];
}

const NOBODY: UserMembers = { text: '', shadowed: [] };

/** `plan`: that of the input. */
export function userMembers(
  { userClaims: found, policy, subject }: AssertionInput,
  plan: AssertionPlan,
): UserMembers {
  if (found === null) return NOBODY;
  const chosen = new Map<string, string>();
  const shadowed: string[] = [];
  for (const [given, value] of found.claims) {
    const { name, isWanted, isReserved } = plan.claim(given, found.prefixed?.has(given) === true);
    if (!isWanted) continue;
    if (isReserved || chosen.has(name)) shadowed.push(name);
    else chosen.set(name, member(name, inForm(value, policy.userClaims)));
  }
  const { role } = plan;
  if (role.isWanted)
    chosen.set(role.name, member(role.name, inForm(subject.principal.roles, policy.userClaims)));
  const members = found.order === 'given' ? [...chosen] : [...chosen].sort(byName);
  let text = '';
  for (const [, one] of members) text += `,${one}`;
  return { text, shadowed };
}

/** By UTF-16 code unit, as Java's natural order of strings. */
function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A string that holds the separator is a list; lists are joined where backends expect WSO2's comma. */
function inForm(value: Json, { multiValue, multiValueSeparator: separator }: UserClaimsPolicy): Json {
  const isList = typeof value === 'string' && separator !== '' && value.includes(separator);
  const list = isList ? value.split(separator) : value;
  const isFlat = Array.isArray(list) && list.every((item) => typeof item !== 'object');
  return isFlat && multiValue === 'join' ? list.join(',') : list;
}
