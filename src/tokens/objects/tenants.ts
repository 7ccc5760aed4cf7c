/** Use cases: tenants. */
import type { Tenant } from '../../objects/tenant.ts';
import type { Body } from '../../objects/values.ts';
import type { Catalog } from '../catalog.ts';
import type { Scope, TokenService } from '../service.ts';
import type { UniqueName } from '../store.ts';
import { insertObject, newStamps, nextStamps, readObject, updateObject } from './catalog-object.ts';
import { requireSigningKey } from './references.ts';
import { finishRemoval } from './removal.ts';
import { recordSigners } from './signers.ts';

type TenantBody = Body<Tenant>;

export function tenantNames({ name }: Pick<Tenant, 'name'>): readonly UniqueName[] {
  return [{ what: 'tenant.name', value: name }];
}

/** @throws ServiceError 400 */
export function checkTenant(catalog: Catalog, { jwtConfiguration }: TenantBody): void {
  requireSigningKey(catalog, jwtConfiguration.accessTokenKeyId, 'tenant.jwtConfiguration.accessTokenKeyId');
}

/** @throws ServiceError 400 */
export async function createTenant(
  service: TokenService,
  id: string | undefined,
  body: TenantBody,
): Promise<Tenant> {
  const tenant = { ...body, ...newStamps(service, id) };
  return await insertObject(service, 'tenants', tenant, tenantNames(tenant), {
    async before(records, catalog) {
      checkTenant(catalog, body);
      await finishRemoval(records, 'tenants', tenant.id, service.clock());
    },
    after: recordSigners,
  });
}

/** @throws ServiceError 400, 404 */
export async function replaceTenant(
  service: TokenService,
  id: string,
  body: TenantBody,
  scope: Scope,
): Promise<Tenant> {
  const old = readObject(service, 'tenants', id, scope);
  const tenant = { ...body, ...nextStamps(service, old) };
  return await updateObject(service, 'tenants', tenant, tenantNames(tenant), {
    before: (_, catalog) => checkTenant(catalog, body),
    after: recordSigners,
  });
}
