/** Use case: a refresh token is exchanged for an access token, and for its own next value where it is used once. */
import type { JsonObject } from '../core/json.ts';
import type { Application } from '../objects/application.ts';
import type { JwtConfiguration } from '../objects/jwt-configuration.ts';
import type { User } from '../objects/user.ts';
import { type AccessToken, signAccessToken, tenantOf } from './access-token.ts';
import { expiryFor } from './access-token-claims.ts';
import type { Catalog } from './catalog.ts';
import { endSessions, sessionOf } from './end-sessions.ts';
import { badField, notFound, ServiceError } from './failure.ts';
import { accessedFrom } from './issue-tokens.ts';
import { rotateAlone } from './one-rotation.ts';
import type { PreparedEvent } from './ports.ts';
import {
  accessTokenDeath,
  isEnded,
  isInGrace,
  nextStartInstant,
  policyInForce,
  refreshTokenEnd,
} from './refresh-policy.ts';
import type { RefreshTokenRecord } from './refresh-token.ts';
import {
  type NewValue,
  newRefreshTokenValue,
  openRefreshToken,
  refreshTokenLookup,
} from './refresh-token-value.ts';
import type { IssuedRefreshToken, IssuedTokens } from './result.ts';
import type { Scope, TokenService } from './service.ts';
import type { Records, RefreshTokenTable } from './store.ts';
import { isUsable, registrationWith } from './usable-user.ts';

export interface RefreshInput {
  readonly refreshToken?: string | undefined;
  /** The access token issued before; only told to webhooks, as `original`. */
  readonly token?: string | undefined;
  /** Shortens the life of the access token. */
  readonly timeToLiveInSeconds?: number | undefined;
}

export interface RefreshedTokens extends IssuedTokens {
  readonly refreshToken: IssuedRefreshToken;
}

/**
 * A lost race is looked at anew: what lost is then a retired value, or revoked. Only values in their grace can lose
 * again, each time to a rotation of the value after them.
 */
const ATTEMPTS_MAX = 8;

/**
 * Of calls with one one-time value, exactly one rotates it; the others get what the policy says of used values.
 *
 * @throws ServiceError 400 for a value that is missing, unknown, expired, revoked or used; 404 where the user or the
 *   application is gone; 503; 504 where a transactional webhook refuses
 */
export async function refresh(
  service: TokenService,
  input: RefreshInput,
  scope: Scope,
): Promise<RefreshedTokens> {
  const { refreshToken: value = '' } = input;
  if (value === '') throw badField('refreshToken', 'blank', 'A refresh token is required');
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const found = await service.store.refreshTokens.findWithUser(refreshTokenLookup(service, value));
    if (found === null || (scope.tenantId ?? found.record.tenantId) !== found.record.tenantId)
      throw invalid('is not known');
    const use = await requireUse(service, found);
    const tokens = await (use.rotates
      ? rotateAlone(service.store, use.record.id, () => exchange(service, use, input, scope))
      : exchange(service, use, input, scope));
    if (tokens !== null) return tokens;
  }
  throw new ServiceError(503, 'The refresh token is used by too many calls at once');
}

type Found = NonNullable<Awaited<ReturnType<RefreshTokenTable['findWithUser']>>>;

/** A use that the policies allow. */
interface Use {
  readonly catalog: Catalog;
  readonly record: RefreshTokenRecord;
  readonly isCurrent: boolean;
  readonly application: Application;
  readonly policy: JwtConfiguration;
  readonly user: User;
  readonly rotates: boolean;
}

async function requireUse(service: TokenService, found: Found): Promise<Use> {
  const { record, user } = found;
  const catalog = service.catalog();
  if (record.applicationId === null) throw invalid('is a session token: it gives no application tokens');
  const application = catalog.applications.get(record.applicationId);
  if (application?.active !== true) throw notFound('application');
  if (!application.loginConfiguration.allowTokenRefresh)
    throw badField('refreshToken', 'notAllowed', 'The application does not allow refresh');
  const policy = policyInForce(tenantOf(catalog, record), application);
  const now = service.clock();
  if (isEnded(policy, record, now)) throw invalid('has expired');
  if (found.use === 'retired' && !isInGrace(policy, found.retiredInstant, now))
    throw await reused(service, policy, record);
  if (!isUsable(user, now)) throw notFound('user');
  const isCurrent = found.use === 'current';
  const rotates = isCurrent && policy.refreshTokenUsagePolicy === 'OneTimeUse';
  return { catalog, record, isCurrent, application, policy, user, rotates };
}

