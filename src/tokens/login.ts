/** Use case: a user logs in with a password. */
import { numericDate } from '../core/time.ts';
import type { Application } from '../objects/application.ts';
import type { MetaData } from '../objects/meta-data.ts';
import type { User } from '../objects/user.ts';
import { PASSWORD } from './access-token.ts';
import type { Caller } from './authenticate.ts';
import { badField, badRequest, notFound, unauthorized } from './failure.ts';
import { prepareTokens } from './issue-tokens.ts';
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

/**
 * Of a user who is not registered with the application: 202, and a token that says nothing of it.
 *
 * @param caller null: without an API key, which applications may allow
 * @throws ServiceError 400; 401 without the API key that the application asks for; 404 for an unknown user, a wrong
 *   password and a deactivated user; 410 for an account that has ended
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
  const user = await authenticatedUser(service, input, application, scope);
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
  const loggedIn = await service.store.transaction(async (records) => {
    await prepared?.record(records);
    const applicationId = application?.id ?? null;
    return await recordLogin(records, { userId: user.id, applicationId, ipAddress, instant: now });
  });
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
