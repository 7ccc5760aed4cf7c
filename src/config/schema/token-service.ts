/** `tokenService`, `store` and `secrets`: tokens of our own. The objects are those of the API, under the same names. */
import { z } from 'zod';
import { API_KEY_MIN_CHARS, apiKeySchema } from '../../objects/api-key.ts';
import { applicationSchema } from '../../objects/application.ts';
import { identityProviderSchema } from '../../objects/identity-provider.ts';
import { KEY_ALGORITHMS } from '../../objects/key.ts';
import { lambdaSchema } from '../../objects/lambda.ts';
import { tenantSchema } from '../../objects/tenant.ts';
import { name, uuid } from '../../objects/values.ts';
import { EVENT_TYPES, webhookSchema } from '../../objects/webhook.ts';
import { durationOr, filePath, secret, sizeOr, text } from './values.ts';

const id = () => uuid().meta({ description: 'UUID. It stays: tokens and stored objects name it.' });

/** What answers of the API have beside what was sent: so that they can be pasted. */
const ignored = 'Of an answer of the API; has no effect.';
const shown = {
  insertInstant: z.int().optional().meta({ description: ignored }),
  lastUpdateInstant: z.int().optional().meta({ description: ignored }),
  source: z.string().optional().meta({ description: ignored }),
};

const keySchema = z.strictObject({
  id: id(),
  name: name().meta({ description: 'Unique name.' }),
  kid: name().optional().meta({ description: '`kid` of its tokens. Default: made from the key.' }),
  algorithm: z.enum(KEY_ALGORITHMS).optional().meta({
    description:
      'The only algorithm of the key; by default the first that fits it. Without file or secret, a key for it is made in the store at the first start.',
  }),
  privateKeyFile: filePath().optional().meta({ description: 'PEM of a key that signs.' }),
  publicKeyFile: filePath().optional().meta({ description: 'PEM of a key that only verifies.' }),
  certificateFile: filePath().optional().meta({ description: 'PEM of a certificate; only verifies.' }),
  secret: secret().optional().meta({ description: 'For HMAC: the text whose UTF-8 bytes are the key.' }),
});

export type SeedKeyConfig = z.output<typeof keySchema>;

const webhookEntrySchema = webhookSchema
  .omit({ eventsEnabled: true, transactionType: true, connectTimeout: true, readTimeout: true })
  .extend({
    events: z.array(z.enum(EVENT_TYPES)).min(1).meta({ description: 'Which events it gets.' }),
    transaction: webhookSchema.shape.transactionType.meta({
      description: 'How many webhooks must take an event before the change it tells of counts.',
    }),
    timeout: durationOr('2s', { min: '1ms', max: '30s' }).meta({
      description: 'For one delivery: a third of it for the connection, the rest for the answer.',
    }),
  });

export type SeedWebhookConfig = z.output<typeof webhookEntrySchema>;

const apiKeyEntrySchema = apiKeySchema.extend({
  key: secret().meta({
    description: `The key, at least ${API_KEY_MIN_CHARS} characters.`,
    examples: [`\${COUNTERSIGN_API_KEY}`],
  }),
});

export type SeedApiKeyConfig = z.output<typeof apiKeyEntrySchema>;

const lambdasSchema = z
  .strictObject({
    limits: z
      .strictObject({
        timeout: durationOr('1s', { min: '10ms', max: '30s' }).meta({ description: 'Of one run.' }),
        memory: sizeOr('32MiB', { min: '16MiB', max: '256MiB' }).meta({
          description: 'Of one run, the interpreter’s 6 MiB included.',
        }),
      })
      .prefault({})
      .meta({ description: 'What user code may take.' }),
    items: z
      .array(lambdaSchema.required({ id: true }).extend(shown))
      .default([])
      .meta({ description: 'Lambdas.' }),
  })
  .prefault({});

const cookiesSchema = z
  .strictObject({
    path: text().default('/').meta({ description: 'Path of both cookies.' }),
    sameSite: z.enum(['Lax', 'Strict', 'None']).default('Lax').meta({ description: 'SameSite of both.' }),
    secure: z
      .union([z.literal('auto'), z.boolean()])
      .default('auto')
      .meta({ description: '`auto`: where the client came over https.' }),
    domain: text().nullable().default(null).meta({ description: '`null`: only the host itself.' }),
  })
  .prefault({})
  .meta({ description: 'The cookies `access_token` and `refresh_token`.' });

