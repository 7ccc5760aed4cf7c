/** What a key of the catalog is used for, and for whom it speaks. */
import type { Tenant } from '../../objects/tenant.ts';
import type { Catalog } from '../catalog.ts';

/** True: something would miss the key. */
export function isKeyUsed(catalog: Catalog, keyId: string): boolean {
  return (
    ownersOf(catalog, keyId).length > 0 ||
    signsEvents(catalog, keyId) ||
    verifiesForeignTokens(catalog, keyId)
  );
}

/** True: an identity provider takes tokens signed by the key. */
export function verifiesForeignTokens({ identityProviders }: Catalog, keyId: string): boolean {
  return [...identityProviders.values()].some(
    ({ defaultKeyId, verificationKeyIds }) => defaultKeyId === keyId || verificationKeyIds.includes(keyId),
  );
}

/** True: webhooks know our events by the key. */
export function signsEvents({ webhooks }: Catalog, keyId: string): boolean {
  return [...webhooks.values()].some(
    ({ signatureConfiguration }) => signatureConfiguration.signingKeyId === keyId,
  );
}

/**
 * True: the key signs for other tenants, or did so and still proves what it signed; and it does not sign for this one.
 * `tenantId` null: a call that is bound to none.
 */
export function speaksForOthers(catalog: Catalog, keyId: string, tenantId: string | null): boolean {
  if (tenantId === null || speaksFor(catalog, keyId, tenantId)) return false;
  const signedFor = catalog.keys.get(keyId)?.signedFor ?? [];
  return [...ownersOf(catalog, keyId), ...signedFor].some((id) => id !== tenantId);
}

/** True: access tokens of the tenant, or of one of its applications, are signed by the key. */
export function speaksFor(catalog: Catalog, keyId: string, tenantId: string): boolean {
  return ownersOf(catalog, keyId).includes(tenantId);
}

/** Ids of tenants. */
function ownersOf({ tenants, applications }: Catalog, keyId: string): readonly string[] {
  return [
    ...[...tenants.values()].filter(isSignedBy).map(({ id }) => id),
    ...[...applications.values()].filter(isSignedBy).map(({ tenantId }) => tenantId),
  ];

  function isSignedBy({ jwtConfiguration }: Pick<Tenant, 'jwtConfiguration'>): boolean {
    return jwtConfiguration.accessTokenKeyId === keyId;
  }
}
