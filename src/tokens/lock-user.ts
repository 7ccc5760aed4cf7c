/** The lock that everything takes first that changes a user or begins a session of one. */
import { isDeepStrictEqual } from 'node:util';
import type { User } from '../objects/user.ts';
import type { Records } from './store.ts';

/**
 * Until the end of the transaction nobody changes the user. First in it: whoever held a token of the user already would
 * wait for the user, while who holds the user waits for the token.
 *
 * @returns false where the user is gone, or changed since it was seen: what was planned from it may not be written
 */
export async function lockAsSeen({ users }: Pick<Records, 'users'>, seen: User): Promise<boolean> {
  const present = await users.get(seen.id, { lock: true });
  return present !== null && isDeepStrictEqual(withoutLogins(present), withoutLogins(seen));
}

/** Other logins of the user change nothing that anything is planned from. */
function withoutLogins({ lastLoginInstant: _, registrations, ...user }: User): object {
  return { ...user, registrations: registrations.map(({ lastLoginInstant: __, ...rest }) => rest) };
}
