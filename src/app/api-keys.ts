/** What the CLI does with API keys: in the store, whether a gateway runs on it or not. */
import { endpointOf } from '../http/api/caller.ts';
import type { Method } from '../http/api/operation.ts';
import { OPERATIONS } from '../http/api/operations.ts';
import { API_METHODS, type ApiMethod } from '../objects/api-key.ts';
import { type ApiKeyBody, createApiKey, deleteApiKey } from '../tokens/objects/api-keys.ts';
import { listObjects } from '../tokens/objects/catalog-object.ts';
import type { Scope, TokenService } from '../tokens/service.ts';
import type { Configuration } from './configuration.ts';
import { createQuietRuntime } from './runtime.ts';
import { openConfiguredTokenService } from './token-service.ts';

/** There is no store to have API keys in. For the operator. */
export class ApiKeysCommandError extends Error {
  override readonly name = 'ApiKeysCommandError';
}

/** Who can read the configuration and its secrets can reach every tenant. */
const OPERATOR: Scope = { tenantId: null, ipAddress: null };

/** Id, name, tenant, permissions and source of each; never the key. */
export async function listApiKeys(configuration: Configuration): Promise<string[][]> {
  return await withService(configuration, async (service) =>
    listObjects(service, 'apiKeys', OPERATOR).map(({ id, name, tenantId, permissions, source }) => [
      id,
      name ?? '',
      tenantId ?? 'every tenant',
      permissionsText(permissions.endpoints),
      source,
    ]),
  );
}

function permissionsText(endpoints: Readonly<Record<string, readonly string[]>>): string {
  const entries = Object.entries(endpoints);
  return entries.length === 0
    ? 'everything'
    : entries.map(([path, methods]) => `${methods.join(',')} ${path}`).join('; ');
}

/** What a permission can name. */
export type PermittedMethod = ApiMethod;

/** The method of this name; undefined where a permission cannot name it. */
export function permittedMethod(name: string): PermittedMethod | undefined {
  return API_METHODS.find((method) => method === name);
}

/** What the API has, as permissions name it: methods by path. */
export function permittedMethods(): ReadonlyMap<string, ReadonlySet<Method>> {
  const methods = new Map<string, Set<Method>>();
  for (const operation of OPERATIONS) {
    const path = endpointOf(operation);
    methods.set(path, (methods.get(path) ?? new Set()).add(operation.method));
  }
  return methods;
}

/** The key, which nobody can read again, and its id. @throws ServiceError for a tenant that is not there */
export async function createApiKeyFor(
  configuration: Configuration,
  body: Omit<ApiKeyBody, 'key'>,
): Promise<{ readonly id: string; readonly key: string }> {
  return await withService(configuration, async (service) => {
    const { apiKey, key } = await createApiKey(service, undefined, body, OPERATOR);
    return { id: apiKey.id, key };
  });
}

/** @throws ServiceError where there is none, or the file declares it */
export async function revokeApiKey(configuration: Configuration, id: string): Promise<void> {
  await withService(configuration, (service) => deleteApiKey(service, id, OPERATOR));
}

/** Gateways on the same store see the change within a second. */
async function withService<T>(
  { compiled }: Configuration,
  run: (service: TokenService) => Promise<T>,
): Promise<T> {
  const running = await openConfiguredTokenService(compiled, createQuietRuntime(compiled));
  if (running === null)
    throw new ApiKeysCommandError('the configuration has no tokenService block: there are no API keys');
  try {
    return await run(running.service);
  } finally {
    await running.close();
  }
}
