/** Makes the store hold what the configuration file declares: new objects in, changed ones over, dropped ones out. */

import { uuidFromHex } from '../objects/derived-id.ts';
import type { Key } from '../objects/key.ts';
import type { Seed, SeedApiKey } from '../objects/seed.ts';
import type { Stamped } from '../objects/values.ts';
import type { Catalog, CatalogKind, CatalogMaps, CatalogObjects } from './catalog.ts';
import { ServiceError } from './failure.ts';
import { apiKeyNames, hashApiKey } from './objects/api-keys.ts';
import { applicationNames, checkApplication } from './objects/applications.ts';
import { fieldOf, objectsOf } from './objects/catalog-object.ts';
import { type CheckProvider, providerNames } from './objects/identity-providers.ts';
import { keyBody, keyContext, keyNames } from './objects/keys.ts';
import { recordSigners } from './objects/signers.ts';
import { checkTenant, tenantNames } from './objects/tenants.ts';
import { checkWebhook, sealed, webhookPasswordContext } from './objects/webhooks.ts';
import type { Sealer } from './ports.ts';
import {
  finishRemovals,
  removeRestOf,
  removeStale,
  requireUnused,
  type StaleObject,
  staleObjects,
} from './seed-removal.ts';
import type { TokenService } from './service.ts';
import { DuplicateError, type Records, type UniqueName } from './store.ts';

type SeedService = Pick<TokenService, 'store' | 'sealer' | 'keys' | 'clock'>;

/** An object as the file wants it. */
interface Wanted<Kind extends CatalogKind> {
  readonly kind: Kind;
  readonly id: string;
  readonly names: readonly UniqueName[];
  /** What is there already stays: it was made here, and cannot be made again. */
  readonly isMadeOnce?: boolean;
  /** `old`: what it takes the place of. */
  stamped(stamps: Omit<Stamped, 'id'>, old?: CatalogObjects[Kind]): CatalogObjects[Kind];
  /** @throws ServiceError where what it refers to is not in order */
  check(catalog: Catalog): void;
}

/** The same without its kind's types, so that one list holds them all. */
interface AnyWanted extends Pick<Wanted<CatalogKind>, 'kind' | 'id' | 'check'> {
  put(records: Records, present: CatalogMaps, service: SeedService): Promise<void>;
}

function any<Kind extends CatalogKind>(wanted: Wanted<Kind>): AnyWanted {
  return { ...wanted, put: (records, present, service) => put(records, present, wanted, service) };
}

/**
 * In one transaction. Objects that did not change are not touched, so that a restart is no change.
 *
 * @throws ServiceError whose message names the object and the mistake; nothing was changed
 */
export async function seedCatalog(
  service: SeedService,
  seed: Seed,
  checkProvider: CheckProvider,
): Promise<void> {
  const { keys } = await service.store.catalog.load();
  const wanted = await wantedObjects(service, seed, keys, checkProvider);
  const stale = await service.store.transaction(async (records) => {
    await records.catalog.lock();
    const present = await records.catalog.load();
    const dropped = staleObjects(present, wanted);
    await removeStale(records, present, dropped, service.clock());
    await finishRemovals(records, present, wanted, service.clock());
    for (const one of wanted) await one.put(records, present, service);
    await recordSigners(records);
    checkAll(await records.catalog.load(), wanted, dropped);
    return dropped;
  });
  await removeRestOf(service, stale);
}

/** In the order in which they name each other. */
async function wantedObjects(
  service: SeedService,
  seed: Seed,
  keys: Catalog['keys'],
  checkProvider: CheckProvider,
): Promise<readonly AnyWanted[]> {
  const wantedKeys = seed.keys.map(async (key) => any(await wantedKey(service, key, keys.get(key.id))));
  return [
    ...(await Promise.all(wantedKeys)),
    ...seed.lambdas.map((lambda) => any(wantedLambda(lambda))),
    ...seed.tenants.map((tenant) => any(wantedTenant(tenant))),
    ...seed.applications.map((application) => any(wantedApplication(application, seed))),
    ...seed.identityProviders.map((provider) => any(wantedProvider(provider, checkProvider))),
    ...seed.webhooks.map((webhook) => any(wantedWebhook(service, webhook))),
    ...seed.apiKeys.map((entry) => any(wantedApiKey(service, entry))),
  ];
}

