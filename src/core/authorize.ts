/** What a route requires of a principal. Runs on every request and is never cached. */
import { type ClaimPath, readClaim } from './claim-path.ts';
import { CountersignError, type ErrorCode } from './errors.ts';
import { type Json, member } from './json.ts';
import type { Principal, VerifiedToken } from './principal.ts';
import type { Application } from './route.ts';

/** Any one of `any` (empty: no condition) and each of `all`. */
export interface NameRequirement {
  readonly any: readonly string[];
  readonly all: readonly string[];
}

export interface ClaimRequirement {
  readonly path: ClaimPath;
  /** Accepted values. A list in the token satisfies it with one of its elements. */
  readonly values: readonly (string | number | boolean)[];
}

export interface Requirements {
  readonly roles: NameRequirement;
  readonly scopes: NameRequirement;
  readonly claims: readonly ClaimRequirement[];
}

/** True where any authenticated caller will do, and on `auth: optional` routes the anonymous one too. */
export function requiresNothing({ roles, scopes, claims }: Requirements): boolean {
  return [roles.any, roles.all, scopes.any, scopes.all, claims].every((list) => list.length === 0);
}

/** @throws CountersignError insufficient_role, insufficient_scope, insufficient_claims */
export function authorize(principal: Principal, require: Requirements): void {
  requireNames(principal.roles, require.roles, 'insufficient_role');
  requireNames(principal.scopes, require.scopes, 'insufficient_scope');
  for (const claim of require.claims) requireClaim(principal, claim);
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * A token of our own opens the routes of its application: where a route names an application of the token service, by
 * its UUID, `applicationId` must be that one. Other routes take the tokens of every application.
 *
 * @throws CountersignError insufficient_claims
 */
export function authorizeApplication(
  { realm, principal }: VerifiedToken,
  { id }: Pick<Application, 'id'>,
): void {
  if (!realm.isSelf || id === null || !UUID.test(id)) return;
  if (member(principal.claims, 'applicationId') === id.toLowerCase()) return;
  throw new CountersignError('insufficient_claims', 'the token belongs to another application', {
    parameter: 'applicationId',
  });
}

function requireNames(held: readonly string[], require: NameRequirement, code: ErrorCode): void {
  if (require.all.some((name) => !held.includes(name))) throw insufficient(code, require.all, 'all of');
  if (require.any.length > 0 && !require.any.some((name) => held.includes(name))) {
    throw insufficient(code, require.any, 'one of');
  }
}

function insufficient(code: ErrorCode, names: readonly string[], quantity: string): CountersignError {
  return new CountersignError(code, `${quantity} ${names.join(', ')} is required`, {
    parameter: names.join(' '),
  });
}

function requireClaim(principal: Principal, require: ClaimRequirement): void {
  const value = readClaim(principal.claims, require.path);
  const given: readonly (Json | undefined)[] = Array.isArray(value) ? value : [value];
  if (given.some((one) => require.values.some((accepted) => accepted === one))) return;
  throw new CountersignError('insufficient_claims', `claim ${require.path.text} has no accepted value`, {
    parameter: require.path.text,
  });
}
