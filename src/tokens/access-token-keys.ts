/** By which keys the access tokens of a tenant may have been signed. */
import type { Key } from '../objects/key.ts';
import type { Catalog } from './catalog.ts';
import { signersByTenant } from './objects/signers.ts';
import { perCatalog } from './per-catalog.ts';

/**
 * The keys that sign for the tenant now, and those that did before: a key that was replaced verifies until it is
 * deleted, so that a change of keys breaks no token. Of the latter only pairs whose private half is ours and which
 * nothing else uses: a secret, or a key that also verifies foreign tokens, may be in other hands. A key that never
 * signed for the tenant verifies nothing of it: whoever else has an imported one would be believed.
 */
export function accessTokenKeys(catalog: Catalog, tenantId: string): readonly Key[] {
  return keysByTenant(catalog).get(tenantId) ?? [];
}

const keysByTenant = perCatalog((catalog) => {
  const signers = signersByTenant(catalog);
  const used = new Set([...[...signers.values()].flatMap((ids) => [...ids]), ...otherUses(catalog)]);
  const own = [...catalog.keys.values()].filter(({ hasPrivateKey }) => hasPrivateKey);
  const keysOf = (tenantId: string, ids: ReadonlySet<string>) =>
    own.filter((key) => ids.has(key.id) || (!used.has(key.id) && hasSignedFor(key, tenantId)));
  return new Map([...signers].map(([tenantId, ids]) => [tenantId, keysOf(tenantId, ids)]));
});

function hasSignedFor({ publicKey, signedFor = [] }: Key, tenantId: string): boolean {
  return publicKey !== null && signedFor.includes(tenantId);
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
