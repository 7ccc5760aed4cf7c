/** Objects of the token service that the configuration file declares: complete, with texts of keys in place of their files. */
import type { z } from 'zod';
import type { apiKeySchema } from './api-key.ts';
import type { applicationSchema } from './application.ts';
import type { identityProviderSchema } from './identity-provider.ts';
import type { KeyAlgorithm } from './key.ts';
import type { lambdaSchema } from './lambda.ts';
import type { tenantSchema } from './tenant.ts';
import type { webhookSchema } from './webhook.ts';

/** What one schema accepts, with the id that the API would make. */
type Named<Schema extends z.ZodType> = Readonly<Omit<z.output<Schema>, 'id'>> & { readonly id: string };

/** At most one of the four texts. None: the key is made in the store, once, for `algorithm`. */
export interface SeedKey {
  readonly id: string;
  readonly name: string;
  readonly kid?: string | undefined;
  readonly algorithm?: KeyAlgorithm | undefined;
  readonly privateKey?: string | undefined;
  readonly publicKey?: string | undefined;
  readonly certificate?: string | undefined;
  readonly secret?: string | undefined;
}

/** Without id, one is made from what the store keeps of the key: it tells nothing to who does not have the master key. */
export type SeedApiKey = Readonly<z.output<typeof apiKeySchema>> & { readonly key: string };

export interface Seed {
  readonly keys: readonly SeedKey[];
  readonly lambdas: readonly Named<typeof lambdaSchema>[];
  readonly tenants: readonly Named<typeof tenantSchema>[];
  readonly applications: readonly Named<typeof applicationSchema>[];
  readonly identityProviders: readonly Named<typeof identityProviderSchema>[];
  readonly webhooks: readonly Named<typeof webhookSchema>[];
  readonly apiKeys: readonly SeedApiKey[];
}
