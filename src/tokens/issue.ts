/** Use case: the holder of an access token gets one for another application. It lives no longer than the first. */
import type { Application } from '../objects/application.ts';
import type { User } from '../objects/user.ts';
import { JWT_SSO, tenantOf } from './access-token.ts';
import { badField, unauthorized } from './failure.ts';
import { givesRefreshToken, type PreparedTokens, prepareTokens } from './issue-tokens.ts';
import { lockAsSeen } from './lock-user.ts';
import { isEnded, policyInForce } from './refresh-policy.ts';
import type { RefreshTokenRecord } from './refresh-token.ts';
import { refreshTokenLookup } from './refresh-token-value.ts';
import type { IssuedTokens } from './result.ts';
import type { Scope, TokenService } from './service.ts';
import { isUsable, registrationWith } from './usable-user.ts';
import type { TokenUser } from './verify-access-token.ts';

export interface IssueInput {
  readonly applicationId: string;
  /** Of the same user; only then, and where the policies agree, there is a new one in the answer. */
  readonly refreshToken?: string | undefined;
}

export interface IssueResult {
  /** 202: the user is not registered with the application. */
  readonly status: 200 | 202;
  readonly tokens: IssuedTokens;
}

/**
 * A refresh token that is not good for it is left out, not refused.
 *
 * @throws ServiceError 400 for an unknown application; 401 where the user is gone, shut out or logged out
 */
export async function issue(
  service: TokenService,
  { applicationId, refreshToken }: IssueInput,
  caller: TokenUser,
  scope: Scope,
): Promise<IssueResult> {
  const application = service.catalog().applications.get(applicationId);
  if (application?.active !== true || application.tenantId !== caller.tenant.id)
    throw badField('applicationId', 'invalid', 'There is no such application');
  const user = await callingUser(service, caller);
  const source = await refreshTokenToShare(service, refreshToken, user, application);
  const prepared = await prepare(service, { caller, user, application, source, scope });
  const status = registrationWith(user, applicationId) === null ? 202 : 200;
  if (await write(service, prepared, source, user)) return { status, tokens: prepared.tokens };
  return await issue(service, { applicationId }, caller, scope);
}

/** What the token says is looked at again: user and session may have ended since it was made. */
async function callingUser({ store, clock }: TokenService, caller: TokenUser): Promise<User> {
  const user = await store.users.get(caller.userId);
  if (user === null || user.tenantId !== caller.tenant.id || !isUsable(user, clock()))
    throw unauthorized('The user of the token is gone or shut out');
  if (caller.sid !== null && (await store.refreshTokens.get(caller.sid)) === null)
    throw unauthorized('The session of the token has ended');
  return user;
}

/** Null: there is none, or it is not good for this. */
async function refreshTokenToShare(
  service: TokenService,
  value: string | undefined,
  user: User,
  application: Application,
): Promise<RefreshTokenRecord | null> {
  if (
    value === undefined ||
    !givesRefreshToken({ application, registration: registrationWith(user, application.id) })
  )
    return null;
  const found = await service.store.refreshTokens.find(refreshTokenLookup(service, value));
  if (found?.use !== 'current' || found.record.userId !== user.id) return null;
  const catalog = service.catalog();
  const tenant = tenantOf(catalog, user);
  const source = catalog.applications.get(found.record.applicationId ?? '');
  if (source === undefined) return null;
  const policy = policyInForce(tenant, source);
  const isAlike =
    policy.refreshTokenExpirationPolicy === policyInForce(tenant, application).refreshTokenExpirationPolicy;
  return isAlike && !isEnded(policy, found.record, service.clock()) ? found.record : null;
}

interface Issue {
  readonly caller: TokenUser;
  readonly user: User;
  readonly application: Application;
  readonly source: RefreshTokenRecord | null;
  readonly scope: Scope;
}

/** The new session began when the old one did: going from application to application makes none longer. */
async function prepare(
  service: TokenService,
  { caller, user, application, source, scope }: Issue,
): Promise<PreparedTokens> {
  const policy = policyInForce(caller.tenant, application);
  const hasMaximum = policy.refreshTokenExpirationPolicy === 'SlidingWindowWithMaximumLifetime';
  return await prepareTokens(service, {
    user,
    application,
    registration: registrationWith(user, application.id),
    authenticationType: JWT_SSO,
    authTimeSeconds: caller.authTimeSeconds,
    expiresSeconds: caller.expiresSeconds,
    metaData: source?.metaData ?? { device: {} },
    ipAddress: scope.ipAddress,
    sid: caller.sid,
    withRefreshToken: source !== null,
    ...(source === null ? {} : { startInstant: source.startInstant, issuedFrom: source.id }),
    ...(source !== null && hasMaximum ? { insertInstant: source.insertInstant } : {}),
  });
}

/** False: user or refresh token changed meanwhile, and nothing was written. */
async function write(
  service: TokenService,
  prepared: PreparedTokens,
  source: RefreshTokenRecord | null,
  user: User,
): Promise<boolean> {
  if (source === null) return true;
  return await service.store.transaction(async (records) => {
    if (!(await lockAsSeen(records, user))) return false;
    // Takes the lock that revoking needs, so that no token is made of one that is just revoked.
    if (!(await records.refreshTokens.touch(source.id, source.lookup, source))) return false;
    await prepared.record(records);
    return true;
  });
}
