/** Access tokens: made, signed by the right key, and told apart from other tokens by how they came to be. */
import { SECOND_MS } from '../core/time.ts';
import type { Application } from '../objects/application.ts';
import type { Key } from '../objects/key.ts';
import type { Tenant } from '../objects/tenant.ts';
import type { User } from '../objects/user.ts';
import { type AccessTokenRequest, accessTokenClaims } from './access-token-claims.ts';
import type { Catalog } from './catalog.ts';
import { ServiceError } from './failure.ts';
import { populated } from './populate.ts';
import { policyInForce } from './refresh-policy.ts';
import type { TokenService } from './service.ts';

export interface AccessToken {
  readonly token: string;
  /** `exp`, in milliseconds. */
  readonly expiresInstant: number;
}

/** @throws ServiceError 500 where no key is configured or the lambda fails */
export async function signAccessToken(
  service: TokenService,
  catalog: Catalog,
  request: AccessTokenRequest,
): Promise<AccessToken> {
  const tenant = tenantOf(catalog, request.user);
  const claims = await populated(service, catalog, accessTokenClaims(service, tenant, request), request);
  const key = accessTokenKey(catalog, tenant, request.application);
  const token = await service.signer.sign(key, { gty: grantTypes(request) }, claims);
  return { token, expiresInstant: claims.exp * SECOND_MS };
}

/** `authenticationType` of users who came by password, by a foreign token, by a token of ours for another application. */
export const PASSWORD = 'PASSWORD';
export const FEDERATED_JWT = 'FEDERATED_JWT';
export const JWT_SSO = 'JWT_SSO';

/** RFC 6749 §4.3, RFC 7523 §2.1, RFC 8693 §2.1. */
const GRANT_TYPES: ReadonlyMap<string, string> = new Map([
  [PASSWORD, 'password'],
  [FEDERATED_JWT, 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
  [JWT_SSO, 'urn:ietf:params:oauth:grant-type:token-exchange'],
]);

/** The header's `gty`: the grants a token came by, in order. Only access tokens have it; vended tokens do not. */
function grantTypes({ authenticationType, isRefresh }: AccessTokenRequest): readonly string[] {
  const first = GRANT_TYPES.get(authenticationType);
  return [...(first === undefined ? [] : [first]), ...(isRefresh ? ['refresh_token'] : [])];
}

/** @throws ServiceError 404: the tenant is gone, and its users with it */
export function tenantOf(catalog: Catalog, { tenantId }: Pick<User, 'tenantId'>): Tenant {
  const tenant = catalog.tenants.get(tenantId);
  if (tenant === undefined) throw new ServiceError(404, 'The tenant of the user is gone');
  return tenant;
}

/** The application's own key where it has one, else the tenant's. @throws ServiceError 500 without one that signs */
export function accessTokenKey(
  { keys }: Pick<Catalog, 'keys'>,
  tenant: Pick<Tenant, 'jwtConfiguration'>,
  application: Pick<Application, 'jwtConfiguration'> | null,
): Key {
  const id =
    policyInForce(tenant, application).accessTokenKeyId ?? tenant.jwtConfiguration.accessTokenKeyId ?? '';
  const key = keys.get(id);
  if (key?.hasPrivateKey !== true) throw new ServiceError(500, 'No key is configured for access tokens');
  return key;
}