const NO_CHECK = (): void => {};

async function wantedKey(
  service: SeedService,
  key: Seed['keys'][number],
  present: Key | undefined,
): Promise<Wanted<'keys'>> {
  const { id, name, kid, algorithm, ...given } = key;
  const isMadeOnce = Object.values(given).every((text) => text === undefined);
  // Making one that is not used would cost every start and reload a key pair.
  if (isMadeOnce && present !== undefined) return keptKey(present);
  const material = await naming(`key ${name}`, () =>
    isMadeOnce ? service.keys.generate(algorithm ?? 'RS256') : service.keys.read(given, algorithm),
  );
  // The kid of a secret is random: its id stands for it, so that every start gives the same one.
  const named = { name, kid: kid ?? (material.publicKey === null ? id : material.kid) };
  const body = keyBody(service.sealer, id, named, material);
  const stamped = (stamps: Omit<Stamped, 'id'>, old?: Key) => ({
    ...body,
    ...recordOf(body, old),
    id,
    ...stamps,
  });
  return { kind: 'keys', id, names: keyNames(body), isMadeOnce, stamped, check: NO_CHECK };
}

/** Another pair under the same id has signed nothing yet. */
function recordOf({ publicKey }: Pick<Key, 'publicKey'>, old: Key | undefined): Pick<Key, 'signedFor'> {
  if (old?.signedFor === undefined || old.publicKey !== publicKey) return {};
  return { signedFor: old.signedFor };
}

function keptKey(key: Key): Wanted<'keys'> {
  const stamped = (stamps: Omit<Stamped, 'id'>) => ({ ...key, ...stamps });
  return { kind: 'keys', id: key.id, names: keyNames(key), isMadeOnce: true, stamped, check: NO_CHECK };
}

function wantedLambda(lambda: Seed['lambdas'][number]): Wanted<'lambdas'> {
  const stamped = (stamps: Omit<Stamped, 'id'>) => ({ ...lambda, ...stamps });
  return { kind: 'lambdas', id: lambda.id, names: [], stamped, check: NO_CHECK };
}

function wantedTenant(tenant: Seed['tenants'][number]): Wanted<'tenants'> {
  return {
    kind: 'tenants',
    id: tenant.id,
    names: tenantNames(tenant),
    stamped: (stamps) => ({ ...tenant, ...stamps }),
    check: (catalog) => checkTenant(catalog, tenant),
  };
}

function wantedApplication(entry: Seed['applications'][number], { tenants }: Seed): Wanted<'applications'> {
  const tenantId = entry.tenantId ?? (tenants.length === 1 ? tenants[0]?.id : undefined);
  if (tenantId === undefined)
    throw new ServiceError(400, `application ${entry.name}: which of several tenants has it? Say tenantId`);
  const application = { ...entry, tenantId };
  return {
    kind: 'applications',
    id: entry.id,
    names: applicationNames(application),
    stamped: (stamps) => ({ ...application, ...stamps }),
    check: (catalog) => checkApplication(catalog, application),
  };
}

function wantedProvider(
  provider: Seed['identityProviders'][number],
  check: CheckProvider,
): Wanted<'identityProviders'> {
  const stamped = (stamps: Omit<Stamped, 'id'>) => ({ ...provider, ...stamps });
  return {
    kind: 'identityProviders',
    id: provider.id,
    names: providerNames(provider),
    stamped,
    check: (catalog) => check(catalog, catalog.identityProviders.get(provider.id) ?? stamped(UNSTAMPED)),
  };
}

const UNSTAMPED: Omit<Stamped, 'id'> = { insertInstant: 0, lastUpdateInstant: 0, source: 'Config' };

