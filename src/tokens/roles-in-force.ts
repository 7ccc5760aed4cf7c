/** Which of a user's roles count: a role that its application no longer has is nobody's. */
import type { Application } from '../objects/application.ts';
import type { Registration, User } from '../objects/user.ts';
import type { Catalog } from './catalog.ts';

/** @param application that of the registration; null: it is gone, and its roles with it */
export function rolesInForce(
  { roles }: Pick<Registration, 'roles'>,
  application: Pick<Application, 'roles'> | null,
): readonly string[] {
  const known = new Set(application?.roles.map(({ name }) => name));
  return roles.filter((role) => known.has(role));
}

/** The same registration where all of its roles are in force. */
export function registrationInForce(
  { applications }: Pick<Catalog, 'applications'>,
  registration: Registration,
): Registration {
  const roles = rolesInForce(registration, applications.get(registration.applicationId) ?? null);
  return roles.length === registration.roles.length ? registration : { ...registration, roles };
}

/** The user, with no role that is not in force. */
export function userInForce(catalog: Pick<Catalog, 'applications'>, user: User): User {
  return { ...user, registrations: user.registrations.map((one) => registrationInForce(catalog, one)) };
}
