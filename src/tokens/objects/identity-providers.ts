/** Use cases: identity providers. What only their own room can check comes in as a function. */
import { type IdentityProvider, takesForeignAudiences } from '../../objects/identity-provider.ts';
import type { Body } from '../../objects/values.ts';
import type { Catalog } from '../catalog.ts';
import type { Scope, TokenService } from '../service.ts';
import type { UniqueName } from '../store.ts';
import {
  deleteObject,
  insertObject,
  newStamps,
  nextStamps,
  readOwned,
  updateObject,
} from './catalog-object.ts';
import { finishRemoval, removeRest } from './removal.ts';

type ProviderBody = Body<IdentityProvider>;

/** @throws ServiceError 400 for references, keys and domains that are not in order */
export type CheckProvider = (catalog: Catalog, provider: IdentityProvider) => void;

/** A domain belongs to one provider of its tenant, and to one of those that serve every tenant. */
export function providerNames({
  name,
  domains,
  tenantId,
}: Pick<IdentityProvider, 'name' | 'domains' | 'tenantId'>): readonly UniqueName[] {
  return [
    { what: 'identityProvider.name', value: name },
    ...domains.map((domain) => ({ what: 'identityProvider.domains', value: `${tenantId ?? '*'} ${domain}` })),
  ];
}

/** @throws ServiceError 400 */
export async function createIdentityProvider(
  service: TokenService,
  id: string | undefined,
  body: ProviderBody,
  check: CheckProvider,
): Promise<IdentityProvider> {
  const provider = { ...body, ...newStamps(service, id) };
  warnOfForeignAudiences(service, provider);
  return await insertObject(service, 'identityProviders', provider, providerNames(provider), {
    async before(records, catalog) {
      check(catalog, provider);
      await finishRemoval(records, 'identityProviders', provider.id, service.clock());
    },
  });
}

/** @throws ServiceError 400, 404 */
export async function replaceIdentityProvider(
  service: TokenService,
  id: string,
  body: ProviderBody,
  scope: Scope,
  check: CheckProvider,
): Promise<IdentityProvider> {
  const old = readOwned(service, 'identityProviders', id, scope);
  const provider = { ...body, ...nextStamps(service, old) };
  warnOfForeignAudiences(service, provider);
  return await updateObject(service, 'identityProviders', provider, providerNames(provider), {
    before: (_, catalog) => check(catalog, provider),
  });
}

/** What `countersign check` says of those in the file. */
function warnOfForeignAudiences({ log }: Pick<TokenService, 'log'>, provider: IdentityProvider): void {
  if (takesForeignAudiences(provider))
    log.warn('an identity provider without audiences takes tokens made for other services', {
      identityProviderId: provider.id,
    });
}

/** With its links: another provider of this id speaks of other people. @throws ServiceError 400, 404 */
export async function deleteIdentityProvider(service: TokenService, id: string, scope: Scope): Promise<void> {
  const provider = readOwned(service, 'identityProviders', id, scope);
  await deleteObject(service, 'identityProviders', provider, async ({ removals }) => {
    await removals.insert({ kind: 'identityProviders', id, removedInstant: service.clock() });
  });
  await removeRest(service, { kind: 'identityProviders', id });
}
