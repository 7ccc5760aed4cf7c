/** Whether a token is an access token of ours that is in force, and whose. */
import { type JsonObject, member } from '../core/json.ts';
import type { Tenant } from '../objects/tenant.ts';
import { accessTokenKeys } from './access-token-keys.ts';
import type { Catalog } from './catalog.ts';
import { unauthorized } from './failure.ts';
import { TokenRejectedError, type VerifiedToken } from './ports.ts';
import type { Scope, TokenService } from './service.ts';
import { StoreUnavailableError } from './store.ts';

/** The user an access token speaks for. That the user still exists is not known yet. */
export interface TokenUser {
  readonly tenant: Tenant;
  readonly userId: string;
  /** The session; null where no refresh token goes with the token. */
  readonly sid: string | null;
  /** `exp`. */
  readonly expiresSeconds: number;
  /** `auth_time`. */
  readonly authTimeSeconds: number;
  /** The whole payload. */
  readonly claims: JsonObject;
}

/**
 * Signed by a key of the tenant that `tid` names, with that tenant's issuer, made by a grant (vended tokens are not:
 * their claims are whatever someone asked for), not expired, session not revoked.
 *
 * @throws ServiceError 401, alike for every cause; StoreUnavailableError while ended sessions cannot be read
 */
export async function verifyAccessToken(
  service: TokenService,
  token: string,
  scope: Pick<Scope, 'tenantId'>,
): Promise<TokenUser> {
  const catalog = service.catalog();
  const keysOf = (claims: JsonObject) => accessTokenKeys(catalog, tenantOf(claims, catalog, scope).id);
  const verdict = service.verifier.verifyOwn(token, keysOf, service.clock());
  const verified = verdict instanceof Promise ? await verdict.catch(refuse) : verdict;
  const user = tokenUser(tenantOf(verified.claims, catalog, scope), verified);
  if (user.sid !== null) requireLive(service.revocations, user.sid);
  return user;
}

/** @throws ServiceError 401; StoreUnavailableError where nobody knows */
function requireLive(revocations: TokenService['revocations'], sid: string): void {
  if (revocations.isRevoked(sid)) throw unauthorized('The session of the token is revoked');
  if (!revocations.isCurrent())
    throw new StoreUnavailableError('Whether the session of a token has ended is not known');
}

/** Of claims that are not proven yet, it only chooses the keys that may prove them. @throws ServiceError 401 */
function tenantOf(
  claims: JsonObject,
  { tenants }: Catalog,
  { tenantId: wanted }: Pick<Scope, 'tenantId'>,
): Tenant {
  const tid = member(claims, 'tid');
  const tenant = typeof tid === 'string' ? tenants.get(tid) : undefined;
  if (tenant === undefined || (wanted !== null && wanted !== tenant.id))
    throw unauthorized('The token names no tenant of this call');
  return tenant;
}

function refuse(error: unknown): never {
  throw error instanceof TokenRejectedError ? unauthorized(error.message) : error;
}

function tokenUser(tenant: Tenant, { header, claims }: VerifiedToken): TokenUser {
  const { sub, exp, iat, auth_time: authTime, sid } = claims;
  if (claims['iss'] !== tenant.issuer) throw unauthorized('The token is of another issuer');
  if (!Array.isArray(header['gty'])) throw unauthorized('The token is no access token');
  if (typeof sub !== 'string' || typeof exp !== 'number' || typeof iat !== 'number')
    throw unauthorized('The token lacks sub, exp or iat');
  return {
    tenant,
    userId: sub,
    sid: typeof sid === 'string' ? sid : null,
    expiresSeconds: exp,
    authTimeSeconds: typeof authTime === 'number' ? authTime : iat,
    claims,
  };
}
