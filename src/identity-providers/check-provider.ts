/** What the schema of an identity provider cannot check: that what it names is there and fits, and that its PEM texts are keys. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { IdentityProvider } from '../objects/identity-provider.ts';
import type { Catalog } from '../tokens/catalog.ts';
import { badField } from '../tokens/failure.ts';
import { requireLambda } from '../tokens/objects/references.ts';

/** NIST SP 800-131A; the verifier refuses shorter keys too, but only when a token comes. */
const RSA_BITS_MIN = 2048;
const KEY_TYPES: readonly (string | undefined)[] = ['rsa', 'ec', 'ed25519'];

/** @throws ServiceError 400 with the field that is not in order */
export function checkIdentityProvider(catalog: Catalog, provider: IdentityProvider): void {
  requireKeys(catalog, provider);
  requirePems(provider);
  requireLambda(
    catalog,
    provider.lambdaConfiguration.reconcileId,
    'ExternalJWTReconcile',
    'identityProvider.lambdaConfiguration.reconcileId',
  );
  requireApplications(catalog, provider);
  requireTenants(catalog, provider);
}

function requireKeys({ keys }: Catalog, { defaultKeyId, verificationKeyIds }: IdentityProvider): void {
  if (typeof defaultKeyId === 'string' && !keys.has(defaultKeyId))
    throw badField('identityProvider.defaultKeyId', 'invalid', 'There is no such key');
  if (verificationKeyIds.some((id) => !keys.has(id)))
    throw badField('identityProvider.verificationKeyIds', 'invalid', 'It names a key that is not there');
}

/** A domain user of one tenant cannot come in to an application of another. */
function requireApplications({ applications }: Catalog, provider: IdentityProvider): void {
  for (const id of Object.keys(provider.applicationConfiguration)) {
    const application = applications.get(id);
    if (application === undefined || (provider.tenantId ?? application.tenantId) !== application.tenantId)
      throw badField(
        'identityProvider.applicationConfiguration',
        'invalid',
        'It names an application that is not there, or of another tenant',
      );
  }
}

function requireTenants({ tenants }: Catalog, { tenantId, tenantConfiguration }: IdentityProvider): void {
  if (typeof tenantId === 'string' && !tenants.has(tenantId))
    throw badField('identityProvider.tenantId', 'invalid', 'There is no such tenant');
  if (Object.keys(tenantConfiguration).some((id) => !tenants.has(id)))
    throw badField('identityProvider.tenantConfiguration', 'invalid', 'It names a tenant that is not there');
}

function requirePems({ keys = {} }: IdentityProvider): void {
  for (const pem of Object.values(keys)) {
    if (!isPublicKey(pem))
      throw badField(
        'identityProvider.keys',
        'invalid',
        `Each must be the PEM of a public key or certificate: EC, Ed25519 or RSA of at least ${RSA_BITS_MIN} bits`,
      );
  }
}

/** A private key is refused: whoever pastes it here gives it away. */
function isPublicKey(pem: string): boolean {
  const key = pem.includes('PRIVATE KEY') ? null : readKey(pem);
  if (key === null || !KEY_TYPES.includes(key.asymmetricKeyType)) return false;
  return (key.asymmetricKeyDetails?.modulusLength ?? RSA_BITS_MIN) >= RSA_BITS_MIN;
}

function readKey(pem: string): KeyObject | null {
  try {
    return createPublicKey(pem);
  } catch {
    return null;
  }
}
