/** Every kind of object in a catalog, for tests that look at all of them. */
import type { CatalogKind } from '../../src/tokens/catalog.ts';

const KINDS: Readonly<Record<CatalogKind, true>> = {
  tenants: true,
  applications: true,
  keys: true,
  identityProviders: true,
  lambdas: true,
  apiKeys: true,
  webhooks: true,
};

export const CATALOG_KINDS = Object.keys(KINDS) as CatalogKind[];
