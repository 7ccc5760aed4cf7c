/** From verified claims to the caller: time window, required claims, subject, groups, roles, scopes. */
import { readClaim } from './claim-path.ts';
import { CountersignError } from './errors.ts';
import { type Json, type JsonObject, member } from './json.ts';
import type { Realm } from './realm.ts';
import { SECOND_MS } from './time.ts';

/** The authenticated caller. */
export interface Principal {
  readonly subject: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly claims: JsonObject;
}

/** When a token may be used. Both ends already include the realm's clock skew. */
export interface Validity {
  readonly notBeforeMs: number;
  /** First instant at which the token is refused; Infinity where it has no `exp` and the realm no `maxAge`. */
  readonly refusedFromMs: number;
  readonly refusal: 'expired' | 'too_old';
  /**
   * The end of the token without skew, for what is derived from it: its `exp` or the end of the realm's `maxAge`, whichever
   * is sooner. Infinity where there is neither.
   */
  readonly expiresAtMs: number;
}

export interface VerifiedToken {
  /** SHA-256 of the whole token, base64url. Names the token in caches; never logged. */
  readonly id: string;
  readonly realm: Realm;
  readonly principal: Principal;
  readonly validity: Validity;
  readonly algorithm: string;
  readonly kid: string | null;
  /** What the operator should know although the token is accepted. Logged once a token, with claim names, no values. */
  readonly notices: readonly string[];
}

/** Shared by all callers: each is remembered for a while, by the thousand. */
const NONE: readonly never[] = Object.freeze([]);

/** NumericDates at or beyond this are milliseconds: as seconds it would be the year 5138. */
const MILLISECONDS_FROM = 100_000_000_000;

/**
 * Checks `exp`, `nbf` and `iat` for form and gives the window they open (RFC 7519 §4.1.4–6).
 *
 * @throws CountersignError missing_claim, invalid_claim
 */
export function validityOf(claims: JsonObject, realm: Realm): Validity {
  const exp = numericDateClaim(claims, 'exp');
  const nbf = numericDateClaim(claims, 'nbf');
  const iatMs = issuedAtMs(claims, realm);
  if (exp === undefined && realm.requireExpiration) throw missing('exp');
  if (iatMs === undefined && realm.maxAgeMs !== null) throw missing('iat');
  const expMs = exp === undefined ? Infinity : exp * SECOND_MS;
  const oldestMs = iatMs === undefined || realm.maxAgeMs === null ? Infinity : iatMs + realm.maxAgeMs;
  const endMs = Math.min(expMs, oldestMs);
  return {
    notBeforeMs: Math.max((nbf ?? 0) * SECOND_MS, iatMs ?? 0) - realm.clockSkewMs,
    refusedFromMs: endMs + realm.clockSkewMs,
    refusal: oldestMs < expMs ? 'too_old' : 'expired',
    expiresAtMs: endMs,
  };
}

/**
 * Run on every request, also for a cached token.
 *
 * @throws CountersignError expired, too_old, not_yet_valid
 */
export function checkValidity(validity: Validity, nowMs: number): void {
  if (nowMs >= validity.refusedFromMs)
    throw new CountersignError(validity.refusal, 'outside the time window');
  if (nowMs < validity.notBeforeMs) throw new CountersignError('not_yet_valid', 'before the time window');
}

function numericDateClaim(claims: JsonObject, name: string): number | undefined {
  const value = member(claims, name);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || value >= MILLISECONDS_FROM) {
    throw invalid(name, 'is no NumericDate in seconds');
  }
  return value;
}

function issuedAtMs(claims: JsonObject, realm: Realm): number | undefined {
  const value = member(claims, 'iat');
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw invalid('iat', 'is no NumericDate');
  const isMilliseconds =
    realm.iatUnit === 'milliseconds' || (realm.iatUnit === 'auto' && value >= MILLISECONDS_FROM);
  return isMilliseconds ? value : value * SECOND_MS;
}

/** @throws CountersignError wrong_audience; only an exact string member counts (RFC 7519 §4.1.3). */
export function checkAudience(claims: JsonObject, audiences: readonly string[]): void {
  if (audiences.length === 0) return;
  const value = member(claims, 'aud');
  const given: readonly Json[] = Array.isArray(value) ? value : [value ?? null];
  const names = given.filter((audience) => typeof audience === 'string');
  if (names.length < given.length) throw wrongAudience('aud is no string or list of strings');
  if (!names.some((audience) => audiences.includes(audience)))
    throw wrongAudience('aud names none of the audiences');
}

/** @throws CountersignError missing_claim, invalid_claim */
export function principalOf(
  claims: JsonObject,
  realm: Realm,
): { readonly principal: Principal; readonly notices: readonly string[] } {
  for (const path of realm.requiredClaims)
    if ((readClaim(claims, path) ?? null) === null) throw missing(path.text);
  const subject = readClaim(claims, realm.subjectClaim);
  if (subject === undefined) throw missing(realm.subjectClaim.text);
  if (typeof subject !== 'string' || subject === '')
    throw invalid(realm.subjectClaim.text, 'is no non-empty string');
  const { names: groups, notices } = groupsOf(claims, realm);
  const roles = rolesOf(claims, groups, realm);
  return {
    principal: { subject, groups, roles, scopes: scopesOf(claims, realm), claims },
    notices,
  };
}

function rolesOf(claims: JsonObject, groups: readonly string[], realm: Realm): string[] {
  const { rolesClaim, rolesOfGroup } = realm;
  const roles = new Set(realm.defaultRoles);
  const value = rolesClaim === null ? undefined : readClaim(claims, rolesClaim);
  if (Array.isArray(value)) for (const role of value) if (typeof role === 'string') roles.add(role);
  for (const group of groups) for (const role of rolesOfGroup.get(group) ?? NONE) roles.add(role);
  return [...roles];
}

function groupsOf(
  claims: JsonObject,
  realm: Realm,
): { readonly names: readonly string[]; readonly notices: readonly string[] } {
  const value = realm.groupsClaim === null ? undefined : readClaim(claims, realm.groupsClaim);
  if (value === undefined) return { names: NONE, notices: NONE };
  const given: readonly Json[] = Array.isArray(value) ? value : [value];
  const names = given.filter((group) => typeof group === 'string');
  const notices =
    names.length === given.length
      ? NONE
      : [`claim ${realm.groupsClaim?.text} holds groups that are no strings; they are left out`];
  return { names: [...new Set(names)], notices };
}

/** A space separated string (RFC 9068 §2.2.3, RFC 8693 §4.2) or, as some issuers write it, a list of strings. */
function scopesOf(claims: JsonObject, realm: Realm): string[] {
  const value = readClaim(claims, realm.scopesClaim);
  if (typeof value === 'string') return value.split(' ').filter((scope) => scope !== '');
  return Array.isArray(value) ? value.filter((scope) => typeof scope === 'string') : [];
}

function missing(claim: string): CountersignError {
  return new CountersignError('missing_claim', `claim ${claim} is missing`, { parameter: claim });
}

function invalid(claim: string, why: string): CountersignError {
  return new CountersignError('invalid_claim', `claim ${claim} ${why}`, { parameter: claim });
}

function wrongAudience(why: string): CountersignError {
  return new CountersignError('wrong_audience', why);
}
