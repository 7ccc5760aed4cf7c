/** What all configuration objects share: who may see them, how they are stored, and that those of the file are fixed. */
import type { User } from '../../objects/user.ts';
import type { Stamped } from '../../objects/values.ts';
import type { Catalog, CatalogKind, CatalogMaps, CatalogObjects } from '../catalog.ts';
import { badField, badRequest, notFound, ServiceError } from '../failure.ts';
import type { Scope, TokenService } from '../service.ts';
import { DuplicateError, type Records, type UniqueName } from '../store.ts';

/** `application` of `applications`: the member that holds the object in requests and answers. */
const FIELDS: Readonly<Record<CatalogKind, string>> = {
  tenants: 'tenant',
  applications: 'application',
  keys: 'key',
  identityProviders: 'identityProvider',
  lambdas: 'lambda',
  apiKeys: 'apiKey',
  webhooks: 'webhook',
};

export function fieldOf(kind: CatalogKind): string {
  return FIELDS[kind];
}

/** The tenant an object belongs to; null: to none, or to all. */
function tenantOf<Kind extends CatalogKind>(kind: Kind, object: CatalogObjects[Kind]): string | null {
  if (kind === 'tenants') return object.id;
  return 'tenantId' in object ? (object.tenantId ?? null) : null;
}

/** Objects of another tenant do not exist for the call; objects of no tenant do. */
export function isVisible<Kind extends CatalogKind>(
  kind: Kind,
  object: CatalogObjects[Kind],
  { tenantId }: Pick<Scope, 'tenantId'>,
): boolean {
  const owner = tenantOf(kind, object);
  return tenantId === null || owner === null || owner === tenantId;
}

/** @throws ServiceError 404 */
export function readObject<Kind extends CatalogKind>(
  service: TokenService,
  kind: Kind,
  id: string,
  scope: Pick<Scope, 'tenantId'>,
): CatalogObjects[Kind] {
  const object = objectsOf(service.catalog(), kind).get(id);
  if (object === undefined || !isVisible(kind, object, scope)) throw notFound(fieldOf(kind));
  return object;
}

/** Users of another tenant do not exist for the call. @throws ServiceError 404 */
export function visible(user: User | null, { tenantId }: Pick<Scope, 'tenantId'>): User {
  if (user === null || (tenantId !== null && user.tenantId !== tenantId)) throw notFound('user');
  return user;
}

/**
 * For a change: what all tenants share is not changed by a call that is bound to one of them.
 *
 * @throws ServiceError 404
 */
export function readOwned<Kind extends CatalogKind>(
  service: TokenService,
  kind: Kind,
  id: string,
  scope: Pick<Scope, 'tenantId'>,
): CatalogObjects[Kind] {
  const object = readObject(service, kind, id, scope);
  if (scope.tenantId !== null && tenantOf(kind, object) === null) throw notFound(fieldOf(kind));
  return object;
}

/** By time of creation, then id, so that pages are stable. */
export function listObjects<Kind extends CatalogKind>(
  service: TokenService,
  kind: Kind,
  scope: Pick<Scope, 'tenantId'>,
): readonly CatalogObjects[Kind][] {
  return [...objectsOf(service.catalog(), kind).values()]
    .filter((object) => isVisible(kind, object, scope))
    .toSorted((a, b) => a.insertInstant - b.insertInstant || (a.id < b.id ? -1 : 1));
}

export function objectsOf<Kind extends CatalogKind>(
  catalog: CatalogMaps,
  kind: Kind,
): ReadonlyMap<string, CatalogObjects[Kind]> {
  return catalog[kind];
}

/** Stamps of a new object that comes through the API. */
export function newStamps({ clock, random }: TokenService, id: string | undefined): Stamped {
  const now = clock();
  return { id: id ?? random.uuid(), insertInstant: now, lastUpdateInstant: now, source: 'API' };
}

/** Stamps of what takes the place of an object. */
export function nextStamps({ clock }: TokenService, { id, insertInstant, source }: Stamped): Stamped {
  return { id, insertInstant, lastUpdateInstant: clock(), source };
}

/** What goes with a change of an object, in the same transaction. */
export interface Alongside {
  /** `catalog` is as it is until the end of the transaction: what is found in order in it stays so. */
  before?(records: Records, catalog: Catalog): void | Promise<void>;
  after?(records: Records): Promise<void>;
}

/** The catalog within the transaction, at whose end others may change it again. */
export async function lockedCatalog(
  { catalog }: Pick<TokenService, 'catalog'>,
  records: Pick<Records, 'catalog'>,
): Promise<Catalog> {
  await records.catalog.lock();
  const known = catalog();
  const isCurrent = (await records.catalog.revision()) === known.revision;
  return isCurrent ? known : await records.catalog.load();
}

