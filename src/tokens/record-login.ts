/** What a login leaves behind: a login record, and its instant on the user and the registration. */
import type { User } from '../objects/user.ts';
import { notFound } from './failure.ts';
import type { Records } from './store.ts';
import { registrationWith, requireUsable } from './usable-user.ts';

export interface Login {
  readonly userId: string;
  readonly applicationId: string | null;
  readonly ipAddress: string | null;
  /** Milliseconds. */
  readonly instant: number;
}

/**
 * Within the transaction that writes the tokens. Gives back the user as it is then.
 *
 * @throws ServiceError 404, 410 for a user who was deleted or shut out meanwhile
 */
export async function recordLogin(records: Records, login: Login): Promise<User> {
  const { userId, applicationId, ipAddress, instant } = login;
  const present = await records.users.get(userId, { lock: true });
  if (present === null) throw notFound('user');
  const user = { ...requireUsable(present, instant), lastLoginInstant: instant };
  await records.users.update(user);
  await records.loginRecords.insert({ tenantId: user.tenantId, userId, applicationId, ipAddress, instant });
  const registration = registrationWith(user, applicationId);
  if (registration === null) return user;
  const used = { ...registration, lastLoginInstant: instant };
  await records.users.updateRegistration(userId, used);
  const registrations = user.registrations.map((one) => (one === registration ? used : one));
  return { ...user, registrations };
}
