/** Use case: what a token is worth now (RFC 7662). Unknown, expired and revoked ones are told alike. */
import type { JsonObject } from '../core/json.ts';
import { numericDate } from '../core/time.ts';
import { ServiceError } from './failure.ts';
import { isEnded, policyInForce, refreshTokenEnd } from './refresh-policy.ts';
import { refreshTokenLookup } from './refresh-token-value.ts';
import type { Scope, TokenService } from './service.ts';
import { isUsable } from './usable-user.ts';
import { verifyAccessToken } from './verify-access-token.ts';

const INACTIVE: JsonObject = { active: false };

/** RFC 7662 §2.2. The caller is authenticated; `scope` is what it may see. */
export async function introspect(service: TokenService, token: string, scope: Scope): Promise<JsonObject> {
  return isCompactJws(token)
    ? await introspectAccessToken(service, token, scope)
    : await introspectRefreshToken(service, token, scope);
}

/** Refresh tokens have no dots. */
export function isCompactJws(token: string): boolean {
  return token.includes('.');
}

async function introspectAccessToken(
  service: TokenService,
  token: string,
  scope: Scope,
): Promise<JsonObject> {
  try {
    const { claims, userId } = await verifyAccessToken(service, token, scope);
    if (!(await isUserUsable(service, userId))) return INACTIVE;
    const { applicationId, preferred_username: username } = claims;
    return {
      ...claims,
      active: true,
      token_type: 'Bearer',
      ...(applicationId === undefined ? {} : { client_id: applicationId }),
      ...(username === undefined ? {} : { username }),
    };
  } catch (error) {
    if (error instanceof ServiceError && error.status === 401) return INACTIVE;
    throw error;
  }
}

async function introspectRefreshToken(
  service: TokenService,
  value: string,
  { tenantId }: Scope,
): Promise<JsonObject> {
  const found = await service.store.refreshTokens.find(refreshTokenLookup(service, value));
  if (found?.use !== 'current') return INACTIVE;
  const { record } = found;
  const catalog = service.catalog();
  const tenant = catalog.tenants.get(record.tenantId);
  if (tenant === undefined || (tenantId !== null && tenantId !== tenant.id)) return INACTIVE;
  const application = catalog.applications.get(record.applicationId ?? '') ?? null;
  const policy = policyInForce(tenant, application);
  const isGood = application?.active === true && (await isUserUsable(service, record.userId));
  if (!isGood || isEnded(policy, record, service.clock())) return INACTIVE;
  return {
    active: true,
    iss: tenant.issuer,
    sub: record.userId,
    sid: record.id,
    iat: numericDate(record.insertInstant),
    exp: numericDate(refreshTokenEnd(policy, record)),
    client_id: application.id,
  };
}

/** Also of a token without session, which the deactivation of its user does not end. */
async function isUserUsable(
  { store, clock }: Pick<TokenService, 'store' | 'clock'>,
  userId: string,
): Promise<boolean> {
  const user = await store.users.get(userId);
  return user !== null && isUsable(user, clock());
}
