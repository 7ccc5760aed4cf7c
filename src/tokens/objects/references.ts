/** Checks of what objects say about each other. */
import type { LambdaType } from '../../objects/lambda.ts';
import type { Catalog } from '../catalog.ts';
import { badField } from '../failure.ts';

/** @throws ServiceError 400 where the key is unknown or cannot sign */
export function requireSigningKey(catalog: Catalog, id: string | null | undefined, field: string): void {
  if (id === null || id === undefined) return;
  const key = catalog.keys.get(id);
  if (key === undefined) throw badField(field, 'invalid', 'There is no such key');
  if (!key.hasPrivateKey) throw badField(field, 'invalid', 'The key only verifies');
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
