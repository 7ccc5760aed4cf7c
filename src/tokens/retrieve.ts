/** Use cases: refresh tokens are shown, with their values, to who holds an API key. */
import { tenantOf } from './access-token.ts';
import type { Catalog } from './catalog.ts';
import { notFound } from './failure.ts';
import { isEnded, policyInForce } from './refresh-policy.ts';
import type { RefreshTokenRecord } from './refresh-token.ts';
import { openRefreshToken } from './refresh-token-value.ts';
import type { Scope, TokenService } from './service.ts';
import { type RefreshTokenView, refreshTokenView } from './views.ts';

/** Newest first; who has more sessions than this has a defect somewhere. */
const TOKENS_MAX = 1000;

/** @throws ServiceError 404 where there is none, or it has ended */
export async function retrieveRefreshToken(
  service: TokenService,
  id: string,
  scope: Scope,
): Promise<RefreshTokenView> {
  const record = await service.store.refreshTokens.get(id);
  if (record === null || (scope.tenantId ?? record.tenantId) !== record.tenantId || !isAlive(service, record))
    throw notFound('refresh token');
  return refreshTokenView(record, openRefreshToken(service, record));
}

/** Of a user who does not exist for the call: none. */
export async function retrieveRefreshTokens(
  service: TokenService,
  userId: string,
  scope: Scope,
): Promise<readonly RefreshTokenView[]> {
  const filter = { userId, ...(scope.tenantId === null ? {} : { tenantId: scope.tenantId }) };
  const records = await service.store.refreshTokens.list(filter, TOKENS_MAX);
  return records
    .filter((record) => isAlive(service, record))
    .map((record) => refreshTokenView(record, openRefreshToken(service, record)));
}

function isAlive(service: TokenService, record: RefreshTokenRecord): boolean {
  const catalog: Catalog = service.catalog();
  if (!catalog.tenants.has(record.tenantId)) return false;
  const application = catalog.applications.get(record.applicationId ?? '') ?? null;
  return !isEnded(policyInForce(tenantOf(catalog, record), application), record, service.clock());
}
