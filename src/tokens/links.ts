/** Use cases: links between users and their identities at identity providers, and links that wait to be made. */
import type { IdentityProvider } from '../objects/identity-provider.ts';
import type { User } from '../objects/user.ts';
import type { Catalog } from './catalog.ts';
import { badRequest, notFound } from './failure.ts';
import { duplicate, resolveTenantId, visible } from './objects/catalog-object.ts';
import type { Scope, TokenService } from './service.ts';
import { DuplicateError, type IdentityProviderLink, type PendingLink, type Records } from './store.ts';

/** Seconds are FusionAuth's unit and value: 3600. Long enough to log in and confirm, short enough for a lost id. */
const PENDING_LINK_LIFE_MS = 3600 * 1000;
/** 256 bits: who holds the id links the identity. */
const PENDING_LINK_ID_BYTES = 32;
const PENDING_LINK_PURPOSE = 'pendingLink';

/** A link with what the answer says of its provider. */
export interface LinkView extends IdentityProviderLink {
  readonly identityProviderName: string;
  readonly identityProviderType: IdentityProvider['type'];
}

export interface NewLink {
  readonly identityProviderId: string;
  readonly identityProviderUserId: string;
  readonly userId: string;
  readonly displayName?: string | undefined;
}

/** @throws ServiceError 400 for an identity that is linked, or past the limit of links; 404 for user or provider */
export async function createLink(service: TokenService, input: NewLink, scope: Scope): Promise<LinkView> {
  const catalog = service.catalog();
  return await namingDuplicates(() =>
    service.store.transaction(async (records) => {
      const user = visible(await records.users.get(input.userId, { lock: true }), scope);
      const provider = requireProvider(catalog, input.identityProviderId, user.tenantId);
      const { identityProviderUserId, displayName = null } = input;
      return await insertLink(records, provider, user, {
        identityProviderUserId,
        displayName,
        now: service.clock(),
      });
    }),
  );
}

/** @throws ServiceError 400 for an id that is unknown, used or past; 404 for the user */
export async function completePendingLink(
  service: TokenService,
  { pendingIdPLinkId, userId }: { readonly pendingIdPLinkId: string; readonly userId: string },
  scope: Scope,
): Promise<LinkView> {
  const catalog = service.catalog();
  const lookup = service.sealer.lookup(pendingIdPLinkId, PENDING_LINK_PURPOSE);
  return await namingDuplicates(() =>
    service.store.transaction(async (records) => {
      const now = service.clock();
      const user = visible(await records.users.get(userId, { lock: true }), scope);
      const pending = await records.pendingLinks.take(lookup, now);
      if (pending === null) throw invalidPendingLink();
      if (pending.tenantId !== user.tenantId) throw notFound('user');
      const provider = requireProvider(catalog, pending.identityProviderId, user.tenantId);
      // It waited for one of this id that is gone: the same name is somebody else's there.
      if (pending.expiresInstant - PENDING_LINK_LIFE_MS < provider.insertInstant) throw invalidPendingLink();
      return await insertLink(records, provider, user, { ...pending, now });
    }),
  );
}

/** @throws ServiceError 400 for an id that is unknown, used or past */
export async function readPendingLink(
  service: TokenService,
  pendingIdPLinkId: string,
  scope: Scope,
): Promise<PendingLink> {
  const lookup = service.sealer.lookup(pendingIdPLinkId, PENDING_LINK_PURPOSE);
  const pending = await service.store.pendingLinks.get(lookup, service.clock());
  if (pending === null || (scope.tenantId !== null && pending.tenantId !== scope.tenantId))
    throw invalidPendingLink();
  return pending;
}

/** Gives back the id, which is kept as an HMAC only. */
export async function pendLink(
  service: TokenService,
  link: Omit<PendingLink, 'lookup' | 'expiresInstant'>,
): Promise<string> {
  const id = service.random.token(PENDING_LINK_ID_BYTES);
  const now = service.clock();
  await service.store.transaction(async ({ pendingLinks }) => {
    await pendingLinks.deleteEnded(now);
    await pendingLinks.insert({
      ...link,
      lookup: service.sealer.lookup(id, PENDING_LINK_PURPOSE),
      expiresInstant: now + PENDING_LINK_LIFE_MS,
    });
  });
  return id;
}

export interface LinkName {
  readonly identityProviderId: string;
  readonly identityProviderUserId: string;
  /** Where given, the link must be this user's. */
  readonly userId?: string | undefined;
}

/** @throws ServiceError 400 where the tenant is not clear, 404 */
export async function readLink(service: TokenService, name: LinkName, scope: Scope): Promise<LinkView> {
  return viewOf(service.catalog(), await findLink(service, service.store, name, scope));
}

/** @throws ServiceError 404 for the user */
export async function listLinks(
  service: TokenService,
  {
    userId,
    identityProviderId,
  }: { readonly userId: string; readonly identityProviderId?: string | undefined },
  scope: Scope,
): Promise<readonly LinkView[]> {
  visible(await service.store.users.get(userId), scope);
  const catalog = service.catalog();
  const links = await service.store.links.list(userId, identityProviderId);
  return links.map((link) => viewOf(catalog, link));
}