function wantedWebhook(service: SeedService, entry: Seed['webhooks'][number]): Wanted<'webhooks'> {
  const { id } = entry;
  const webhook = { ...sealed(service, id, entry), id };
  return {
    kind: 'webhooks',
    id,
    names: [],
    stamped: (stamps) => ({ ...webhook, ...stamps }),
    check: (catalog) => checkWebhook(catalog, entry),
  };
}

function wantedApiKey(service: SeedService, { key, ...entry }: SeedApiKey): Wanted<'apiKeys'> {
  const keyHash = hashApiKey(service, key);
  const id = entry.id ?? uuidFromHex(Buffer.from(keyHash, 'base64url').toString('hex'));
  const apiKey = { ...entry, id, tenantId: entry.tenantId ?? null, keyHash };
  const stamped = (stamps: Omit<Stamped, 'id'>) => ({ ...apiKey, ...stamps });
  return { kind: 'apiKeys', id, names: apiKeyNames(apiKey), stamped, check: NO_CHECK };
}

async function put<Kind extends CatalogKind>(
  { catalog }: Records,
  present: CatalogMaps,
  { kind, id, names, stamped, isMadeOnce = false }: Wanted<Kind>,
  { clock, sealer }: SeedService,
): Promise<void> {
  const old = objectsOf(present, kind).get(id);
  if (isMadeOnce && old !== undefined) return;
  const now = clock();
  const stamps = {
    insertInstant: old?.insertInstant ?? now,
    lastUpdateInstant: now,
    source: 'Config',
  } as const;
  const next = stamped(stamps, old);
  if (old !== undefined && old.source === 'Config' && isSame(kind, old, next, sealer)) return;
  await naming(`${fieldOf(kind)} ${id}`, async () => {
    if (old === undefined) await catalog.insert(kind, next, names);
    else await catalog.update(kind, next, names);
  });
}

/** Sealing one text twice gives two texts: what is compared is what was sealed. */
function isSame(kind: CatalogKind, old: object, wanted: object, sealer: Sealer): boolean {
  return canonical(revealed(kind, old, sealer)) === canonical(revealed(kind, wanted, sealer));
}

function revealed(kind: CatalogKind, object: object, sealer: Sealer): object {
  const id = 'id' in object ? String(object.id) : '';
  const open = (text: unknown, context: string) =>
    typeof text === 'string' ? sealer.open(text, context) : text;
  if (kind === 'keys' && 'sealedPrivateKey' in object)
    return { ...object, sealedPrivateKey: open(object.sealedPrivateKey, keyContext(id)) };
  if (kind === 'webhooks' && 'httpAuthenticationPassword' in object) {
    const password = open(object.httpAuthenticationPassword, webhookPasswordContext(id));
    return { ...object, httpAuthenticationPassword: password };
  }
  return object;
}

const STAMPS: ReadonlySet<string> = new Set(['insertInstant', 'lastUpdateInstant', 'source']);

/** JSON with members in order, without stamps. */
function canonical(object: object): string {
  return JSON.stringify(object, (key, value: unknown) => {
    if (STAMPS.has(key)) return undefined;
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isMap ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))) : value;
  });
}

/** References are checked against the whole: the file may name what came through the API. */
function checkAll(catalog: Catalog, wanted: readonly AnyWanted[], stale: readonly StaleObject[]): void {
  for (const { kind, id, check } of wanted) named(`${fieldOf(kind)} ${id}`, () => check(catalog));
  for (const { name, tenantId } of catalog.applications.values()) {
    if (!catalog.tenants.has(tenantId))
      throw new ServiceError(400, `application ${name}: its tenant is missing`);
  }
  requireUnused(catalog, stale);
}

async function naming<T>(label: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw labelled(label, error);
  }
}

function named(label: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    throw labelled(label, error);
  }
}

function labelled(label: string, error: unknown): unknown {
  if (error instanceof ServiceError) return new ServiceError(400, `${label}: ${error.message}`);
  if (error instanceof DuplicateError)
    return new ServiceError(400, `${label}: something else has this ${error.what}`);
  return error;
}
