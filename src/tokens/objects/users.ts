/** Use cases: users. */
import type { RegistrationBody, User, UserBody } from '../../objects/user.ts';
import { prepareForcedEnd } from '../end-sessions.ts';
import { badField, notFound } from '../failure.ts';
import { hashPassword } from '../password.ts';
import { userInForce } from '../roles-in-force.ts';
import type { Scope, TokenService } from '../service.ts';
import { DuplicateError } from '../store.ts';
import { duplicate, requireSameTenant, resolveTenantId, visible } from './catalog-object.ts';
import { newRegistration, requireRegistrable } from './registrations.ts';
import { endSessionsOf, prepareEndOf } from './user-sessions.ts';

/** @throws ServiceError 404 */
export async function readUser(
  { store, catalog }: Pick<TokenService, 'store' | 'catalog'>,
  id: string,
  scope: Pick<Scope, 'tenantId'>,
): Promise<User> {
  return userInForce(catalog(), visible(await store.users.get(id), scope));
}

/** By e-mail address or username, in any case. @throws ServiceError 400 where the tenant is not clear, 404 */
export async function findUser(
  service: TokenService,
  by: { readonly email: string } | { readonly username: string },
  scope: Pick<Scope, 'tenantId'>,
): Promise<User> {
  const { users } = service.store;
  const loginId = 'email' in by ? by.email : by.username;
  const { tenants } = service.catalog();
  // Users may be left of a tenant that is gone.
  const [found, other] = (await users.tenantsOf(loginId)).filter((tenantId) => tenants.has(tenantId));
  const wanted = scope.tenantId ?? (other === undefined ? found : undefined);
  if (found === undefined) throw notFound('user');
  const tenantId = resolveTenantId(service, wanted, scope, 'tenantId');
  const user = await ('email' in by
    ? users.findByEmail(tenantId, by.email)
    : users.findByUsername(tenantId, by.username));
  return userInForce(service.catalog(), visible(user, scope));
}

/** @throws ServiceError 400 */
export async function createUser(
  service: TokenService,
  id: string | undefined,
  body: UserBody,
  scope: Scope,
  registration: RegistrationBody | null = null,
): Promise<User> {
  requireLoginId(body);
  const tenantId = resolveTenantId(service, body.tenantId, scope, 'user.tenantId');
  const application = registration === null ? null : requireRegistrable(service, registration, tenantId);
  const registrations =
    registration === null || application === null
      ? []
      : [newRegistration(service, registration, application)];
  const user = { ...(await newUser(service, id ?? body.id, tenantId, body)), registrations };
  await namingDuplicates(() => service.store.transaction((records) => records.users.insert(user)));
  return user;
}

async function newUser(
  { clock, random }: TokenService,
  id: string | undefined,
  tenantId: string,
  { password, verified = false, ...members }: UserBody,
): Promise<User> {
  const now = clock();
  return {
    ...members,
    id: id ?? random.uuid(),
    tenantId,
    verified,
    verifiedInstant: verified ? now : null,
    insertInstant: now,
    lastUpdateInstant: now,
    lastLoginInstant: null,
    passwordHash: password === undefined ? null : await hashPassword(password),
    registrations: [],
  };
}

/**
 * `merge` makes the new members from the present ones, within the transaction, so that two changes do not undo each
 * other. The tenant cannot change, and `verifiedInstant` is set once. A new password, and what shuts the
 * user out, end sessions.
 *
 * @throws ServiceError 400, 404
 */
export async function changeUser(
  service: TokenService,
  id: string,
  scope: Scope,
  merge: (present: User) => UserBody,
): Promise<User> {
  const seen = await readUser(service, id, scope);
  const { password, active, expiry } = merge(seen);
  const isPasswordNew = password !== undefined;
  const passwordHash = isPasswordNew ? await hashPassword(password) : undefined;
  const event = await prepareEndOf(service, {
    before: seen,
    after: { ...seen, active, expiry },
    isPasswordNew,
  });
  let isEnded = false;
  const changed = await namingDuplicates(() =>
    service.store.transaction(async (records) => {
      const present = visible(await records.users.get(id, { lock: true }), scope);
      const body = merge(present);
      requireLoginId(body);
      requireSameTenant('user', present, body);
      const next = changedUser(present, body, passwordHash ?? present.passwordHash, service.clock());
      if (!(await records.users.update(next))) throw notFound('user');
      isEnded = await endSessionsOf(service, records, { before: present, after: next, isPasswordNew });
      if (isEnded) await event.record(records);
      return next;
    }),
  );
  if (isEnded) await service.revocations.refresh();
  return userInForce(service.catalog(), changed);
}

function changedUser(
  present: User,
  { password: _, verified = present.verified, ...members }: UserBody,
  passwordHash: string | null,
  now: number,
): User {
  return {
    ...members,
    id: present.id,
    tenantId: present.tenantId,
    verified,
    verifiedInstant: present.verifiedInstant ?? (verified ? now : null),
    insertInstant: present.insertInstant,
    lastUpdateInstant: now,
    lastLoginInstant: present.lastLoginInstant,
    passwordHash,
    registrations: present.registrations,
  };
}

/** With everything of it; its refresh tokens are revoked. @throws ServiceError 404 */
export async function deleteUser(service: TokenService, id: string, scope: Scope): Promise<void> {
  const user = await readUser(service, id, scope);
  const { tenantId } = user;
  const event = await prepareForcedEnd(service, { tenantId, user, application: null, refreshToken: null });
  await service.store.transaction(async (records) => {
    const { users, refreshTokens } = records;
    // No login begins a session between the revocation and the end of the user.
    visible(await users.get(id, { lock: true }), scope);
    await refreshTokens.revoke({ userId: id }, service.clock());
    await users.delete(id);
    await event.record(records);
  });
  await service.revocations.refresh();
}

function requireLoginId({ email, username }: UserBody): void {
  if (email === undefined && username === undefined)
    throw badField('user.email', 'blank', 'A user needs an e-mail address or a username');
}

async function namingDuplicates<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw error instanceof DuplicateError ? duplicate(error.what) : error;
  }
}
