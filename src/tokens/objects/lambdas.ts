/** Use cases: lambdas. */
import type { Lambda } from '../../objects/lambda.ts';
import type { Body } from '../../objects/values.ts';
import type { Catalog } from '../catalog.ts';
import { badField, badRequest } from '../failure.ts';
import type { Scope, TokenService } from '../service.ts';
import {
  deleteObject,
  insertObject,
  newStamps,
  nextStamps,
  readObject,
  updateObject,
} from './catalog-object.ts';

type LambdaBody = Body<Lambda>;

/** @throws ServiceError 400 where the body is no program; 503 while the sandbox is busy */
export async function createLambda(
  service: TokenService,
  id: string | undefined,
  body: LambdaBody,
): Promise<Lambda> {
  await requireProgram(service, body);
  return await insertObject(service, 'lambdas', { ...body, ...newStamps(service, id) }, []);
}

/** The type of a lambda does not change: what uses it relies on it. @throws ServiceError 400, 404; 503 while the sandbox is busy */
export async function replaceLambda(
  service: TokenService,
  id: string,
  body: LambdaBody,
  scope: Scope,
): Promise<Lambda> {
  const old = readObject(service, 'lambdas', id, scope);
  if (old.type !== body.type) throw badField('lambda.type', 'invalid', `The lambda is of type ${old.type}`);
  await requireProgram(service, body);
  return await updateObject(service, 'lambdas', { ...body, ...nextStamps(service, old) }, []);
}

async function requireProgram({ lambdas }: TokenService, { body }: LambdaBody): Promise<void> {
  const mistake = await lambdas.mistakeIn(body);
  if (mistake !== null) throw badField('lambda.body', 'invalid', mistake);
}

/** @throws ServiceError 400 while something uses it; 404 */
export async function deleteLambda(service: TokenService, id: string, scope: Scope): Promise<void> {
  const lambda = readObject(service, 'lambdas', id, scope);
  await deleteObject(service, 'lambdas', lambda, (_, catalog) => {
    if (isLambdaUsed(catalog, id))
      throw badRequest('[inUse]lambda', 'An application or identity provider uses it');
  });
}

/** True: something would miss the lambda. */
export function isLambdaUsed({ applications, identityProviders }: Catalog, id: string): boolean {
  return (
    [...applications.values()].some((one) => one.lambdaConfiguration.accessTokenPopulateId === id) ||
    [...identityProviders.values()].some((one) => one.lambdaConfiguration.reconcileId === id)
  );
}
