/** Which keys sign access tokens for whom, and the record of it: a key verifies what it signed after another took its place. */
import type { Key } from '../../objects/key.ts';
import type { Catalog } from '../catalog.ts';
import { policyInForce } from '../refresh-policy.ts';
import type { Records } from '../store.ts';
import { keyNames } from './keys.ts';

/** Ids of the keys that sign for each tenant and its applications now. */
export function signersByTenant({
  tenants,
  applications,
}: Pick<Catalog, 'tenants' | 'applications'>): ReadonlyMap<string, ReadonlySet<string>> {
  const ids = new Map<string, Set<string>>();
  for (const tenant of tenants.values()) ids.set(tenant.id, new Set(keyIdOf(policyInForce(tenant, null))));
  for (const application of applications.values()) {
    const tenant = tenants.get(application.tenantId);
    if (tenant === undefined) continue;
    for (const id of keyIdOf(policyInForce(tenant, application))) ids.get(tenant.id)?.add(id);
  }
  return ids;
}

function keyIdOf({ accessTokenKeyId: id }: ReturnType<typeof policyInForce>): readonly string[] {
  return id === null || id === undefined ? [] : [id];
}

/** Within the change by which a tenant or application comes to name a key. */
export async function recordSigners({ catalog }: Pick<Records, 'catalog'>): Promise<void> {
  const present = await catalog.load();
  const signers = [...signersByTenant(present)];
  for (const key of present.keys.values()) {
    const tenantIds = signers.filter(([, ids]) => ids.has(key.id)).map(([tenantId]) => tenantId);
    const recorded = withSignedFor(key, tenantIds);
    if (recorded !== key) await catalog.update('keys', recorded, keyNames(recorded));
  }
}

function withSignedFor(key: Key, tenantIds: readonly string[]): Key {
  const before = key.signedFor ?? [];
  const added = tenantIds.filter((id) => !before.includes(id));
  return added.length === 0 ? key : { ...key, signedFor: [...before, ...added] };
}