/** Two hold copies of the value, a victim and a thief; which is which, nobody can tell (RFC 9700 §4.14.2). */
async function reused(
  service: TokenService,
  policy: JwtConfiguration,
  record: RefreshTokenRecord,
): Promise<ServiceError> {
  if (policy.refreshTokenRevocationPolicy.onOneTimeTokenReuse) {
    service.log.warn('a used refresh token came again: its session ends', { refreshTokenId: record.id });
    await endSessions(service, await sessionOf(service, record), { isForced: true });
  }
  return invalid('was used before');
}

/** Null: the token changed since it was looked at. Nothing was written then, and nothing may be given out. */
async function exchange(
  service: TokenService,
  use: Use,
  input: RefreshInput,
  { ipAddress }: Scope,
): Promise<RefreshedTokens | null> {
  const { record, policy } = use;
  const now = service.clock();
  const access = await newAccessToken(service, use, input, now);
  const next = use.rotates ? newRefreshTokenValue(service, record.id) : null;
  const value = next?.value ?? currentValue(service, use, input);
  const left = {
    startInstant: nextStartInstant(policy, record.startInstant, now),
    accessExpiresInstant: Math.max(record.accessExpiresInstant, accessTokenDeath(access.expiresInstant)),
    metaData: accessedFrom(record.metaData, ipAddress, now),
  };
  const event = await service.events.prepare({
    type: 'jwt.refresh',
    tenantId: record.tenantId,
    body: eventBody(record, access.token, value, input.token),
  });
  const write = ({ refreshTokens }: Records) =>
    next === null
      ? refreshTokens.touch(record.id, record.lookup, left)
      : refreshTokens.rotate(record.id, record.lookup, { ...kept(next), ...left }, now);
  const isWritten = await writeWith(service, event, write);
  if (!isWritten) return null;
  const expiresInstant = refreshTokenEnd(policy, { ...record, ...left });
  return {
    token: access.token,
    tokenExpirationInstant: access.expiresInstant,
    refreshToken: { id: record.id, value, expiresInstant },
  };
}

/** What was found as the current value is it: only for one in its grace the current value must be opened. */
function currentValue(service: TokenService, { isCurrent, record }: Use, input: RefreshInput): string {
  return isCurrent && input.refreshToken !== undefined
    ? input.refreshToken
    : openRefreshToken(service, record);
}

/** The change and its event, both or neither. False: nothing was changed. */
async function writeWith(
  { store }: TokenService,
  event: PreparedEvent,
  write: (records: Records) => Promise<boolean>,
): Promise<boolean> {
  if (event.isNothing) return await write(store);
  return await store.transaction(async (records) => {
    const isWritten = await write(records);
    if (isWritten) await event.record(records);
    return isWritten;
  });
}

async function newAccessToken(
  service: TokenService,
  { catalog, record, application, policy, user }: Use,
  { timeToLiveInSeconds }: RefreshInput,
  nowMs: number,
): Promise<AccessToken> {
  return await signAccessToken(service, catalog, {
    user,
    application,
    registration: registrationWith(user, application.id),
    authenticationType: record.authenticationType,
    authTimeSeconds: record.authTimeSeconds,
    sid: record.id,
    expiresSeconds: expiryFor(policy.timeToLiveInSeconds, timeToLiveInSeconds, nowMs),
    isRefresh: true,
  });
}

/** What the store keeps of a new value: never the value. */
function kept({ lookup, sealedValue }: NewValue): Pick<RefreshTokenRecord, 'lookup' | 'sealedValue'> {
  return { lookup, sealedValue };
}

function eventBody(
  { applicationId, userId }: RefreshTokenRecord,
  token: string,
  refreshToken: string,
  original: string | undefined,
): JsonObject {
  return { applicationId, userId, refreshToken, token, ...(original === undefined ? {} : { original }) };
}

function invalid(why: string): ServiceError {
  return badField('refreshToken', 'invalid', `The refresh token ${why}`);
}
