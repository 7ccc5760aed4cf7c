/**
 * Use case: a tenant is deleted with everything of it. Its objects go at once, and nothing of it is accepted from then on;
 * its users, who may be many, go in batches, so that other calls have their turn.
 */
import type { Stamped } from '../../objects/values.ts';
import type { Catalog, CatalogKind } from '../catalog.ts';
import { NOBODY_TO_TELL, prepareForcedEnd } from '../end-sessions.ts';
import { badRequest, notFound } from '../failure.ts';
import type { PreparedEvent } from '../ports.ts';
import type { Scope, TokenService } from '../service.ts';
import type { Records } from '../store.ts';
import { lockedCatalog } from './catalog-object.ts';
import { forgetInOthers } from './forget.ts';
import { removeRest } from './removal.ts';

/**
 * Applications, identity providers and API keys of the tenant; users with registrations, links, sessions and login
 * records. Other objects name it no more. Also where only users are left, of a tenant that the file declares no more.
 *
 * @throws ServiceError 400 where the configuration file declares or names something of it; 404
 */
export async function deleteTenant(service: TokenService, id: string, { tenantId }: Scope): Promise<void> {
  const { store, clock } = service;
  const event = await prepareEnd(service, id, tenantId);
  await store.transaction(async (records) => {
    const catalog = await lockedCatalog(service, records);
    const isThere = catalog.tenants.has(id) || (await records.users.hasAnyOf(id));
    if (!isThere || (tenantId !== null && tenantId !== id)) throw notFound('tenant');
    await deleteObjectsOf(records, catalog, id, clock());
    await records.removals.insert({ kind: 'tenants', id, removedInstant: clock() });
    await event.record(records);
  });
  await service.refreshCatalog();
  await removeRest(service, { kind: 'tenants', id });
  await service.revocations.refresh();
}

/** One event for the sessions of all applications. What is not deleted is not told of. */
async function prepareEnd(
  service: TokenService,
  id: string,
  scopeTenantId: string | null,
): Promise<PreparedEvent> {
  const tenant = service.catalog().tenants.get(id);
  if (tenant === undefined || tenant.source === 'Config' || (scopeTenantId ?? id) !== id)
    return NOBODY_TO_TELL;
  return await prepareForcedEnd(service, { tenantId: id, application: null, user: null, refreshToken: null });
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
