/** Use cases: API keys. Only an HMAC of a key is stored; the key itself is shown once. */
import type { ApiKey } from '../../objects/api-key.ts';
import type { Body } from '../../objects/values.ts';
import type { Catalog } from '../catalog.ts';
import { badField, type ServiceError } from '../failure.ts';
import type { Scope, TokenService } from '../service.ts';
import type { UniqueName } from '../store.ts';
import { type ApiKeyReach, requireWithin } from './api-key-limits.ts';
import {
  deleteObject,
  insertObject,
  newStamps,
  nextStamps,
  readOwned,
  updateObject,
} from './catalog-object.ts';

/** 256 bits. */
const KEY_BYTES = 32;
/** Separates look-ups of API keys from those of refresh tokens. */
const LOOKUP_PURPOSE = 'api-key';

export type ApiKeyBody = Omit<Body<ApiKey>, 'keyHash'> & { readonly key?: string | undefined };

/** What a call sends to change one. */
export type ApiKeyChange = Omit<ApiKeyBody, 'permissions'> & {
  /** Null: everything. */
  readonly permissions?: ApiKey['permissions'] | null | undefined;
};

/** No endpoint listed: all of them. */
export const EVERYTHING: ApiKey['permissions'] = { endpoints: {} };

export interface CreatedApiKey {
  readonly apiKey: ApiKey;
  /** Nobody can read it again. */
  readonly key: string;
}

/** What is stored in place of a key. */
export function hashApiKey({ sealer }: Pick<TokenService, 'sealer'>, key: string): string {
  return sealer.lookup(key, LOOKUP_PURPOSE);
}

export function apiKeyNames({ keyHash }: Pick<ApiKey, 'keyHash'>): readonly UniqueName[] {
  return [{ what: 'apiKey.key', value: keyHash }];
}

/**
 * A key bound to a tenant makes keys for that tenant only, and none that may more than itself.
 *
 * @param maker the key of the call; null: the operator
 * @throws ServiceError 400
 */
export async function createApiKey(
  service: TokenService,
  id: string | undefined,
  { key = service.random.token(KEY_BYTES), ...body }: ApiKeyBody,
  scope: Scope,
  maker: ApiKeyReach | null = null,
): Promise<CreatedApiKey> {
  requireWithin(maker, body);
  const tenantId = tenantFor(body.tenantId, scope);
  const apiKey = { ...body, tenantId, keyHash: hashApiKey(service, key), ...newStamps(service, id) };
  const inserted = await insertObject(service, 'apiKeys', apiKey, apiKeyNames(apiKey), {
    before: (_, catalog) => requireTenant(catalog, tenantId),
  });
  return { apiKey: inserted, key };
}

export interface ReplaceApiKeyOptions {
  /** As above. */
  readonly maker: ApiKeyReach | null;
  /** What bounds the key, its tenant, permissions and end, stays where the change does not speak of it. */
  readonly keepsMissing: boolean;
}

/** The key itself cannot change: who wants another makes one. @throws ServiceError 400, 404 */
export async function replaceApiKey(
  service: TokenService,
  id: string,
  { key, ...change }: ApiKeyChange,
  scope: Scope,
  { maker, keepsMissing }: ReplaceApiKeyOptions,
): Promise<ApiKey> {
  if (key !== undefined) throw badField('apiKey.key', 'invalid', 'A key cannot change; make another');
  const old = readOwned(service, 'apiKeys', id, scope);
  const kept: Partial<ApiKey> = keepsMissing ? old : {};
  const { permissions = kept.permissions, expirationInstant = kept.expirationInstant } = change;
  const body = { ...change, permissions: changedPermissions(old, permissions), expirationInstant };
  requireWithin(maker, body);
  const tenantId = tenantFor(change.tenantId === undefined ? kept.tenantId : change.tenantId, scope);
  const apiKey = { ...body, tenantId, keyHash: old.keyHash, ...nextStamps(service, old) };
  return await updateObject(service, 'apiKeys', apiKey, apiKeyNames(apiKey), {
    before: (_, catalog) => requireTenant(catalog, tenantId),
  });
}

/** @throws ServiceError 400, 404 */
export async function deleteApiKey(service: TokenService, id: string, scope: Scope): Promise<void> {
  await deleteObject(service, 'apiKeys', readOwned(service, 'apiKeys', id, scope));
}

/** Who takes the last permission away does not mean to give all of them. @throws ServiceError 400 */
function changedPermissions(old: ApiKey, wanted: ApiKeyChange['permissions']): ApiKey['permissions'] {
  const permissions = wanted ?? EVERYTHING;
  const isEmptied = !hasEndpoints(permissions) && hasEndpoints(old.permissions);
  if (isEmptied && wanted !== null && wanted !== undefined)
    throw badField('apiKey.permissions', 'blank', 'No endpoint is left; permissions null allows everything');
  return permissions;
}

function hasEndpoints({ endpoints }: ApiKey['permissions']): boolean {
  return Object.keys(endpoints).length > 0;
}

function tenantFor(wanted: string | null | undefined, scope: Scope): string | null {
  const tenantId = wanted ?? scope.tenantId;
  if (scope.tenantId !== null && tenantId !== scope.tenantId) throw noSuchTenant();
  return tenantId;
}

function requireTenant({ tenants }: Catalog, tenantId: string | null): void {
  if (tenantId !== null && !tenants.has(tenantId)) throw noSuchTenant();
}

function noSuchTenant(): ServiceError {
  return badField('apiKey.tenantId', 'invalid', 'There is no such tenant');
}
