/**
 * Use case: a foreign token becomes a login. In order: application and provider → signature → identity → link, or what
 * the linking strategy makes of it → claim map, lambda → registration → tokens → one transaction.
 */
import type { User } from '../objects/user.ts';
import { notFound, ServiceError } from '../tokens/failure.ts';
import { pendLink } from '../tokens/links.ts';
import type { LoginResult } from '../tokens/result.ts';
import type { Scope, TokenService } from '../tokens/service.ts';
import { commitLogin } from './login-commit.ts';
import { type LoginPlan, planLogin } from './login-plan.ts';
import { type LoginRequest, openLogin, type ReconcileInput } from './login-request.ts';
import type { ForeignTokens } from './ports.ts';
import { reportReconcile } from './reconcile-report.ts';

export interface ReconcileParts {
  readonly tokens: ForeignTokens;
}

/** The identity is known and nobody's yet: who holds the id can link it, for an hour. */
export interface PendingLinkResult {
  readonly status: 232;
  readonly pendingIdPLinkId: string;
}

export type ReconcileResult = LoginResult | PendingLinkResult;

/** Logins of one user that overtake each other are planned again; so many in a row means that the store is not well. */
const ATTEMPTS_MAX = 10;

/** @throws ServiceError 400, 401, 404, 410, 500, 503 */
export async function reconcile(
  service: TokenService,
  { tokens }: ReconcileParts,
  input: ReconcileInput,
  scope: Scope,
): Promise<ReconcileResult> {
  try {
    const request = await openLogin(service, tokens, input, scope);
    const { result, decision } = await login(service, request);
    await reportReconcile(service, tokens, input, `${result.status}: ${decision}`);
    return result;
  } catch (error) {
    const reason = error instanceof ServiceError ? `${error.status}: ${error.message}` : '500';
    await reportReconcile(service, tokens, input, reason);
    throw error;
  }
}

interface Login {
  readonly result: ReconcileResult;
  /** For the event log. */
  readonly decision: string;
}

async function login(service: TokenService, request: LoginRequest): Promise<Login> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const plan = await planLogin(service, request);
    if (plan.kind === 'pend' && !request.mayPend) throw notFound('link, and none can be pending');
    if (plan.kind === 'pend') return await pend(service, request);
    const user = await commitLogin(service, request, plan);
    if (user !== null) return loginOf(plan, user);
  }
  throw new ServiceError(503, 'The user changed each time before the login could be written');
}

function loginOf({ registration, prepared, basis, makesLink }: LoginPlan, user: User): Login {
  const who = basis.user === null ? 'made user' : 'found user';
  return {
    result: { user, status: registration === null ? 202 : 200, tokens: prepared?.tokens ?? null },
    decision: `${who} ${user.id}${makesLink ? ', linked' : ''}${registration === null ? ', not registered' : ''}`,
  };
}

async function pend(
  service: TokenService,
  { application, provider, identity }: LoginRequest,
): Promise<Login> {
  const pendingIdPLinkId = await pendLink(service, {
    identityProviderId: provider.id,
    identityProviderUserId: identity.uniqueId,
    tenantId: application.tenantId,
    displayName: identity.username ?? identity.email,
    email: identity.email,
    username: identity.username,
  });
  return { result: { status: 232, pendingIdPLinkId }, decision: 'no link, one is pending' };
}
