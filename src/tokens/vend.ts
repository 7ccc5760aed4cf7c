/** Use case: a token with claims of the caller's choice. It is no access token of ours: it has no `gty`, and is refused as one. */
import { type JsonObject, member } from '../core/json.ts';
import { DAY_MS, numericDate, SECOND_MS } from '../core/time.ts';
import type { Key } from '../objects/key.ts';
import type { Tenant } from '../objects/tenant.ts';
import { accessTokenKey } from './access-token.ts';
import type { Catalog } from './catalog.ts';
import { badField } from './failure.ts';
import { listObjects } from './objects/catalog-object.ts';
import { speaksForOthers, verifiesForeignTokens } from './objects/key-uses.ts';
import type { Scope, TokenService } from './service.ts';
import { requireHonest } from './vend-claims.ts';

export interface VendInput {
  /** `exp`, `iat` and `amr` are ignored. */
  readonly claims?: JsonObject | undefined;
  /** Without it, the tenant's key. */
  readonly keyId?: string | undefined;
  /** Without it, the tenant's. */
  readonly timeToLiveInSeconds?: number | undefined;
}

/** Ten years: longer lives are mistakes of unit. */
const TTL_MAX_SECONDS = (3650 * DAY_MS) / SECOND_MS;

const IGNORED_CLAIMS: ReadonlySet<string> = new Set(['exp', 'iat', 'amr']);

/** `jti` is made where the caller gives none; `iss` is not added. @throws ServiceError 400 */
export async function vend(service: TokenService, input: VendInput, scope: Scope): Promise<string> {
  const catalog = service.catalog();
  const tenant = vendingTenant(service, scope);
  const seconds = input.timeToLiveInSeconds ?? tenant.jwtConfiguration.timeToLiveInSeconds;
  if (!Number.isSafeInteger(seconds) || seconds < 1 || seconds > TTL_MAX_SECONDS)
    throw badField('timeToLiveInSeconds', 'invalid', `It must be from 1 to ${TTL_MAX_SECONDS}`);
  const key =
    input.keyId === undefined
      ? accessTokenKey(catalog, tenant, null)
      : vendingKey(catalog, input.keyId, scope);
  // Whoever holds a token by such a key logs in as the user it names.
  if (verifiesForeignTokens(catalog, key.id))
    throw badField('keyId', 'invalid', 'An identity provider trusts the key: nothing else is signed by it');
  const iat = numericDate(service.clock());
  const free = freeClaims(input.claims ?? {});
  requireHonest(catalog, { key, claims: free, tenantId: scope.tenantId });
  const claims = { jti: service.random.uuid(), ...free, exp: iat + seconds, iat };
  return await service.signer.sign(key, {}, claims);
}

function freeClaims(claims: JsonObject): JsonObject {
  const jti = member(claims, 'jti');
  if (jti !== undefined && typeof jti !== 'string')
    throw badField('claims.jti', 'invalid', 'It must be a string');
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !IGNORED_CLAIMS.has(name)));
}

/** The tenant of the call; without one, the first that was made. @throws ServiceError 400 without any */
function vendingTenant(service: TokenService, scope: Scope): Tenant {
  const [first] = listObjects(service, 'tenants', scope);
  if (first === undefined) throw badField('tenantId', 'invalid', 'There is no such tenant');
  return first;
}

/** A caller bound to one tenant gets no signatures by keys that speak for another. */
function vendingKey(catalog: Catalog, id: string, { tenantId }: Scope): Key {
  const key = catalog.keys.get(id);
  if (key === undefined || speaksForOthers(catalog, id, tenantId))
    throw badField('keyId', 'invalid', 'There is no such key');
  if (!key.hasPrivateKey) throw badField('keyId', 'invalid', 'The key only verifies');
  return key;
}
