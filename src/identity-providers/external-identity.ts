/** Who a verified foreign token is about, as the provider's claim names say. */
import { CountersignError } from '../core/errors.ts';
import { type Json, type JsonObject, member } from '../core/json.ts';
import { checkAudience } from '../core/principal.ts';
import type { IdentityProvider } from '../objects/identity-provider.ts';
import { userSchema } from '../objects/user.ts';
import { EMAIL_MAX_CHARS, NAME_MAX_CHARS } from '../objects/values.ts';
import { unauthorized } from '../tokens/failure.ts';

export interface ExternalIdentity {
  /** Names the user at the provider: the key of its link. */
  readonly uniqueId: string;
  /** Null: the token has no valid address. */
  readonly email: string | null;
  /** False: the token says so. Null: it says nothing. */
  readonly isEmailVerified: boolean | null;
  readonly username: string | null;
}

/** OpenID Connect Core §2 bounds `sub` so; longer ones would not fit the key of a link. */
const UNIQUE_ID_MAX_CHARS = 255;

/**
 * @throws ServiceError 401 without unique id, of another issuer, for another audience, with an e-mail address that the
 *   provider does not manage, or a claim that is too long
 */
export function externalIdentity(provider: IdentityProvider, claims: JsonObject): ExternalIdentity {
  const { oauth2, uniqueIdentityClaim } = provider;
  requireIssuer(provider, claims);
  requireAudience(provider, claims);
  const uniqueId = uniqueIdOf(claims, uniqueIdentityClaim ?? oauth2.uniqueIdClaim);
  const email = emailOf(claims, byEmailClaim(provider));
  requireManagedDomain(provider, email);
  return {
    uniqueId,
    email,
    isEmailVerified: verifiedOf(member(claims, oauth2.emailVerifiedClaim)),
    username: usernameOf(claims, oauth2.usernameClaim),
  };
}

/** The older `uniqueIdentityClaim` holds the address by which users are found. */
function byEmailClaim({ oauth2, uniqueIdentityClaim }: IdentityProvider): string {
  return uniqueIdentityClaim ?? oauth2.emailClaim;
}

function requireIssuer({ issuer }: IdentityProvider, claims: JsonObject): void {
  if (typeof issuer === 'string' && member(claims, 'iss') !== issuer)
    throw unauthorized('The token is of another issuer');
}

/** RFC 8725 §3.9: whoever runs another service of the issuer has tokens of its users. */
function requireAudience({ audiences = [] }: IdentityProvider, claims: JsonObject): void {
  try {
    checkAudience(claims, audiences);
  } catch (error) {
    throw error instanceof CountersignError ? unauthorized(`The token: ${error.message}`) : error;
  }
}

/** Some issuers number their users: the digits are the id. */
function uniqueIdOf(claims: JsonObject, name: string): string {
  const value = member(claims, name);
  const text = Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text === 'string' && text.length <= UNIQUE_ID_MAX_CHARS && isPlain(text)) return text;
  throw unauthorized(`[ExternalAuthenticationException]MissingUniqueId: claim ${name} is no id`);
}

/** @throws ServiceError 401: what is longer than any name fits no column, and nobody is told apart by a part of it */
function boundedText(claims: JsonObject, name: string, maxChars: number): Json | undefined {
  const value = member(claims, name);
  if (typeof value === 'string' && value.length > maxChars)
    throw unauthorized(`Claim ${name} is longer than ${maxChars} characters`);
  return value;
}

function emailOf(claims: JsonObject, name: string): string | null {
  const parsed = userSchema.shape.email.safeParse(boundedText(claims, name, EMAIL_MAX_CHARS));
  return parsed.data ?? null;
}

function usernameOf(claims: JsonObject, name: string): string | null {
  const { data: username } = userSchema.shape.username.safeParse(boundedText(claims, name, NAME_MAX_CHARS));
  return username !== undefined && isPlain(username) && isComposed(username) ? username : null;
}

/** Names are compared in lower case, and that of the Kelvin sign is `k`: such a name would be somebody else's too. */
function isComposed(text: string): boolean {
  return text === text.normalize('NFC');
}

/** Not empty, and without control characters: no one has them in a name, but they can hide one in a list. */
function isPlain(text: string): boolean {
  return /^\P{Cc}+$/u.test(text);
}

/** Whoever writes the claim and does not write true has not verified the address; some write it as text. */
function verifiedOf(value: Json | undefined): boolean | null {
  return value === undefined ? null : value === true || value === 'true';
}

/** Exact, in any letter case: `sub.acme.com` is not `acme.com`. */
function requireManagedDomain({ domains }: IdentityProvider, email: string | null): void {
  if (domains.length === 0) return;
  const domain = email === null ? null : domainOf(email);
  if (domain === null || !domains.includes(domain))
    throw unauthorized('The provider does not manage the domain of the e-mail address');
}

function domainOf(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1).toLowerCase();
}