/** @throws ServiceError 400 for an id or name that something else has */
export async function insertObject<Kind extends CatalogKind>(
  service: TokenService,
  kind: Kind,
  object: CatalogObjects[Kind],
  names: readonly UniqueName[],
  { before, after }: Alongside = {},
): Promise<CatalogObjects[Kind]> {
  const insert = async (records: Records) => {
    await before?.(records, await lockedCatalog(service, records));
    await records.catalog.insert(kind, object, names);
    await after?.(records);
  };
  await namingDuplicates(kind, () => service.store.transaction(insert));
  await service.refreshCatalog();
  return object;
}

/**
 * Takes the place of the object that this process knows, of which the new one was made: a change that it does not know
 * is not undone.
 *
 * @throws ServiceError 400 for a name that something else has, or an object of the file; 404 where it is gone; 409 where
 *   it was changed meanwhile
 */
export async function updateObject<Kind extends CatalogKind>(
  service: TokenService,
  kind: Kind,
  object: CatalogObjects[Kind],
  names: readonly UniqueName[],
  { before, after }: Alongside = {},
): Promise<CatalogObjects[Kind]> {
  requireChangeable(kind, object);
  const seen = objectsOf(service.catalog(), kind).get(object.id);
  const update = async (records: Records) => {
    await before?.(records, await lockedCatalog(service, records));
    const isThere = await records.catalog.update(kind, object, names, seen);
    if (isThere) await after?.(records);
    return isThere;
  };
  const isDone = await namingDuplicates(kind, () => service.store.transaction(update));
  await service.refreshCatalog();
  if (isDone) return object;
  if (!objectsOf(service.catalog(), kind).has(object.id)) throw notFound(fieldOf(kind));
  throw changedMeanwhile(kind);
}

function changedMeanwhile(kind: CatalogKind): ServiceError {
  const entry = { code: `[changed]${fieldOf(kind)}`, message: 'It was changed meanwhile: read it again' };
  return new ServiceError(409, entry.message, { generalErrors: [entry] });
}

/**
 * `before`: what must go with the object, and what it must not be used for.
 *
 * @throws ServiceError 404, 400 for an object of the file
 */
export async function deleteObject<Kind extends CatalogKind>(
  service: TokenService,
  kind: Kind,
  object: CatalogObjects[Kind],
  before: NonNullable<Alongside['before']> = () => {},
): Promise<void> {
  requireChangeable(kind, object);
  const isDeleted = await service.store.transaction(async (records) => {
    await before(records, await lockedCatalog(service, records));
    return await records.catalog.delete(kind, object.id);
  });
  if (!isDeleted) throw notFound(fieldOf(kind));
  await service.refreshCatalog();
}

/** The file is read again at the next start: a change through the API would not last. @throws ServiceError 400 */
export function requireChangeable(kind: CatalogKind, { source }: Stamped): void {
  if (source === 'Config')
    throw badRequest(
      `[readOnly]${fieldOf(kind)}`,
      'It is declared in the configuration file; change it there',
    );
}

async function namingDuplicates<T>(kind: CatalogKind, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof DuplicateError)) throw error;
    throw duplicate(error.what === `${kind}.id` ? `${fieldOf(kind)}.id` : error.what);
  }
}

/**
 * What is of a tenant stays there. Where the body names none, it means that one.
 *
 * @param field `user` of `user.tenantId`
 * @throws ServiceError 400
 */
export function requireSameTenant(
  field: string,
  { tenantId }: { readonly tenantId: string },
  body: { readonly tenantId?: string | undefined },
): void {
  if ((body.tenantId ?? tenantId) !== tenantId)
    throw badField(`${field}.tenantId`, 'invalid', 'The tenant cannot change');
}

export function duplicate(field: string): ServiceError {
  return badField(field, 'duplicate', 'Something else has it already');
}

/**
 * The tenant of a new object: the one it names, else the one the call is bound to, else the only one.
 *
 * @throws ServiceError 400
 */
export function resolveTenantId(
  service: TokenService,
  wanted: string | null | undefined,
  scope: Pick<Scope, 'tenantId'>,
  field: string,
): string {
  const { tenants } = service.catalog();
  const [only] = tenants.size === 1 ? tenants.keys() : [];
  const id = wanted ?? scope.tenantId ?? only;
  if (id === undefined)
    throw badRequest('[TenantIdRequired]', 'There are several tenants: name one by X-FusionAuth-TenantId');
  if (!tenants.has(id) || (scope.tenantId !== null && scope.tenantId !== id))
    throw badField(field, 'invalid', 'There is no such tenant');
  return id;
}
