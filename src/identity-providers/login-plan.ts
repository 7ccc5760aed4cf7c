/**
 * What a login by a foreign token will do, worked out before anything is written: whom it finds or makes, what claims
 * and lambda make of them, the tokens it gives. Slow things happen here, so that the transaction holds no lock for them.
 */
import { isDeepStrictEqual } from 'node:util';
import { numericDate } from '../core/time.ts';
import type { Application } from '../objects/application.ts';
import type { IdentityProvider } from '../objects/identity-provider.ts';
import type { Registration, User } from '../objects/user.ts';
import { FEDERATED_JWT } from '../tokens/access-token.ts';
import { notFound } from '../tokens/failure.ts';
import { type PreparedTokens, prepareTokens } from '../tokens/issue-tokens.ts';
import type { LinkedUser } from '../tokens/linked-login.ts';
import { newRegistration } from '../tokens/objects/registrations.ts';
import type { ReconciledUser } from '../tokens/ports.ts';
import type { TokenService } from '../tokens/service.ts';
import { registrationWith, requireUsable } from '../tokens/usable-user.ts';
import { applyClaimMap } from './claim-map.ts';
import { decideLink, type LoginId, loginIdOf } from './linking.ts';
import type { LoginRequest } from './login-request.ts';

/** What the plan was made from. It holds only while the store still says the same. */
export interface Basis {
  /** Null: no link was found, or none is looked for. */
  readonly linked: LinkedUser | null;
  /** That of the link, if there is one. Null: nobody was found, and the plan makes the user. */
  readonly user: User | null;
}

export interface LoginPlan {
  readonly kind: 'login';
  readonly basis: Basis;
  readonly makesLink: boolean;
  /** As it will be, registrations included; only the instants of the login itself are not in it yet. */
  readonly user: User;
  /** False: the user is found as it will be, its registrations aside. */
  readonly changesUser: boolean;
  /** As it will be; null: the user is not registered with the application, and does not become so. */
  readonly registration: Registration | null;
  readonly prepared: PreparedTokens | null;
}

export type Plan = LoginPlan | { readonly kind: 'pend' };

/** @throws ServiceError 400, 401, 404, 410, 500 */
export async function planLogin(service: TokenService, request: LoginRequest): Promise<Plan> {
  const found = await findUser(service, request);
  if (found === null) return { kind: 'pend' };
  const { basis } = found;
  const before = requireUsable(basis.user ?? newUser(service, request, found.loginId), service.clock());
  const { user, changesUser, registration } = await shapedUser(service, request, before);
  const prepared = request.givesTokens ? await tokensFor(service, request, user, registration) : null;
  const makesLink = basis.linked === null && !isFoundByEmailAlone(request.provider);
  return { kind: 'login', basis, makesLink, user, changesUser, registration, prepared };
}

interface Found {
  readonly basis: Basis;
  /** Of a user who is to be made. */
  readonly loginId: LoginId | null;
}

/** Null: the link is to be made by someone else. */
async function findUser({ store }: TokenService, request: LoginRequest): Promise<Found | null> {
  const { provider, application, identity, mayLink } = request;
  const linked = isFoundByEmailAlone(provider)
    ? null
    : await store.logins.find(application.tenantId, provider.id, identity.uniqueId, application.id);
  if (linked !== null) return { basis: { linked, user: linked.user }, loginId: null };
  if (!mayLink && !isFoundByEmailAlone(provider)) throw notFound('link, and none may be made');
  return await findUnlinked(store, request);
}

async function findUnlinked(
  { users }: TokenService['store'],
  { provider, application, identity, mayLink }: LoginRequest,
): Promise<Found | null> {
  const loginId = loginIdOf(provider.linkingStrategy, identity);
  const user =
    loginId === null
      ? null
      : await ('email' in loginId
          ? users.findByEmail(application.tenantId, loginId.email)
          : users.findByUsername(application.tenantId, loginId.username));
  const decision = decideLink(provider.linkingStrategy, loginId, user);
  if (decision.kind === 'pend') return null;
  if (decision.kind === 'create' && !mayLink) throw notFound('user, and none may be made');
  return { basis: { linked: null, user: decision.kind === 'link' ? decision.user : null }, loginId };
}

/** As before links: the address says each time who it is, and no link is kept. */
function isFoundByEmailAlone({ uniqueIdentityClaim, linkingStrategy }: IdentityProvider): boolean {
  return typeof uniqueIdentityClaim === 'string' && linkingStrategy.startsWith('LinkByEmail');
}

function newUser(
  { clock, random }: TokenService,
  { application, identity }: LoginRequest,
  loginId: LoginId | null,
): User {
  const now = clock();
  const verified = loginId !== null && 'email' in loginId && identity.isEmailVerified === true;
  return {
    ...loginId,
    id: random.uuid(),
    tenantId: application.tenantId,
    active: true,
    data: {},
    verified,
    verifiedInstant: verified ? now : null,
    insertInstant: now,
    lastUpdateInstant: now,
    lastLoginInstant: null,
    passwordHash: null,
    registrations: [],
  };
}

async function shapedUser(
  service: TokenService,
  request: LoginRequest,
  before: User,
): Promise<Pick<LoginPlan, 'user' | 'changesUser' | 'registration'>> {
  const { application, provider } = request;
  const present = registrationWith(before, application.id);
  const registers =
    present !== null || provider.applicationConfiguration[application.id]?.createRegistration === true;
  const start = { user: before, registration: present ?? blankRegistration(service, application) };
  const shaped = await shape(service, request, start);
  const now = service.clock();
  const registration = registers ? stamped(start.registration, shaped.registration, now) : null;
  const others = before.registrations.filter((one) => one !== present);
  const registrations = registration === null ? others : [...others, registration];
  const user = stamped(before, shaped.user, now);
  return { user: { ...user, registrations }, changesUser: user !== before, registration };
}

/** Also for who is not registered and will not be: a lambda finds something to write to. */
function blankRegistration(service: TokenService, application: Application): Registration {
  return newRegistration(service, { applicationId: application.id, data: {} }, application);
}

async function shape(
  { lambdas }: TokenService,
  { catalog, application, provider, claims }: LoginRequest,
  before: ReconciledUser,
): Promise<ReconciledUser> {
  const mapped = applyClaimMap(provider, claims, before);
  const lambdaId = provider.lambdaConfiguration.reconcileId ?? null;
  const isDisabled = catalog.lambdas.get(lambdaId ?? '')?.enabled === false;
  if (lambdaId === null || isDisabled || provider.linkingStrategy === 'LinkAnonymously') return mapped;
  return await lambdas.reconcile(lambdaId, { ...mapped, claims, application });
}

/** The very same object where nothing changed: instants are too coarse to tell. */
function stamped<Owner extends User | Registration>(before: Owner, after: Owner, now: number): Owner {
  return isDeepStrictEqual(before, after) ? before : { ...after, lastUpdateInstant: now };
}

async function tokensFor(
  service: TokenService,
  { application, metaData, ipAddress }: LoginRequest,
  user: User,
  registration: Registration | null,
): Promise<PreparedTokens> {
  return await prepareTokens(service, {
    user,
    application,
    registration,
    authenticationType: FEDERATED_JWT,
    authTimeSeconds: numericDate(service.clock()),
    metaData,
    ipAddress,
  });
}
