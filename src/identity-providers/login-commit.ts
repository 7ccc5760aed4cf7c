/** Writes a planned login as a whole, or finds that what it was planned from has changed. */
import type { User } from '../objects/user.ts';
import type { LinkedUser } from '../tokens/linked-login.ts';
import { requireRoomForFoundUser } from '../tokens/links.ts';
import { lockAsSeen } from '../tokens/lock-user.ts';
import { recordLogin } from '../tokens/record-login.ts';
import type { TokenService } from '../tokens/service.ts';
import { DuplicateError, type IdentityProviderLink, type Records } from '../tokens/store.ts';
import { registrationWith, requireUsable } from '../tokens/usable-user.ts';
import type { LoginPlan } from './login-plan.ts';
import type { LoginRequest } from './login-request.ts';

/**
 * The user as the login leaves it. Null: it must be planned again, nothing was written.
 *
 * @throws ServiceError 400 past the limit of links; 404, 410
 */
export async function commitLogin(
  service: TokenService,
  request: LoginRequest,
  plan: LoginPlan,
): Promise<User | null> {
  const { linked } = plan.basis;
  try {
    return linked === null || !leavesAllAsItIs(plan)
      ? await writeLogin(service, request, plan)
      : await touchLogin(service, request, plan, linked);
  } catch (error) {
    // Someone else made the same user, registration or link first: the next plan finds it.
    if (error instanceof DuplicateError) return null;
    throw error;
  }
}

/** But for the instants of the login. Whom it leaves without a registration is looked at under the lock. */
function leavesAllAsItIs({ basis, changesUser, registration }: LoginPlan): boolean {
  return !changesUser && registration !== null && basis.user?.registrations.includes(registration) === true;
}

/** The way of nearly every login: nothing is read again, the store compares what was seen. */
async function touchLogin(
  { store, clock }: TokenService,
  { ipAddress }: LoginRequest,
  { user, registration, prepared }: LoginPlan,
  linked: LinkedUser,
): Promise<User | null> {
  const instant = clock();
  const login = { linked, ipAddress, instant, refreshToken: prepared?.refreshToken ?? null };
  requireUsable(user, instant);
  if (!(await store.logins.record(login))) return null;
  const registrations = user.registrations.map((one) =>
    one === registration ? { ...one, lastLoginInstant: instant } : one,
  );
  return { ...user, registrations, lastLoginInstant: instant };
}

async function writeLogin(
  { store, clock }: TokenService,
  request: LoginRequest,
  plan: LoginPlan,
): Promise<User | null> {
  const { application, ipAddress } = request;
  return await store.transaction(async (records) => {
    if (!(await holds(records, request, plan))) return null;
    const instant = clock();
    await writeUser(records, plan);
    await writeLink(records, request, plan, instant);
    await plan.prepared?.record(records);
    const login = { userId: plan.user.id, applicationId: application.id, ipAddress, instant };
    return await recordLogin(records, login);
  });
}

/** Locks the user, so that nothing changes between this look and the end of the transaction. */
async function holds(records: Records, request: LoginRequest, { basis }: LoginPlan): Promise<boolean> {
  if (basis.user === null) return true;
  if (!(await lockAsSeen(records, basis.user))) return false;
  return basis.linked === null || (await isStillLinked(records, request, basis.linked.link));
}

async function isStillLinked(
  { links }: Records,
  { application, provider, identity }: LoginRequest,
  { userId }: IdentityProviderLink,
): Promise<boolean> {
  const link = await links.get(application.tenantId, provider.id, identity.uniqueId);
  return link?.userId === userId;
}

async function writeUser({ users }: Records, plan: LoginPlan): Promise<void> {
  const { basis, user, registration } = plan;
  if (basis.user === null) return await users.insert(user);
  if (plan.changesUser) await users.update(user);
  if (registration === null) return;
  const before = registrationWith(basis.user, registration.applicationId);
  if (before === null) await users.insertRegistration(user.id, registration);
  else if (before !== registration) await users.updateRegistration(user.id, registration);
}

async function writeLink(
  records: Records,
  { provider, identity }: LoginRequest,
  { basis, makesLink, user }: LoginPlan,
  now: number,
): Promise<void> {
  if (basis.linked !== null) await records.links.touch(basis.linked.link, now);
  if (!makesLink) return;
  if (basis.user !== null) await requireRoomForFoundUser(records, provider, basis.user, identity.uniqueId);
  const isAnonymous = provider.linkingStrategy === 'LinkAnonymously';
  await records.links.insert({
    identityProviderId: provider.id,
    identityProviderUserId: identity.uniqueId,
    tenantId: user.tenantId,
    userId: user.id,
    displayName: isAnonymous ? null : (identity.username ?? identity.email),
    insertInstant: now,
    lastLoginInstant: now,
  });
}
