/** By which keys the access tokens of a tenant may have been signed. */
import type { Key } from '../objects/key.ts';
import type { Catalog } from './catalog.ts';
import { perCatalog } from './per-catalog.ts';

/**
 * The keys that sign for the tenant now, and those that may have signed before: a key that was replaced verifies until
 * it is deleted, so that a change of keys breaks no token. Of the latter only pairs whose private half is ours and
 * which nothing else uses: a secret, or a key that also verifies foreign tokens, may be in other hands.
 */
export function accessTokenKeys(catalog: Catalog, tenantId: string): readonly Key[] {
  return keysByTenant(catalog).get(tenantId) ?? [];
}

const keysByTenant = perCatalog((catalog) => {
  const signers = signersByTenant(catalog);
  const used = new Set([...[...signers.values()].flatMap((ids) => [...ids]), ...otherUses(catalog)]);
  const before = [...catalog.keys.values()].filter(
    ({ id, hasPrivateKey, publicKey }) => hasPrivateKey && publicKey !== null && !used.has(id),
  );
  const present = (ids: ReadonlySet<string>) =>
    [...catalog.keys.values()].filter(({ id, hasPrivateKey }) => hasPrivateKey && ids.has(id));
  return new Map([...signers].map(([tenantId, ids]) => [tenantId, [...present(ids), ...before]]));
});

/** Ids of the keys that tenants and their applications name. */
function signersByTenant({ tenants, applications }: Catalog): ReadonlyMap<string, ReadonlySet<string>> {
  const ids = new Map<string, Set<string>>();
  for (const { id, jwtConfiguration } of tenants.values())
    ids.set(id, new Set(named(jwtConfiguration.accessTokenKeyId)));
  for (const { tenantId, jwtConfiguration } of applications.values())
    for (const keyId of named(jwtConfiguration.accessTokenKeyId)) ids.get(tenantId)?.add(keyId);
  return ids;
}

/** Keys of identity providers are foreign; keys of webhooks sign what is no access token. */
function otherUses({ identityProviders, webhooks }: Catalog): readonly string[] {
  return [
    ...[...identityProviders.values()].flatMap((one) => [
      ...one.verificationKeyIds,
      ...named(one.defaultKeyId),
    ]),
    ...[...webhooks.values()].flatMap((one) => named(one.signatureConfiguration.signingKeyId)),
  ];
}

function named(id: string | null | undefined): readonly string[] {
  return id === null || id === undefined ? [] : [id];
}
