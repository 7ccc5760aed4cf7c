/** An API key gives no more than it has: who may make keys does not become who may do everything. */
import type { ApiKey } from '../../objects/api-key.ts';
import { badField } from '../failure.ts';

/** What bounds an API key beside its tenant. */
export type ApiKeyReach = Pick<ApiKey, 'permissions' | 'expirationInstant'>;

/**
 * @param maker the key that makes or changes `made`; null: the operator, on the machine
 * @throws ServiceError 400 where `made` may do, or lives, more than `maker`
 */
export function requireWithin(maker: ApiKeyReach | null, made: ApiKeyReach): void {
  if (maker === null) return;
  if (!isPermittedBy(maker.permissions.endpoints, made.permissions.endpoints))
    throw badField('apiKey.permissions', 'invalid', 'A key gives no permission that it does not have');
  const end = maker.expirationInstant ?? Number.POSITIVE_INFINITY;
  if ((made.expirationInstant ?? Number.POSITIVE_INFINITY) > end)
    throw badField('apiKey.expirationInstant', 'invalid', 'A key makes none that outlives it');
}

type Endpoints = ApiKey['permissions']['endpoints'];

/** None listed is everything, on both sides. */
function isPermittedBy(held: Endpoints, wanted: Endpoints): boolean {
  if (Object.keys(held).length === 0) return true;
  const entries = Object.entries(wanted);
  return (
    entries.length > 0 && entries.every(([path, methods]) => methods.every((one) => has(held, path, one)))
  );
}

function has(held: Endpoints, path: string, method: Endpoints[string][number]): boolean {
  return Object.hasOwn(held, path) && held[path]?.includes(method) === true;
}
