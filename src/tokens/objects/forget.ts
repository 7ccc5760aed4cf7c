/** What is taken away is named by nothing that stays: another object of the same id would be taken for it. */
import type { IdentityProvider } from '../../objects/identity-provider.ts';
import type { Key } from '../../objects/key.ts';
import type { Stamped } from '../../objects/values.ts';
import type { Webhook } from '../../objects/webhook.ts';
import type { Catalog } from '../catalog.ts';
import { badRequest } from '../failure.ts';
import type { Records } from '../store.ts';
import { providerNames } from './identity-providers.ts';
import { keyNames } from './keys.ts';

/** Ids of what is taken away. */
export interface Gone {
  readonly applicationIds: readonly string[];
  readonly tenantIds: readonly string[];
}

/**
 * Takes applications and tenants out of the identity providers, webhooks and keys that name them. Within the transaction.
 *
 * @param catalog as it is in the transaction
 * @throws ServiceError 400 where an object of the configuration file names them: the next start would miss them
 */
export async function forgetInOthers(
  records: Pick<Records, 'catalog'>,
  catalog: Catalog,
  gone: Gone,
  nowMs: number,
): Promise<void> {
  await eachNaming(
    catalog.identityProviders,
    (provider) => providerWithout(provider, gone),
    async (next) => {
      requireNotOfFile(next);
      await records.catalog.update('identityProviders', stamped(next, nowMs), providerNames(next));
    },
  );
  await eachNaming(
    catalog.webhooks,
    (webhook) => webhookWithout(webhook, gone),
    async (next) => {
      requireNotOfFile(next);
      await records.catalog.update('webhooks', stamped(next, nowMs), []);
    },
  );
  await eachNaming(
    catalog.keys,
    (key) => keyWithout(key, gone),
    async (next) => {
      await records.catalog.update('keys', next, keyNames(next));
    },
  );
}

/** Calls `write` with each object that is another without what is gone. */
async function eachNaming<Named>(
  objects: ReadonlyMap<string, Named>,
  without: (object: Named) => Named,
  write: (next: Named) => Promise<void>,
): Promise<void> {
  for (const object of objects.values()) {
    const next = without(object);
    if (next !== object) await write(next);
  }
}

function stamped<Named extends Stamped>(object: Named, nowMs: number): Named {
  return { ...object, lastUpdateInstant: nowMs };
}

function requireNotOfFile({ source }: Stamped): void {
  if (source === 'Config')
    throw badRequest('[inUse]object', 'The configuration file names it; take it out of the file first');
}

function providerWithout(provider: IdentityProvider, gone: Gone): IdentityProvider {
  const applicationConfiguration = without(provider.applicationConfiguration, gone.applicationIds);
  const tenantConfiguration = without(provider.tenantConfiguration, gone.tenantIds);
  const isSame =
    applicationConfiguration === provider.applicationConfiguration &&
    tenantConfiguration === provider.tenantConfiguration;
  return isSame ? provider : { ...provider, applicationConfiguration, tenantConfiguration };
}

function webhookWithout(webhook: Webhook, { tenantIds: gone }: Gone): Webhook {
  const tenantIds = webhook.tenantIds.filter((id) => !gone.includes(id));
  return tenantIds.length === webhook.tenantIds.length ? webhook : { ...webhook, tenantIds };
}

/** A key has signed for a tenant; one that is made later under its id is another. */
function keyWithout(key: Key, { tenantIds: gone }: Gone): Key {
  const signedFor = key.signedFor?.filter((id) => !gone.includes(id));
  return signedFor?.length === key.signedFor?.length ? key : { ...key, signedFor: signedFor ?? [] };
}

function without<Value>(
  members: Readonly<Record<string, Value>>,
  gone: readonly string[],
): Record<string, Value> {
  if (!gone.some((id) => Object.hasOwn(members, id))) return members;
  return Object.fromEntries(Object.entries(members).filter(([id]) => !gone.includes(id)));
}
