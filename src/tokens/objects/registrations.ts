/** Use cases: registrations of users with applications. */
import type { Application } from '../../objects/application.ts';
import type { Registration, RegistrationBody, User } from '../../objects/user.ts';
import { prepareForcedEnd } from '../end-sessions.ts';
import { badField, notFound } from '../failure.ts';
import { registrationInForce } from '../roles-in-force.ts';
import type { Scope, TokenService } from '../service.ts';
import { DuplicateError, type Records } from '../store.ts';
import { duplicate, visible } from './catalog-object.ts';

/** The application of a registration; it must be one of the user's tenant, and know the roles. @throws ServiceError 400 */
export function requireRegistrable(
  service: TokenService,
  { applicationId, roles = [] }: RegistrationBody,
  tenantId: string,
): Application {
  const application = service.catalog().applications.get(applicationId);
  if (application === undefined || application.tenantId !== tenantId)
    throw badField('registration.applicationId', 'invalid', 'There is no such application');
  const known = new Set(application.roles.map(({ name }) => name));
  const unknown = roles.find((role) => !known.has(role));
  if (unknown !== undefined)
    throw badField('registration.roles', 'invalid', 'The application has no such role');
  return application;
}

/** Without roles of its own it gets the default ones of the application. */
export function newRegistration(
  { clock, random }: Pick<TokenService, 'clock' | 'random'>,
  { id, roles, ...members }: RegistrationBody,
  application: Application,
): Registration {
  const now = clock();
  return {
    ...members,
    id: id ?? random.uuid(),
    roles: roles ?? defaultRoles(application),
    insertInstant: now,
    lastUpdateInstant: now,
    lastLoginInstant: null,
    verified: true,
  };
}

export function defaultRoles({ roles }: Pick<Application, 'roles'>): readonly string[] {
  return roles.filter(({ isDefault }) => isDefault).map(({ name }) => name);
}

/** @throws ServiceError 404 */
export async function readRegistration(
  service: TokenService,
  userId: string,
  applicationId: string,
  scope: Scope,
): Promise<Registration> {
  const user = visible(await service.store.users.get(userId), scope);
  return registrationInForce(service.catalog(), registrationOf(user, applicationId));
}

/** @throws ServiceError 400, 404 */
export async function createRegistration(
  service: TokenService,
  userId: string,
  body: RegistrationBody,
  scope: Scope,
): Promise<Registration> {
  try {
    return await service.store.transaction(async (records) => {
      const user = await lockedUser(records, userId, scope);
      const registration = newRegistration(service, body, requireRegistrable(service, body, user.tenantId));
      await records.users.insertRegistration(userId, registration);
      return registration;
    });
  } catch (error) {
    throw error instanceof DuplicateError ? duplicate('registration.applicationId') : error;
  }
}

/**
 * `merge` makes the new members from the present ones, within the transaction. Roles that are not in force any more are
 * not among those, and so are gone.
 *
 * @throws ServiceError 400, 404
 */
export async function changeRegistration(
  service: TokenService,
  userId: string,
  applicationId: string,
  scope: Scope,
  merge: (present: Registration) => RegistrationBody,
): Promise<Registration> {
  return await service.store.transaction(async (records) => {
    const user = await lockedUser(records, userId, scope);
    const present = registrationInForce(service.catalog(), registrationOf(user, applicationId));
    const { id: _, roles = present.roles, ...members } = merge(present);
    requireRegistrable(service, { ...members, applicationId, roles: [...roles] }, user.tenantId);
    const next = { ...present, ...members, applicationId, roles, lastUpdateInstant: service.clock() };
    await records.users.updateRegistration(userId, next);
    return next;
  });
}

/** Its refresh tokens are revoked. @throws ServiceError 404 */
export async function deleteRegistration(
  service: TokenService,
  userId: string,
  applicationId: string,
  scope: Scope,
): Promise<void> {
  const user = visible(await service.store.users.get(userId), scope);
  registrationOf(user, applicationId);
  const { tenantId } = user;
  const application = service.catalog().applications.get(applicationId) ?? null;
  const event = await prepareForcedEnd(service, { tenantId, user, application, refreshToken: null });
  await service.store.transaction(async (records) => {
    registrationOf(await lockedUser(records, userId, scope), applicationId);
    await records.refreshTokens.revoke({ userId, applicationId }, service.clock());
    await records.users.deleteRegistration(userId, applicationId);
    await event.record(records);
  });
  await service.revocations.refresh();
}

async function lockedUser({ users }: Records, id: string, scope: Pick<Scope, 'tenantId'>): Promise<User> {
  return visible(await users.get(id, { lock: true }), scope);
}

function registrationOf({ registrations }: User, applicationId: string): Registration {
  const found = registrations.find((one) => one.applicationId === applicationId);
  if (found === undefined) throw notFound('registration');
  return found;
}
