/** Use cases: applications. */
import type { Application } from '../../objects/application.ts';
import type { Body } from '../../objects/values.ts';
import type { Catalog } from '../catalog.ts';
import { prepareForcedEnd } from '../end-sessions.ts';
import { badField } from '../failure.ts';
import type { Scope, TokenService } from '../service.ts';
import type { Records, UniqueName } from '../store.ts';
import {
  deleteObject,
  insertObject,
  newStamps,
  nextStamps,
  readObject,
  requireChangeable,
  requireSameTenant,
  resolveTenantId,
  updateObject,
} from './catalog-object.ts';
import { forgetInOthers } from './forget.ts';
import { requireLambda, requireOwnKey, requireSigningKey } from './references.ts';
import { finishRemoval, removeRest } from './removal.ts';
import { recordSigners } from './signers.ts';

const KEY_FIELD = 'application.jwtConfiguration.accessTokenKeyId';

/** `tenantId` may be left out where it follows from the call. */
type ApplicationBody = Omit<Body<Application>, 'tenantId'> & { readonly tenantId?: string | undefined };

export function applicationNames({
  tenantId,
  name,
}: Pick<Application, 'tenantId' | 'name'>): readonly UniqueName[] {
  return [{ what: 'application.name', value: `${tenantId} ${name}` }];
}

/** @throws ServiceError 400 */
export function checkApplication(
  catalog: Catalog,
  { jwtConfiguration, lambdaConfiguration }: ApplicationBody,
): void {
  requireSigningKey(catalog, jwtConfiguration.accessTokenKeyId, KEY_FIELD);
  requireLambda(
    catalog,
    lambdaConfiguration.accessTokenPopulateId,
    'JWTPopulate',
    'application.lambdaConfiguration.accessTokenPopulateId',
  );
}

/** @throws ServiceError 400 */
export async function createApplication(
  service: TokenService,
  id: string | undefined,
  body: ApplicationBody,
  scope: Scope,
): Promise<Application> {
  const tenantId = resolveTenantId(service, body.tenantId, scope, 'application.tenantId');
  const application = { ...body, tenantId, roles: withIds(service, body.roles), ...newStamps(service, id) };
  return await insertObject(service, 'applications', application, applicationNames(application), {
    async before(records, catalog) {
      requireInOrder(catalog, application, scope);
      await finishRemoval(records, 'applications', application.id, service.clock());
    },
    after: recordSigners,
  });
}

/** The tenant of an application cannot change. @throws ServiceError 400, 404 */
export async function replaceApplication(
  service: TokenService,
  id: string,
  body: ApplicationBody,
  scope: Scope,
): Promise<Application> {
  const old = readObject(service, 'applications', id, scope);
  requireSameTenant('application', old, body);
  const roles = withIds(service, body.roles);
  const application = { ...body, tenantId: old.tenantId, roles, ...nextStamps(service, old) };
  return await updateObject(service, 'applications', application, applicationNames(application), {
    before: (_, catalog) => requireInOrder(catalog, application, scope),
    after: recordSigners,
  });
}

function requireInOrder(catalog: Catalog, application: Application, scope: Scope): void {
  if (!catalog.tenants.has(application.tenantId))
    throw badField('application.tenantId', 'invalid', 'There is no such tenant');
  checkApplication(catalog, application);
  requireOwnKey(catalog, application.jwtConfiguration.accessTokenKeyId, scope, KEY_FIELD);
}

/**
 * Its registrations go with it, its refresh tokens are revoked, and identity providers serve it no more.
 *
 * @throws ServiceError 400 where the file declares or names it; 404
 */
export async function deleteApplication(service: TokenService, id: string, scope: Scope): Promise<void> {
  const application = readObject(service, 'applications', id, scope);
  requireChangeable('applications', application);
  const { tenantId } = application;
  const event = await prepareForcedEnd(service, { tenantId, application, user: null, refreshToken: null });
  const startInstant = service.clock();
  await deleteObject(service, 'applications', application, async (records, catalog) => {
    await forgetInOthers(records, catalog, { applicationIds: [id], tenantIds: [] }, service.clock());
    await endApplication(records, id, service.clock());
    await event.record(records);
  });
  await removeRest(service, { kind: 'applications', id });
  await service.revocations.refresh(startInstant);
}

/**
 * Within the transaction that takes an application away: its sessions end, all at once; registrations go afterwards, with
 * `removeRest`.
 */
export async function endApplication(
  { refreshTokens, removals }: Pick<Records, 'refreshTokens' | 'removals'>,
  applicationId: string,
  nowMs: number,
): Promise<void> {
  await refreshTokens.revoke({ applicationId }, nowMs);
  await removals.insert({ kind: 'applications', id: applicationId, removedInstant: nowMs });
}

function withIds({ random }: TokenService, roles: Application['roles']): Application['roles'] {
  return roles.map((role) => ({ ...role, id: role.id ?? random.uuid() }));
}
