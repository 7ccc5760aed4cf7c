/** Refresh tokens are revoked, the webhooks are told, and access tokens of the sessions are refused from now on. */
import type { JsonObject } from '../core/json.ts';
import type { Application } from '../objects/application.ts';
import type { User } from '../objects/user.ts';
import type { Catalog } from './catalog.ts';
import { ServiceError } from './failure.ts';
import type { PreparedEvent } from './ports.ts';
import { policyInForce } from './refresh-policy.ts';
import type { RefreshTokenRecord } from './refresh-token.ts';
import type { TokenService } from './service.ts';
import type { RefreshTokenFilter } from './store.ts';
import { asJson, refreshTokenView, userJson } from './views.ts';

/** Which sessions end. Their tenant, and what is given of application, user and token, describe them to webhooks. */
export interface SessionsToEnd {
  readonly tenantId: string;
  readonly filter: RefreshTokenFilter;
  readonly application: Application | null;
  readonly user: User | null;
  readonly refreshToken: RefreshTokenRecord | null;
}

/**
 * Gives back how many there were. All or none, in one transaction with the event.
 *
 * @param options `isForced`: they end even where a transactional webhook refuses, which is not told then
 * @throws ServiceError 504 where a transactional webhook refuses
 */
export async function endSessions(
  service: TokenService,
  sessions: SessionsToEnd,
  { isForced = false }: { readonly isForced?: boolean } = {},
): Promise<number> {
  const { store, clock, revocations } = service;
  const event = isForced ? await prepareForcedEnd(service, sessions) : await prepared(service, sessions);
  const startInstant = clock();
  const count = await store.transaction(async (records) => {
    const revoked = await records.refreshTokens.revoke(sessions.filter, clock());
    // Of a user or an application it tells of access tokens without a session too.
    if (revoked.count > 0 || sessions.refreshToken === null) await event.record(records);
    return revoked.count;
  });
  // They are revoked now, whatever this look says; feeds look again by themselves.
  const look = revocations.refresh(startInstant);
  await look.catch(() => service.log.warn('revocations could not be read again'));
  return count;
}

type EndedSessions = Omit<SessionsToEnd, 'filter'>;

function prepared({ events, catalog }: TokenService, sessions: EndedSessions): Promise<PreparedEvent> {
  const { tenantId } = sessions;
  return events.prepare({
    type: 'jwt.refresh-token.revoke',
    tenantId,
    body: eventBody(catalog(), sessions),
  });
}

/** Of sessions that end with another change, whatever a transactional webhook says; where it refuses, it is not told. */
export async function prepareForcedEnd(
  service: TokenService,
  sessions: EndedSessions,
): Promise<PreparedEvent> {
  try {
    return await prepared(service, sessions);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    service.log.warn('sessions end although a webhook refused', { tenantId: sessions.tenantId });
    return NOBODY_TO_TELL;
  }
}

export const NOBODY_TO_TELL: PreparedEvent = { record: async () => {}, isNothing: true };

/** One refresh token, and the user and application it belongs to where they are still there. */
export async function sessionOf(service: TokenService, record: RefreshTokenRecord): Promise<SessionsToEnd> {
  return {
    tenantId: record.tenantId,
    filter: { id: record.id },
    application: service.catalog().applications.get(record.applicationId ?? '') ?? null,
    user: await service.store.users.get(record.userId),
    refreshToken: record,
  };
}

/** A receiver refuses access tokens for so many seconds after the event's `createInstant`. */
function eventBody(catalog: Catalog, sessions: EndedSessions): JsonObject {
  const { tenantId, application, user, refreshToken } = sessions;
  const applications =
    application === null
      ? [...catalog.applications.values()].filter((one) => one.tenantId === tenantId)
      : [application];
  return {
    ...(application === null ? {} : { applicationId: application.id }),
    applicationTimeToLiveInSeconds: timesToLive(catalog, tenantId, applications),
    ...(refreshToken === null ? {} : { refreshToken: asJson(refreshTokenView(refreshToken, null)) }),
    ...(user === null ? {} : { user: userJson(user), userId: user.id }),
  };
}

function timesToLive(
  { tenants }: Catalog,
  tenantId: string,
  applications: readonly Application[],
): Readonly<Record<string, number>> {
  const tenant = tenants.get(tenantId);
  if (tenant === undefined) return {};
  return Object.fromEntries(
    applications.map((one) => [one.id, policyInForce(tenant, one).timeToLiveInSeconds]),
  );
}
