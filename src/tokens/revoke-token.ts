/** Use case: who has a token ends the session it belongs to (RFC 7009), by access token or refresh token. */
import { endSessions, sessionOf } from './end-sessions.ts';
import { ServiceError } from './failure.ts';
import { isCompactJws } from './introspect.ts';
import type { RefreshTokenRecord } from './refresh-token.ts';
import { refreshTokenLookup } from './refresh-token-value.ts';
import type { Scope, TokenService } from './service.ts';
import { type TokenUser, verifyAccessToken } from './verify-access-token.ts';

/** `noSession`: the token is in force and will be until it ends by itself; nothing was done. */
export type Revoked = 'done' | 'noSession';

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
): Promise<Revoked> {
  if (!isCompactJws(token)) {
    const found = await service.store.refreshTokens.find(refreshTokenLookup(service, token));
    return await end(service, found?.record ?? null, scope, clientId);
  }
  const user = await holderOf(service, token, scope);
  if (user === null) return 'done';
  if (user.sid !== null)
    return await end(service, await service.store.refreshTokens.get(user.sid), scope, clientId);
  return clientId === null || user.claims['aud'] === clientId ? 'noSession' : 'done';
}

async function end(
  service: TokenService,
  record: RefreshTokenRecord | null,
  { tenantId }: Scope,
  clientId: string | null,
): Promise<Revoked> {
  const isOwn =
    (clientId ?? record?.applicationId) === record?.applicationId &&
    (tenantId ?? record?.tenantId) === record?.tenantId;
  if (record !== null && isOwn) await endSessions(service, await sessionOf(service, record));
  return 'done';
}

/** Null: the token is not in force. */
async function holderOf(service: TokenService, token: string, scope: Scope): Promise<TokenUser | null> {
  try {
    return await verifyAccessToken(service, token, scope);
  } catch (error) {
    if (error instanceof ServiceError && error.status === 401) return null;
    throw error;
  }
}
