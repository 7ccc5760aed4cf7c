/** Whether a token is an access token of ours that is in force, and whose. */
import { isJsonObject, type Json, type JsonObject, member } from '../core/json.ts';
import type { Tenant } from '../objects/tenant.ts';
import { accessTokenKeys } from './access-token-keys.ts';
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
  const tenant = catalog.tenants.get(claimedTenantId(token) ?? '');
  if (tenant === undefined || (scope.tenantId !== null && scope.tenantId !== tenant.id))
    throw unauthorized('The token names no tenant of this call');
  const verified = await verifiedBy(service, token, accessTokenKeys(catalog, tenant.id));
  const user = tokenUser(tenant, verified);
  if (user.sid !== null) requireLive(service.revocations, user.sid);
  return user;
}

/** @throws ServiceError 401; StoreUnavailableError where nobody knows */
function requireLive(revocations: TokenService['revocations'], sid: string): void {
  if (revocations.isRevoked(sid)) throw unauthorized('The session of the token is revoked');
  if (!revocations.isCurrent())
    throw new StoreUnavailableError('Whether the session of a token has ended is not known');
}

/** Not proven yet: it only chooses the keys that may prove it. */
function claimedTenantId(token: string): string | null {
  try {
    const claims: Json = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const tid = isJsonObject(claims) ? member(claims, 'tid') : undefined;
    return typeof tid === 'string' ? tid : null;
  } catch {
    return null;
  }
}

async function verifiedBy(
  { verifier, clock }: TokenService,
  token: string,
  keys: Parameters<TokenService['verifier']['verify']>[1],
): Promise<VerifiedToken> {
  try {
    return await verifier.verify(token, keys, clock());
  } catch (error) {
    throw error instanceof TokenRejectedError ? unauthorized(error.message) : error;
  }
}

function tokenUser(tenant: Tenant, { header, claims }: VerifiedToken): TokenUser {
  const { sub, exp, iat, auth_time: authTime, sid } = claims;
  if (claims['tid'] !== tenant.id || claims['iss'] !== tenant.issuer)
    throw unauthorized('The token is of another issuer');
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