const compatSchema = z
  .strictObject({
    validateInstants: z.enum(['seconds', 'milliseconds']).default('seconds').meta({
      description: 'Unit of `exp` and `iat` in the answer of validate.',
    }),
    tolerateUndefinedParams: z.boolean().default(true).meta({
      description: 'The query value `undefined`, which FusionAuth’s clients send, counts as absent.',
    }),
  })
  .prefault({})
  .meta({ description: 'For clients that were written for FusionAuth.' });

/** A page that refreshes, validates and looks up makes a few calls; a NAT has some hundred such pages. */
const PER_ADDRESS_PER_MINUTE = 600;
/** What one machine can verify and store, with room for others. */
const PER_PROVIDER_PER_MINUTE = 6000;

const anonymousLimitSchema = z
  .strictObject({
    perAddressPerMinute: z.int().min(0).max(1_000_000).default(PER_ADDRESS_PER_MINUTE).meta({
      description: 'Calls of one client address; 0: no limit. Loopback addresses have none.',
    }),
    perIdentityProviderPerMinute: z.int().min(0).max(10_000_000).default(PER_PROVIDER_PER_MINUTE).meta({
      description: 'Reconciles of one identity provider; 0: no limit.',
    }),
  })
  .prefault({})
  .meta({
    description:
      'Calls without API key: reconcile, refresh, validate, lookup; more is 429. Divided among workers.',
  });

export const tokenServiceSchema = z
  .strictObject({
    keys: z
      .array(keySchema)
      .default([])
      .meta({ description: 'Keys that sign tokens, or verify foreign ones.' }),
    tenants: z
      .array(tenantSchema.required({ id: true }).extend(shown))
      .default([])
      .meta({ description: 'Issuers with users of their own.' }),
    applications: z
      .array(applicationSchema.required({ id: true }).extend(shown))
      .default([])
      .meta({ description: 'Audiences of access tokens, with their roles.' }),
    identityProviders: z
      .array(identityProviderSchema.required({ id: true }).extend(shown))
      .default([])
      .meta({ description: 'Whose tokens become users.' }),
    lambdas: lambdasSchema.meta({ description: 'Functions that shape users and tokens, in a sandbox.' }),
    apiKeys: z.array(apiKeyEntrySchema).default([]).meta({ description: 'Who may call the API.' }),
    webhooks: z.array(webhookEntrySchema).default([]).meta({ description: 'Where events are sent.' }),
    cookies: cookiesSchema,
    anonymousLimit: anonymousLimitSchema,
    compat: compatSchema,
  })
  .meta({
    description:
      'Tokens of our own, with a store: issue, reconcile, refresh, revoke, validate, vend. Objects that stand here are read-only through the API.',
  });

export type TokenServiceConfig = z.output<typeof tokenServiceSchema>;

export const storeSchema = z
  .discriminatedUnion(
    'driver',
    [
      z.strictObject({
        driver: z
          .literal('sqlite')
          .meta({ description: '`sqlite`, the default: a file in `dataDir`, for one machine.' }),
      }),
      z.strictObject({
        driver: z.literal('postgres').meta({ description: '`postgres`: for several instances.' }),
        url: secret().meta({
          description: 'Connection URL; needed with `postgres`, and only there.',
          examples: [`\${DATABASE_URL}`],
        }),
      }),
    ],
    { error: 'driver must be sqlite or postgres' },
  )
  .prefault({ driver: 'sqlite' })
  .meta({ description: 'Where the token service keeps users and refresh tokens.' });

export const secretsSchema = z
  .strictObject({
    masterKey: secret()
      .nullable()
      .default(null)
      .meta({
        description:
          'Seals what the store keeps: at least 32 bytes of text. `null`: made at first start in `dataDir`, which instances on one PostgreSQL do not share.',
        examples: [{ file: '/run/secrets/countersign-master-key' }],
      }),
    previousMasterKeys: z.array(secret()).max(10).default([]).meta({
      description:
        'Previous master keys, which open what they sealed until all of it is sealed anew. `countersign master-key status` says when they can go.',
    }),
  })
  .prefault({})
  .meta({ description: 'Secrets of the token service.' });
