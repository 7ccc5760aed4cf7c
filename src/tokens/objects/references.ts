/** Checks of what objects say about each other. */
import type { LambdaType } from '../../objects/lambda.ts';
import type { Catalog } from '../catalog.ts';
import { badField } from '../failure.ts';
import type { Scope } from '../service.ts';
import { speaksFor, speaksForOthers, verifiesForeignTokens } from './key-uses.ts';

/** @throws ServiceError 400 where the key is unknown or cannot sign */
export function requireSigningKey(catalog: Catalog, id: string | null | undefined, field: string): void {
  if (id === null || id === undefined) return;
  const key = catalog.keys.get(id);
  if (key === undefined) throw badField(field, 'invalid', 'There is no such key');
  if (!key.hasPrivateKey) throw badField(field, 'invalid', 'The key only verifies');
}

/**
 * A call that is bound to a tenant lets nothing be signed by keys that others are known by.
 *
 * @throws ServiceError 400
 */
export function requireOwnKey(
  catalog: Catalog,
  id: string | null | undefined,
  { tenantId }: Pick<Scope, 'tenantId'>,
  field: string,
): void {
  if (tenantId === null || id === null || id === undefined) return;
  if (speaksForOthers(catalog, id, tenantId) || verifiesForeignTokens(catalog, id))
    throw badField(field, 'invalid', 'There is no such key');
}

/**
 * A call that is bound to a tenant names no pair of ours as a foreign issuer's key, but its own: a key that verifies
 * foreign tokens is left out of other uses, also of those that other tenants have for it.
 *
 * @throws ServiceError 400
 */
export function requireForeignKey(
  catalog: Catalog,
  id: string | null | undefined,
  { tenantId }: Pick<Scope, 'tenantId'>,
  field: string,
): void {
  const key = catalog.keys.get(id ?? '');
  if (tenantId === null || key === undefined) return;
  const isPairOfOurs = key.hasPrivateKey && key.publicKey !== null && !speaksFor(catalog, key.id, tenantId);
  if (isPairOfOurs || speaksForOthers(catalog, key.id, tenantId))
    throw badField(field, 'invalid', 'There is no such key');
}

/** @throws ServiceError 400 where the lambda is unknown or of another type */
export function requireLambda(
  catalog: Catalog,
  id: string | null | undefined,
  type: LambdaType,
  field: string,
): void {
  if (id === null || id === undefined) return;
  if (catalog.lambdas.get(id)?.type !== type)
    throw badField(field, 'invalid', `There is no such lambda of type ${type}`);
}
