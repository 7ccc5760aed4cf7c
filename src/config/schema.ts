/**
 * The configuration file, declared once: types, JSON Schema, docs/configuration.md and error messages come from here.
 * The blocks stand in schema/.
 */
import { z } from 'zod';
import { networkRange } from './schema/address.ts';
import { assertionSchema } from './schema/assertion.ts';
import { limitsSchema, listenersSchema, observabilitySchema, reloadSchema } from './schema/listeners.ts';
import { realmSchema } from './schema/realm.ts';
import { routeSchema } from './schema/route.ts';
import { secretsSchema, storeSchema, tokenServiceSchema } from './schema/token-service.ts';
import { upstreamSchema } from './schema/upstream.ts';
import { durationOr, filePath, name } from './schema/values.ts';
import { workersSchema } from './schema/workers.ts';

export const configSchema = z.strictObject({
  version: z.literal(1, { error: 'must be 1' }).meta({ description: 'Version of this format.' }),
  dataDir: filePath().default('./data').meta({
    description:
      'Folder of generated keys. Relative paths start at the folder of this file, here and everywhere.',
  }),
  workers: workersSchema,
  listeners: listenersSchema,
  trustedProxies: z.array(networkRange()).prefault([]).meta({
    description:
      'Networks of proxies in front whose X-Forwarded-* are believed, like 10.0.0.0/8. `Forwarded` (RFC 7239) is neither read nor passed on.',
  }),
  shutdownGrace: durationOr('30s', { min: '0s', max: '1h' }).meta({
    description: 'How long running requests may take after SIGTERM.',
  }),
  reload: reloadSchema,
  limits: limitsSchema,
  realms: z
    .array(realmSchema)
    .default([])
    .meta({ description: 'Who may come in. Tokens are matched by `iss`; equal issuers are tried in order.' }),
  assertion: assertionSchema.optional(),
  upstreams: z
    .record(name(), upstreamSchema)
    .default({})
    .meta({ description: 'Backends by name, for routes to share.' }),
  routes: z
    .array(routeSchema)
    .min(1, { error: 'is empty: nothing would be forwarded' })
    .meta({ description: 'Which requests go where. Requests without a route are 404.' }),
  observability: observabilitySchema,
  store: storeSchema,
  secrets: secretsSchema,
  tokenService: tokenServiceSchema.optional(),
});

export type Config = z.output<typeof configSchema>;

/** The configuration as people may write it, as JSON Schema draft 2020-12. */
export function configJsonSchema(): z.core.JSONSchema.BaseSchema {
  return {
    title: 'countersign.yaml',
    description: 'Configuration of countersign.',
    ...z.toJSONSchema(configSchema, { io: 'input', reused: 'inline' }),
  };
}
