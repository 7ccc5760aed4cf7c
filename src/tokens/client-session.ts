/** OAuth clients act on their own sessions only: the client of a token is the application it was issued for. */
import type { RefreshTokenRecord } from './refresh-token.ts';
import { refreshTokenLookup } from './refresh-token-value.ts';
import type { Scope, TokenService } from './service.ts';

/**
 * The session of a refresh token, current or used; null where there is none, or it is another client's.
 *
 * @param clientId id of an application; null: the client does not say who it is
 */
export async function clientSession(
  service: TokenService,
  refreshToken: string,
  clientId: string | null,
  { tenantId }: Pick<Scope, 'tenantId'>,
): Promise<RefreshTokenRecord | null> {
  const found = await service.store.refreshTokens.find(refreshTokenLookup(service, refreshToken));
  if (found === null) return null;
  const { record } = found;
  const isVisible = tenantId === null || tenantId === record.tenantId;
  return isVisible && (clientId === null || clientId === record.applicationId) ? record : null;
}
