/** What an access token says. */
import { type JsonObject, member } from '../core/json.ts';
import { numericDate } from '../core/time.ts';
import type { Application } from '../objects/application.ts';
import type { Tenant } from '../objects/tenant.ts';
import type { Registration, User } from '../objects/user.ts';
import { badField } from './failure.ts';
import { policyInForce } from './refresh-policy.ts';
import { rolesInForce } from './roles-in-force.ts';
import type { TokenService } from './service.ts';

/** Whose token it is, and how its user came in. */
export interface AccessTokenSubject {
  readonly user: User;
  /** Null: a token for no application. */
  readonly application: Application | null;
  /** Null: the user is not registered with the application, and the token says nothing of it but `aud`. */
  readonly registration: Registration | null;
  /** `authenticationType`: PASSWORD, FEDERATED_JWT, … */
  readonly authenticationType: string;
  /** `auth_time`: when the user proved who they are. */
  readonly authTimeSeconds: number;
}

export interface AccessTokenRequest extends AccessTokenSubject {
  /** Id of the refresh token that goes with it; null: none does. */
  readonly sid: string | null;
  /** Null: what the policy says after now. */
  readonly expiresSeconds: number | null;
  /** Whether a refresh token was exchanged for it. */
  readonly isRefresh: boolean;
}

/** The payload; these two are numbers. */
export type AccessTokenClaims = JsonObject & { readonly exp: number; readonly iat: number };

export function accessTokenClaims(
  service: TokenService,
  tenant: Tenant,
  request: AccessTokenRequest,
): AccessTokenClaims {
  const { user, application, registration } = request;
  const now = service.clock();
  const { timeToLiveInSeconds } = policyInForce(tenant, application);
  return {
    ...(application === null ? {} : { aud: application.id }),
    exp: Math.min(
      request.expiresSeconds ?? expiryFor(timeToLiveInSeconds, undefined, now),
      accountEndSeconds(user),
    ),
    iat: numericDate(now),
    iss: tenant.issuer,
    sub: user.id,
    jti: service.random.uuid(),
    authenticationType: request.authenticationType,
    ...emailClaims(user),
    ...(user.username === undefined ? {} : { preferred_username: user.username }),
    auth_time: request.authTimeSeconds,
    tid: tenant.id,
    ...(registration === null
      ? {}
      : { applicationId: registration.applicationId, roles: rolesInForce(registration, application) }),
    ...(request.sid === null ? {} : { sid: request.sid }),
  };
}

/** No token outlives the account of its user. */
function accountEndSeconds({ expiry }: User): number {
  return typeof expiry === 'number' ? numericDate(expiry) : Number.POSITIVE_INFINITY;
}

/** `user.data.email` stands in for a missing address; nobody has verified that one. */
function emailClaims({ email, verified, data }: User): JsonObject {
  if (email !== undefined) return { email, email_verified: verified };
  const fallback = member(data, 'email');
  return typeof fallback === 'string' ? { email: fallback, email_verified: false } : {};
}

/**
 * `exp` of a token that its holder may only ask to be shorter.
 *
 * @throws ServiceError 400 for a life that is not positive, or longer than the policy's
 */
export function expiryFor(policySeconds: number, askedSeconds: number | undefined, nowMs: number): number {
  if (askedSeconds !== undefined && (!Number.isSafeInteger(askedSeconds) || askedSeconds < 1))
    throw badField('timeToLiveInSeconds', 'invalid', 'It must be a positive whole number');
  if (askedSeconds !== undefined && askedSeconds > policySeconds)
    throw badField('timeToLiveInSeconds', 'tooLong', `It must not exceed the configured ${policySeconds}`);
  return numericDate(nowMs) + (askedSeconds ?? policySeconds);
}
