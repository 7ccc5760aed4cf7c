/**
 * Use case: a tenant is deleted with everything of it. Its objects go at once, and nothing of it is accepted from then on;
 * its users, who may be many, go in batches, so that other calls have their turn.
 */
import { MINUTE_MS } from '../../core/time.ts';
import type { Stamped } from '../../objects/values.ts';
import type { Catalog, CatalogKind } from '../catalog.ts';
import { badRequest, notFound } from '../failure.ts';
import type { Scope, TokenService } from '../service.ts';
import type { Records } from '../store.ts';
import { lockedCatalog } from './catalog-object.ts';
import { forgetInOthers } from './forget.ts';

/** Users of one transaction, with their sessions: it holds the only writer of SQLite for milliseconds. */
const USERS_PER_BATCH = 200;
/** Of one call and of one round of housekeeping; the rest goes with the next round. */
const BATCHES_MAX = 500;
/** What a call that was under way wrote after the tenant was gone is there by then. */
const SETTLED_AFTER_MS = MINUTE_MS;

/**
 * Applications, identity providers and API keys of the tenant; users with registrations, links, sessions and login
 * records. Other objects name it no more. Also where only users are left, of a tenant that the file declares no more.
 *
 * @throws ServiceError 400 where the configuration file declares or names something of it; 404
 */
export async function deleteTenant(service: TokenService, id: string, { tenantId }: Scope): Promise<void> {
  const { store, clock } = service;
  await store.transaction(async (records) => {
    const catalog = await lockedCatalog(service, records);
    const isThere = catalog.tenants.has(id) || (await records.users.hasAnyOf(id));
    if (!isThere || (tenantId !== null && tenantId !== id)) throw notFound('tenant');
    await deleteObjectsOf(records, catalog, id, clock());
    await records.removedTenants.insert(id, clock());
  });
  await service.refreshCatalog();
  await deleteUsersOf(service, id);
  await service.revocations.refresh();
}

async function deleteObjectsOf(
  records: Records,
  catalog: Catalog,
  tenantId: string,
  nowMs: number,
): Promise<void> {
  const own = objectsOfTenant(catalog, tenantId);
  if (own.some(({ object }) => object.source === 'Config'))
    throw badRequest('[readOnly]tenant', 'The configuration file declares it, or something of it');
  const applicationIds = own.filter(({ kind }) => kind === 'applications').map(({ object }) => object.id);
  await forgetInOthers(records, catalog, { applicationIds, tenantIds: [tenantId] }, nowMs);
  for (const { kind, object } of own) await records.catalog.delete(kind, object.id);
}

interface OwnObject {
  readonly kind: CatalogKind;
  readonly object: Stamped;
}

/** The tenant last. */
function objectsOfTenant(catalog: Catalog, tenantId: string): readonly OwnObject[] {
  const kinds = ['apiKeys', 'identityProviders', 'applications'] as const;
  const own = kinds.flatMap((kind) =>
    [...catalog[kind].values()]
      .filter((object) => object.tenantId === tenantId)
      .map((object): OwnObject => ({ kind, object })),
  );
  const tenant = catalog.tenants.get(tenantId);
  return tenant === undefined ? own : [...own, { kind: 'tenants', object: tenant }];
}

/** Of tenants that are gone: what is left of their users, and what came after. A round of housekeeping. */
export async function removeLeftovers(service: Pick<TokenService, 'store' | 'clock'>): Promise<void> {
  const { store, clock } = service;
  for (const { id, removedInstant } of await store.removedTenants.list()) {
    const isEmpty = await deleteUsersOf(service, id);
    if (isEmpty && clock() - removedInstant > SETTLED_AFTER_MS) await store.removedTenants.delete(id);
  }
}

/** True: all of them. */
async function deleteUsersOf(
  { store, clock }: Pick<TokenService, 'store' | 'clock'>,
  tenantId: string,
): Promise<boolean> {
  for (let batch = 0; batch < BATCHES_MAX; batch += 1)
    if ((await store.users.deleteOfTenant(tenantId, clock(), USERS_PER_BATCH)) < USERS_PER_BATCH) return true;
  return false;
}

/** Within the transaction that makes a tenant: one that had this id, and was deleted, leaves it nobody. */
export async function finishRemoval(
  { users, removedTenants }: Pick<Records, 'users' | 'removedTenants'>,
  tenantId: string,
  nowMs: number,
): Promise<void> {
  let isLeft = await removedTenants.delete(tenantId);
  while (isLeft) isLeft = (await users.deleteOfTenant(tenantId, nowMs, USERS_PER_BATCH)) === USERS_PER_BATCH;
}