/** @throws ServiceError 400 where the tenant is not clear, 404 */
export async function deleteLink(service: TokenService, name: LinkName, scope: Scope): Promise<LinkView> {
  const link = await service.store.transaction(async (records) => {
    const { tenantId, identityProviderId, identityProviderUserId, ...rest } = await findLink(
      service,
      records,
      name,
      scope,
    );
    await records.links.delete(tenantId, identityProviderId, identityProviderUserId);
    return { tenantId, identityProviderId, identityProviderUserId, ...rest };
  });
  return viewOf(service.catalog(), link);
}

async function findLink(
  service: TokenService,
  records: Pick<Records, 'links' | 'users'>,
  { identityProviderId, identityProviderUserId, userId }: LinkName,
  scope: Scope,
): Promise<IdentityProviderLink> {
  const owner = userId === undefined ? null : visible(await records.users.get(userId), scope);
  const tenantId = owner?.tenantId ?? resolveTenantId(service, undefined, scope, 'tenantId');
  const link = await records.links.get(tenantId, identityProviderId, identityProviderUserId);
  if (link === null || (owner !== null && link.userId !== owner.id)) throw notFound('identityProviderLink');
  return link;
}

function requireProvider({ identityProviders }: Catalog, id: string, tenantId: string): IdentityProvider {
  const provider = identityProviders.get(id);
  if (provider === undefined || (provider.tenantId ?? tenantId) !== tenantId)
    throw notFound('identityProvider');
  return provider;
}

interface LinkedIdentity {
  readonly identityProviderUserId: string;
  readonly displayName: string | null;
  readonly now: number;
}

async function insertLink(
  records: Records,
  provider: IdentityProvider,
  user: User,
  { identityProviderUserId, displayName, now }: LinkedIdentity,
): Promise<LinkView> {
  await requireRoomForLink(records, provider, user);
  const link = {
    identityProviderId: provider.id,
    identityProviderUserId,
    tenantId: user.tenantId,
    userId: user.id,
    displayName,
    insertInstant: now,
    lastLoginInstant: null,
  };
  await records.links.insert(link);
  return { ...link, ...providerPart(provider) };
}

type LinkOwner = Pick<User, 'id' | 'tenantId'>;

/** Within the transaction that locked the user. @throws ServiceError 400 where the user has as many as the tenant allows */
async function requireRoomForLink(
  { links }: Records,
  provider: IdentityProvider,
  user: LinkOwner,
): Promise<void> {
  const maximum = maximumLinksOf(provider, user);
  if (maximum !== null && (await links.list(user.id, provider.id)).length >= maximum) throw tooManyLinks();
}

/**
 * The same for a user who was only found by an e-mail address or username. Who is known at the provider by another unique
 * id may be somebody else: addresses are given to new people. Several links are what an enabled limit allows.
 *
 * @throws ServiceError 400
 */
export async function requireRoomForFoundUser(
  { links }: Records,
  provider: IdentityProvider,
  user: LinkOwner,
  identityProviderUserId: string,
): Promise<void> {
  // Its own link may just have been made by another call.
  const others = (await links.list(user.id, provider.id)).filter(
    (link) => link.identityProviderUserId !== identityProviderUserId,
  );
  const maximum = maximumLinksOf(provider, user);
  if (maximum !== null && others.length >= maximum) throw tooManyLinks();
  if (maximum === null && others.length > 0)
    throw badRequest(
      '[ExternalAuthenticationException]ExistingUserAlreadyLinked',
      'The user is linked to another identity of the provider',
    );
}

/** Null: they are not counted. */
function maximumLinksOf({ tenantConfiguration }: IdentityProvider, { tenantId }: LinkOwner): number | null {
  const limit = tenantConfiguration[tenantId]?.limitUserLinkCount;
  return limit?.enabled === true ? limit.maximumLinks : null;
}

function tooManyLinks() {
  return badRequest('[LinkCountExceeded]', 'The user has as many links to the identity provider as allowed');
}

function viewOf({ identityProviders }: Catalog, link: IdentityProviderLink): LinkView {
  const provider = identityProviders.get(link.identityProviderId);
  return { ...link, ...providerPart(provider) };
}

/** Links of a provider that was just deleted are still read for a moment. */
function providerPart(
  provider: IdentityProvider | undefined,
): Pick<LinkView, 'identityProviderName' | 'identityProviderType'> {
  return {
    identityProviderName: provider?.name ?? '',
    identityProviderType: provider?.type ?? 'ExternalJWT',
  };
}

function invalidPendingLink() {
  return badRequest('[InvalidPendingIdPLinkId]', 'The pending link is unknown, used or expired');
}

async function namingDuplicates<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw error instanceof DuplicateError ? duplicate('identityProviderLink.identityProviderUserId') : error;
  }
}
