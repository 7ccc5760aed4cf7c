/** A user as claims: what the token service knows of someone, under the names that WSO2's dialect has for them. */
import type { Json } from '../core/json.ts';
import type { User } from '../objects/user.ts';
import type { Catalog } from './catalog.ts';
import type { Records } from './store.ts';

/** Fields of a user, and their local names in the dialect http://wso2.org/claims. */
const CLAIM_OF_FIELD = [
  ['email', 'emailaddress'],
  ['username', 'username'],
  ['firstName', 'givenname'],
  ['middleName', 'middleName'],
  ['lastName', 'lastname'],
  ['fullName', 'fullname'],
  ['birthDate', 'dob'],
  ['mobilePhone', 'mobile'],
  ['imageUrl', 'photourl'],
  ['timezone', 'timeZone'],
] as const;

/**
 * Fields of the user, then `user.data`, then `registration.data` of the application: the nearer one wins. Bare names;
 * the assertion puts the dialect before them.
 *
 * @param applicationId null: nothing of a registration
 */
export function userAttributes(user: User, applicationId: string | null): ReadonlyMap<string, Json> {
  const registration = user.registrations.find((one) => one.applicationId === applicationId);
  const fields = CLAIM_OF_FIELD.flatMap(([field, claim]): [string, Json][] => {
    const value = user[field] ?? null;
    return value === null ? [] : [[claim, value]];
  });
  return new Map([...fields, ...Object.entries(user.data), ...Object.entries(registration?.data ?? {})]);
}

export interface SubjectQuery {
  /** Of the caller's token. */
  readonly subject: string;
  /** True: the subject is the id of one of our users. */
  readonly isUserId: boolean;
  readonly applicationId: string | null;
}

/**
 * The attributes of a caller; null where nobody is known by that name. Subjects of other issuers are usernames, or
 * e-mail addresses, of the only tenant: WSO2's user store, in front of which those issuers stand. With several tenants
 * a bare name says nothing, so nobody is known by one; nor by a name that is the username of one and the address of
 * another.
 */
export async function attributesOfSubject(
  { users }: Pick<Records, 'users'>,
  { tenants }: Pick<Catalog, 'tenants'>,
  { subject, isUserId, applicationId }: SubjectQuery,
): Promise<ReadonlyMap<string, Json> | null> {
  const [tenantId] = tenants.size === 1 ? tenants.keys() : [];
  const named = async () => (tenantId === undefined ? null : await onlyNamed(users, tenantId, subject));
  const user = isUserId ? await users.get(subject) : await named();
  return user === null || !user.active ? null : userAttributes(user, applicationId);
}

async function onlyNamed(users: Records['users'], tenantId: string, name: string): Promise<User | null> {
  const byUsername = await users.findByUsername(tenantId, name);
  const byEmail = await users.findByEmail(tenantId, name);
  const isAmbiguous = byUsername !== null && byEmail !== null && byUsername.id !== byEmail.id;
  return isAmbiguous ? null : (byUsername ?? byEmail);
}
