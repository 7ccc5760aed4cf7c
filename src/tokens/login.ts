/** Use case: a user logs in with a password. */
import { numericDate } from '../core/time.ts';
import type { Application } from '../objects/application.ts';
import type { MetaData } from '../objects/meta-data.ts';
import type { User } from '../objects/user.ts';
import { PASSWORD } from './access-token.ts';
import type { Caller } from './authenticate.ts';
import { badField, badRequest, notFound, ServiceError, unauthorized } from './failure.ts';
import { prepareTokens } from './issue-tokens.ts';
import { lockAsSeen } from './lock-user.ts';
import { verifyPassword } from './password.ts';
import { recordLogin } from './record-login.ts';
import type { LoginResult } from './result.ts';
import type { Scope, TokenService } from './service.ts';
import { registrationWith, requireUsable } from './usable-user.ts';

export interface LoginInput {
  /** E-mail address or username, in any case. */
  readonly loginId: string;
  readonly password: string;
  readonly applicationId?: string | undefined;
  /** Of the user; without it, that of the call. */
  readonly ipAddress?: string | undefined;
  readonly metaData?: MetaData | undefined;
  readonly noJWT?: boolean | undefined;
}

/** A user who changes during the login is looked at again, and so is the password: each time at the price of a hash. */
const ATTEMPTS_MAX = 3;

/**
 * Of a user who is not registered with the application: 202, and a token that says nothing of it.
 *
 * @param caller null: without an API key, which applications may allow
 * @throws ServiceError 400; 401 without the API key that the application asks for; 404 for an unknown user, a wrong
 *   password and a deactivated user; 410 for an account that has ended; 503 where the user changes all the time
 */
export async function login(
  service: TokenService,
  input: LoginInput,
  caller: Caller | null,
  scope: Scope,
): Promise<LoginResult> {
  const application = applicationOf(service, input.applicationId, scope);
  if (caller === null && application?.loginConfiguration.requireAuthentication !== false)
    throw unauthorized('This login needs an API key');
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const user = await authenticatedUser(service, input, application, scope);
    const result = await begin(service, input, { user, application, scope });
    if (result !== null) return result;
  }
  throw new ServiceError(503, 'The user was changed during each attempt to log in');
}

interface AuthenticatedLogin {
  readonly user: User;
  readonly application: Application | null;
  readonly scope: Scope;
}

/** Null: the user has changed since the password was checked. Nothing was written. */
async function begin(
  service: TokenService,
  input: LoginInput,
  { user, application, scope }: AuthenticatedLogin,
): Promise<LoginResult | null> {
  const registration = registrationWith(user, application?.id ?? null);
  const now = service.clock();
  const ipAddress = input.ipAddress ?? scope.ipAddress;
  const request = {
    user,
    application,
    registration,
    ipAddress,
    authenticationType: PASSWORD,
    authTimeSeconds: numericDate(now),
    metaData: input.metaData ?? { device: {} },
  };
  const prepared = input.noJWT === true ? null : await prepareTokens(service, request);
  const applicationId = application?.id ?? null;
  const loggedIn = await service.store.transaction(async (records) => {
    if (!(await lockAsSeen(records, user))) return null;
    await prepared?.record(records);
    return await recordLogin(records, { userId: user.id, applicationId, ipAddress, instant: now });
  });
  if (loggedIn === null) return null;
  const status = application !== null && registration === null ? 202 : 200;
  return { user: loggedIn, status, tokens: prepared?.tokens ?? null };
}

function applicationOf(service: TokenService, id: string | undefined, scope: Scope): Application | null {
  if (id === undefined) return null;
  const application = service.catalog().applications.get(id);
  const isForeign = scope.tenantId !== null && scope.tenantId !== application?.tenantId;
  if (application?.active !== true || isForeign)
    throw badField('applicationId', 'invalid', 'There is no such application');
  return application;
}

/** An unknown user costs the same work as a wrong password, and gets the same answer (security.md T13). */
async function authenticatedUser(
  service: TokenService,
  { loginId, password }: LoginInput,
  application: Application | null,
  scope: Scope,
): Promise<User> {
  const tenantId = application?.tenantId ?? scope.tenantId ?? (await onlyTenantOf(service, loginId));
  const user = tenantId === null ? null : await findByLoginId(service, tenantId, loginId);
  const isGenuine = await verifyPassword(password, user?.passwordHash ?? null);
  if (user === null || !isGenuine) throw notFound('user with this password');
  return requireUsable(user, service.clock());
}

/** @throws ServiceError 400 where users of several tenants have this login id */
async function onlyTenantOf({ store, catalog }: TokenService, loginId: string): Promise<string | null> {
  const { tenants } = catalog();
  // Users may be left of a tenant that is gone: they stand in nobody's way.
  const [tenantId, other] = (await store.users.tenantsOf(loginId)).filter((id) => tenants.has(id));
  if (other !== undefined)
    throw badRequest('[TenantIdRequired]', 'Users of several tenants have this login id: name the tenant');
  return tenantId ?? null;
}

async function findByLoginId(
  { store: { users } }: TokenService,
  tenantId: string,
  loginId: string,
): Promise<User | null> {
  return (await users.findByEmail(tenantId, loginId)) ?? (await users.findByUsername(tenantId, loginId));
}
