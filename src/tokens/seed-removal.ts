/** What the configuration file declared once and no longer does is taken out of the store. */
import type { Stamped } from '../objects/values.ts';
import type { Catalog, CatalogKind } from './catalog.ts';
import { ServiceError } from './failure.ts';
import { endApplication } from './objects/applications.ts';
import { fieldOf, objectsOf } from './objects/catalog-object.ts';
import { forgetInOthers } from './objects/forget.ts';
import { isKeyUsed } from './objects/key-uses.ts';
import { isLambdaUsed } from './objects/lambdas.ts';
import { finishRemoval, removeRest } from './objects/removal.ts';
import { REMOVAL_KINDS } from './removal-table.ts';
import type { TokenService } from './service.ts';
import type { Records } from './store.ts';

/** Kind and id. */
export type StaleObject = readonly [CatalogKind, string];

/** Those that name others before those. */
const KINDS = [
  'apiKeys',
  'webhooks',
  'identityProviders',
  'applications',
  'tenants',
  'lambdas',
  'keys',
] as const;

interface DeclaredObject {
  readonly kind: CatalogKind;
  readonly id: string;
}

/** @param wanted what the file declares */
export function staleObjects(present: Catalog, wanted: readonly DeclaredObject[]): readonly StaleObject[] {
  const ids = new Set(wanted.map(({ kind, id }) => `${kind} ${id}`));
  return KINDS.flatMap((kind) =>
    [...objectsOf(present, kind).values()]
      .filter(({ id, source }) => source === 'Config' && !ids.has(`${kind} ${id}`))
      .map(({ id }): StaleObject => [kind, id]),
  );
}

/**
 * Sessions of what the file drops end. Users of a tenant and links of a provider stay, of no use, until the file declares
 * it again: a mistake in a file must not cost anybody an account. Through the API they are deleted for good.
 */
export async function removeStale(
  records: Records,
  present: Catalog,
  stale: readonly StaleObject[],
  nowMs: number,
): Promise<void> {
  const idsOf = (wanted: CatalogKind) => stale.filter(([kind]) => kind === wanted).map(([, id]) => id);
  const applicationIds = idsOf('applications');
  const tenantIds = idsOf('tenants');
  await forgetInOthers(records, withoutFile(present), { applicationIds, tenantIds }, nowMs);
  for (const id of applicationIds) await endApplication(records, id, nowMs);
  for (const tenantId of tenantIds) await records.refreshTokens.revoke({ tenantId }, nowMs);
  for (const id of idsOf('webhooks')) await records.webhookDeliveries.deleteOf(id);
  for (const [kind, id] of stale) await records.catalog.delete(kind, id);
}

/** After the transaction: registrations may be many. */
export async function removeRestOf(
  service: Pick<TokenService, 'store' | 'clock'>,
  stale: readonly StaleObject[],
): Promise<void> {
  for (const [kind, id] of stale) if (kind === 'applications') await removeRest(service, { kind, id });
}

/** What is new begins without what another object of its id has left. */
export async function finishRemovals(
  records: Records,
  present: Catalog,
  wanted: readonly DeclaredObject[],
  nowMs: number,
): Promise<void> {
  for (const { kind, id } of wanted) {
    const removal = REMOVAL_KINDS.find((one) => one === kind);
    if (removal !== undefined && !objectsOf(present, kind).has(id))
      await finishRemoval(records, removal, id, nowMs);
  }
}

/** Objects of the file name what the file says, and are checked against it. */
function withoutFile(catalog: Catalog): Catalog {
  const others = <Object extends Stamped>(objects: ReadonlyMap<string, Object>) =>
    new Map([...objects].filter(([, { source }]) => source !== 'Config'));
  const { identityProviders, webhooks } = catalog;
  return { ...catalog, identityProviders: others(identityProviders), webhooks: others(webhooks) };
}

/** @throws ServiceError 400 where an object that came through the API needs what the file has dropped */
export function requireUnused(catalog: Catalog, stale: readonly StaleObject[]): void {
  for (const [kind, id] of stale) {
    const isMissed =
      (kind === 'keys' && isKeyUsed(catalog, id)) || (kind === 'lambdas' && isLambdaUsed(catalog, id));
    if (isMissed) throw new ServiceError(400, `${fieldOf(kind)} ${id}: an object that the API made uses it`);
  }
}
