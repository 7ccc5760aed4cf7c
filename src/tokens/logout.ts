/** Use case: a user logs out. Who has a refresh token may end its session, and with `global` all of the user's. */
import { endSessions, sessionOf } from './end-sessions.ts';
import { refreshTokenLookup } from './refresh-token-value.ts';
import type { Scope, TokenService } from './service.ts';

export interface LogoutInput {
  readonly refreshToken?: string | undefined;
  readonly global?: boolean | undefined;
}

/**
 * An unknown token is no failure: the session is over either way. A value that was used up proves less: whoever finds one
 * ends the session it was of, never the others of the user.
 *
 * @throws ServiceError 504
 */
export async function logout(service: TokenService, input: LogoutInput, scope: Scope): Promise<void> {
  if (input.refreshToken === undefined) return;
  const found = await service.store.refreshTokens.find(refreshTokenLookup(service, input.refreshToken));
  if (found === null || (scope.tenantId ?? found.record.tenantId) !== found.record.tenantId) return;
  const session = await sessionOf(service, found.record);
  const { userId } = found.record;
  await endSessions(
    service,
    input.global === true && found.use === 'current'
      ? { ...session, filter: { userId }, application: null, refreshToken: null }
      : session,
  );
}
