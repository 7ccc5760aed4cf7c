/** What a key of the catalog is used for, and for whom it speaks. */
import type { Catalog } from '../catalog.ts';

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

/** True: the key signs for other tenants, and not for this one. `tenantId` null: a call that is bound to none. */
export function speaksForOthers(
  { tenants, applications }: Catalog,
  keyId: string,
  tenantId: string | null,
): boolean {
  const owners = [
    ...[...tenants.values()].filter(isSignedBy).map(({ id }) => id),
    ...[...applications.values()].filter(isSignedBy).map((application) => application.tenantId),
  ];
  return tenantId !== null && owners.length > 0 && !owners.includes(tenantId);

  function isSignedBy({ jwtConfiguration }: { readonly jwtConfiguration: KeyConfiguration }): boolean {
    return jwtConfiguration.accessTokenKeyId === keyId;
  }
}

interface KeyConfiguration {
  readonly accessTokenKeyId?: string | null | undefined;
}
