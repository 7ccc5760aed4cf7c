/** Use case: refresh tokens are revoked, one or all of a user or application. */
import type { Application } from '../objects/application.ts';
import type { User } from '../objects/user.ts';
import type { Caller } from './authenticate.ts';
import { endSessions, sessionOf } from './end-sessions.ts';
import { badRequest, notFound, unauthorized } from './failure.ts';
import { readObject, visible } from './objects/catalog-object.ts';
import type { RefreshTokenRecord } from './refresh-token.ts';
import { refreshTokenLookup } from './refresh-token-value.ts';
import type { Scope, TokenService } from './service.ts';

/** `tokenId` or `token` name one; without them `userId` and `applicationId` name many. */
export interface RevokeInput {
  readonly tokenId?: string | undefined;
  /** A value, also one that was rotated away: who held it may end the session. */
  readonly token?: string | undefined;
  readonly userId?: string | undefined;
  readonly applicationId?: string | undefined;
}

/**
 * A user revokes tokens of their own, one at a time; an API key any.
 *
 * @throws ServiceError 400 where nothing is named; 401 for what the user may not; 404; 504
 */
export async function revoke(
  service: TokenService,
  input: RevokeInput,
  caller: Caller,
  scope: Scope,
): Promise<void> {
  if (input.tokenId !== undefined || input.token !== undefined) {
    await revokeOne(service, input, caller, scope);
    return;
  }
  if (input.userId === undefined && input.applicationId === undefined)
    throw badRequest('[missing]token', 'Name a token, a user or an application');
  if (caller.kind !== 'apiKey') throw unauthorized('Only an API key revokes by user or application');
  await revokeMany(service, input, scope);
}

async function revokeOne(
  service: TokenService,
  input: RevokeInput,
  caller: Caller,
  scope: Scope,
): Promise<void> {
  const record = await findToken(service, input);
  if (record === null || !isNamed(record, input, scope)) throw notFound('refresh token');
  if (caller.kind === 'user' && caller.user.userId !== record.userId)
    throw unauthorized('The refresh token belongs to another user');
  if ((await endSessions(service, await sessionOf(service, record))) === 0) throw notFound('refresh token');
}

async function findToken(service: TokenService, input: RevokeInput): Promise<RefreshTokenRecord | null> {
  const { refreshTokens } = service.store;
  if (input.tokenId !== undefined) return await refreshTokens.get(input.tokenId);
  const found = await refreshTokens.find(refreshTokenLookup(service, input.token ?? ''));
  return found?.record ?? null;
}

/** Everything that the call says of the token is true of it. */
function isNamed(record: RefreshTokenRecord, input: RevokeInput, { tenantId }: Scope): boolean {
  return (
    (tenantId ?? record.tenantId) === record.tenantId &&
    (input.userId ?? record.userId) === record.userId &&
    (input.applicationId ?? record.applicationId) === record.applicationId
  );
}

async function revokeMany(
  service: TokenService,
  { userId, applicationId }: RevokeInput,
  scope: Scope,
): Promise<void> {
  const application =
    applicationId === undefined ? null : readObject(service, 'applications', applicationId, scope);
  const user = userId === undefined ? null : visible(await service.store.users.get(userId), scope);
  await endSessions(service, {
    tenantId: tenantOf(application, user),
    filter: {
      ...(application === null ? {} : { applicationId: application.id }),
      ...(user === null ? {} : { userId: user.id }),
    },
    application,
    user,
    refreshToken: null,
  });
}

/** One of them is there; where both are, they are of one tenant or nothing is found. */
function tenantOf(application: Application | null, user: User | null): string {
  const tenantId = application?.tenantId ?? user?.tenantId;
  if (tenantId === undefined || (user !== null && user.tenantId !== tenantId)) throw notFound('user');
  return tenantId;
}
