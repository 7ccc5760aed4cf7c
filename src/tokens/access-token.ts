/** Access tokens: which claims they carry, how long they live, which key signs them. */
import { type Json, type JsonObject, member } from '../core/json.ts';
import { numericDate, SECOND_MS } from '../core/time.ts';
import type { Application } from '../objects/application.ts';
import type { Key } from '../objects/key.ts';
import type { Tenant } from '../objects/tenant.ts';
import type { Registration, User } from '../objects/user.ts';
import type { Catalog } from './catalog.ts';
import { badField, ServiceError } from './failure.ts';
import { policyInForce } from './refresh-policy.ts';
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

export interface AccessToken {
  readonly token: string;
  /** `exp`, in milliseconds. */
  readonly expiresInstant: number;
}

/** @throws ServiceError 500 where no key is configured or the lambda fails */
export async function signAccessToken(
  service: TokenService,
  catalog: Catalog,
  request: AccessTokenRequest,
): Promise<AccessToken> {
  const tenant = tenantOf(catalog, request.user);
  const claims = await populated(service, catalog, accessTokenClaims(service, tenant, request), request);
  const key = accessTokenKey(catalog, tenant, request.application);
  const token = await service.signer.sign(key, { gty: grantTypes(request) }, claims);
  return { token, expiresInstant: claims.exp * SECOND_MS };
}

/** `authenticationType` of users who came by password, by a foreign token, by a token of ours for another application. */
export const PASSWORD = 'PASSWORD';
export const FEDERATED_JWT = 'FEDERATED_JWT';
export const JWT_SSO = 'JWT_SSO';

/** RFC 6749 §4.3, RFC 7523 §2.1, RFC 8693 §2.1. */
const GRANT_TYPES: ReadonlyMap<string, string> = new Map([
  [PASSWORD, 'password'],
  [FEDERATED_JWT, 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
  [JWT_SSO, 'urn:ietf:params:oauth:grant-type:token-exchange'],
]);

/** The header's `gty`: the grants a token came by, in order. Only access tokens have it; vended tokens do not. */
function grantTypes({ authenticationType, isRefresh }: AccessTokenRequest): readonly string[] {
  const first = GRANT_TYPES.get(authenticationType);
  return [...(first === undefined ? [] : [first]), ...(isRefresh ? ['refresh_token'] : [])];
}

/** @throws ServiceError 404: the tenant is gone, and its users with it */
export function tenantOf(catalog: Catalog, { tenantId }: Pick<User, 'tenantId'>): Tenant {
  const tenant = catalog.tenants.get(tenantId);
  if (tenant === undefined) throw new ServiceError(404, 'The tenant of the user is gone');
  return tenant;
}

/** The application's own key where it has one, else the tenant's. @throws ServiceError 500 without one that signs */
export function accessTokenKey(
  { keys }: Pick<Catalog, 'keys'>,
  tenant: Pick<Tenant, 'jwtConfiguration'>,
  application: Pick<Application, 'jwtConfiguration'> | null,
): Key {
  const id =
    policyInForce(tenant, application).accessTokenKeyId ?? tenant.jwtConfiguration.accessTokenKeyId ?? '';
  const key = keys.get(id);
  if (key?.hasPrivateKey !== true) throw new ServiceError(500, 'No key is configured for access tokens');
  return key;
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

type Claims = JsonObject & { readonly exp: number; readonly iat: number };

function accessTokenClaims(service: TokenService, tenant: Tenant, request: AccessTokenRequest): Claims {
  const { user, application, registration } = request;
  const now = service.clock();
  const { timeToLiveInSeconds } = policyInForce(tenant, application);
  return {
    ...(application === null ? {} : { aud: application.id }),
    exp: request.expiresSeconds ?? expiryFor(timeToLiveInSeconds, undefined, now),
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
      : { applicationId: registration.applicationId, roles: registration.roles }),
    ...(request.sid === null ? {} : { sid: request.sid }),
  };
}

/** `user.data.email` stands in for a missing address; nobody has verified that one. */
function emailClaims({ email, verified, data }: User): JsonObject {
  if (email !== undefined) return { email, email_verified: verified };
  const fallback = member(data, 'email');
  return typeof fallback === 'string' ? { email: fallback, email_verified: false } : {};
}

/**
 * What no lambda changes. The first nine are FusionAuth's; the others say who may use the token where, and what ends
 * it. A lambda adds to a token or shortens it; it makes no token of another user, application or session.
 */
const RESERVED_CLAIMS: ReadonlySet<string> = new Set([
  'amr',
  'auth_time',
  'cnf',
  'gty',
  'exp',
  'iat',
  'sub',
  'tid',
  'tty',
  'iss',
  'aud',
  'jti',
  'sid',
  'applicationId',
]);

/** Lambdas see registered users only: FusionAuth does not run them without an application either. */
async function populated(
  { lambdas }: TokenService,
  catalog: Catalog,
  claims: Claims,
  { user, registration, application }: AccessTokenRequest,
): Promise<Claims> {
  const lambda = catalog.lambdas.get(application?.lambdaConfiguration.accessTokenPopulateId ?? '');
  if (lambda?.enabled !== true || registration === null || application === null) return claims;
  const changed = await lambdas.populate(lambda.id, { claims, user, registration, application });
  return withReserved(changed, claims);
}

function withReserved(changed: JsonObject, claims: Claims): Claims {
  const isReserved = ([name]: readonly [string, Json]) => RESERVED_CLAIMS.has(name);
  const reserved = Object.entries(claims).filter(isReserved);
  const free = Object.entries(changed).filter((entry) => !isReserved(entry));
  const { iat } = claims;
  return {
    ...Object.fromEntries([...reserved, ...free]),
    iat,
    exp: shortened(member(changed, 'exp'), claims),
  };
}

/** A life in whole seconds between none and the policy's. */
function shortened(wanted: Json | undefined, { exp, iat }: Claims): number {
  const seconds = typeof wanted === 'number' ? Math.floor(wanted) : exp;
  return seconds > iat && seconds < exp ? seconds : exp;
}
