/** The token service's configuration objects as one immutable snapshot: few, read by every call, changed rarely. */
import type { ApiKey } from '../objects/api-key.ts';
import type { Application } from '../objects/application.ts';
import type { IdentityProvider } from '../objects/identity-provider.ts';
import type { Key } from '../objects/key.ts';
import type { Lambda } from '../objects/lambda.ts';
import type { Tenant } from '../objects/tenant.ts';
import type { Webhook } from '../objects/webhook.ts';

/** The kinds of objects, with the shape of each. */
export interface CatalogObjects {
  readonly tenants: Tenant;
  readonly applications: Application;
  readonly keys: Key;
  readonly identityProviders: IdentityProvider;
  readonly lambdas: Lambda;
  readonly apiKeys: ApiKey;
  readonly webhooks: Webhook;
}

export type CatalogKind = keyof CatalogObjects;

/** Objects by id. */
export type CatalogMaps = { readonly [Kind in CatalogKind]: ReadonlyMap<string, CatalogObjects[Kind]> };

/** All objects as they were at one revision of the store. */
export type Catalog = CatalogMaps & {
  /** Rises with every change of any object, in every process. */
  readonly revision: number;
};
