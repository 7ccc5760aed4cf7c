/** What a change of a user does to the sessions of that user. */
import { SECOND_MS } from '../../core/time.ts';
import type { User } from '../../objects/user.ts';
import type { Catalog } from '../catalog.ts';
import { NOBODY_TO_TELL, prepareForcedEnd } from '../end-sessions.ts';
import type { PreparedEvent } from '../ports.ts';
import { accessTokenDeath, policyInForce } from '../refresh-policy.ts';
import type { TokenService } from '../service.ts';
import type { Records } from '../store.ts';
import { isUsable } from '../usable-user.ts';

export interface UserChange {
  readonly before: User;
  readonly after: User;
  readonly isPasswordNew: boolean;
}

/**
 * Who is shut out loses all access tokens at once; the refresh tokens answer 404, and are gone when the user comes back.
 * A new password is often the answer to somebody else knowing the old one: it ends all sessions. Within the transaction
 * of the change; true where something ended.
 */
export async function endSessionsOf(
  { catalog, clock }: Pick<TokenService, 'catalog' | 'clock'>,
  { refreshTokens }: Records,
  { before, after, isPasswordNew }: UserChange,
): Promise<boolean> {
  const now = clock();
  const filter = { userId: after.id };
  if (!isUsable(after, now)) {
    // Also of the token that a refresh is just signing.
    const until = accessTokenDeath(now + longestLifeMs(catalog(), after));
    await refreshTokens.endAccess(filter, now, until);
    return true;
  }
  const ends = !isUsable(before, now) || isPasswordNew;
  if (ends) await refreshTokens.revoke(filter, now);
  return ends;
}

/**
 * The event of a change that ends sessions: a new password, and what shuts a user out or lets one back in. Before its
 * transaction.
 */
export async function prepareEndOf(
  service: TokenService,
  { before, after, isPasswordNew }: UserChange,
): Promise<PreparedEvent> {
  const now = service.clock();
  if (!isPasswordNew && isUsable(before, now) === isUsable(after, now)) return NOBODY_TO_TELL;
  const { tenantId } = before;
  return await prepareForcedEnd(service, { tenantId, user: before, application: null, refreshToken: null });
}

/** Of an access token of the user's tenant, in milliseconds. */
function longestLifeMs({ tenants, applications }: Catalog, { tenantId }: User): number {
  const tenant = tenants.get(tenantId);
  if (tenant === undefined) return 0;
  const own = [...applications.values()].filter((application) => application.tenantId === tenantId);
  const seconds = [null, ...own].map((one) => policyInForce(tenant, one).timeToLiveInSeconds);
  return Math.max(...seconds) * SECOND_MS;
}
