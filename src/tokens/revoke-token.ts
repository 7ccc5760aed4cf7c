/** Use case: who has a token ends the session it belongs to (RFC 7009), by access token or refresh token. */
import { endSessions, sessionOf } from './end-sessions.ts';
import { ServiceError } from './failure.ts';
import { isCompactJws } from './introspect.ts';
import type { RefreshTokenRecord } from './refresh-token.ts';
import { refreshTokenLookup } from './refresh-token-value.ts';
import type { Scope, TokenService } from './service.ts';
import { verifyAccessToken } from './verify-access-token.ts';

/**
 * A token that is not there is revoked already (RFC 7009 §2.2), and so is, for all a client may know, one of another
 * client.
 *
 * @param clientId id of the client's application; null: it does not say who it is
 * @throws ServiceError 504
 */
export async function revokeToken(
  service: TokenService,
  token: string,
  scope: Scope,
  clientId: string | null = null,
): Promise<void> {
  const record = isCompactJws(token)
    ? await sessionOfAccessToken(service, token, scope)
    : ((await service.store.refreshTokens.find(refreshTokenLookup(service, token)))?.record ?? null);
  if (clientId !== null && record?.applicationId !== clientId) return;
  if (record === null || (scope.tenantId ?? record.tenantId) !== record.tenantId) return;
  await endSessions(service, await sessionOf(service, record));
}

/** Null where the token is not in force, or no refresh token goes with it. */
async function sessionOfAccessToken(
  service: TokenService,
  token: string,
  scope: Scope,
): Promise<RefreshTokenRecord | null> {
  try {
    const { sid } = await verifyAccessToken(service, token, scope);
    return sid === null ? null : await service.store.refreshTokens.get(sid);
  } catch (error) {
    if (error instanceof ServiceError && error.status === 401) return null;
    throw error;
  }
}
