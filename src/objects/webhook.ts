/** A webhook: where events are sent. */
import { z } from 'zod';
import { data, httpUrl, type Stored, text, uuid } from './values.ts';

export const EVENT_TYPES = ['jwt.refresh', 'jwt.refresh-token.revoke'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** How many webhooks must take an event before the change it tells of counts, weakest first. */
export const TRANSACTION_TYPES = [
  'None',
  'Any',
  'SimpleMajority',
  'SuperMajority',
  'AbsoluteMajority',
] as const;
export type TransactionType = (typeof TRANSACTION_TYPES)[number];

/** Milliseconds. A caller waits for webhooks of a transaction. */
const TIMEOUT_MAX_MS = 30_000;
const timeoutMs = () => z.int().min(1).max(TIMEOUT_MAX_MS);

export const webhookSchema = z.strictObject({
  id: uuid().optional().meta({ description: 'UUID; made where absent.' }),
  url: httpUrl().meta({ description: 'Where events are POSTed.' }),
  description: text().optional().meta({ description: 'For people.' }),
  global: z.boolean().default(true).meta({ description: 'Events of every tenant.' }),
  tenantIds: z.array(uuid()).max(1000).default([]).meta({ description: 'Without `global`: whose events.' }),
  eventsEnabled: z
    .partialRecord(z.enum(EVENT_TYPES), z.boolean())
    .default({})
    .meta({ description: 'Which events it gets.' }),
  transactionType: z.enum(TRANSACTION_TYPES).default('None').meta({
    description: 'The stricter of this and the tenant’s `eventConfiguration` applies.',
  }),
  connectTimeout: timeoutMs().default(1000).meta({ description: 'Milliseconds.' }),
  readTimeout: timeoutMs().default(2000).meta({ description: 'Milliseconds.' }),
  headers: z.record(text(), z.string()).default({}).meta({ description: 'Headers of our own in each call.' }),
  httpAuthenticationUsername: text().optional().meta({ description: 'For Basic authentication.' }),
  httpAuthenticationPassword: text().optional().meta({ description: 'For Basic authentication.' }),
  signatureConfiguration: z
    .strictObject({
      enabled: z.boolean().default(false).meta({ description: 'Whether calls are signed.' }),
      signingKeyId: uuid().nullish().meta({ description: 'Key of the signature.' }),
    })
    .prefault({})
    .meta({ description: 'The header `X-FusionAuth-Signature-JWT`.' }),
  data: data().default({}).meta({ description: 'Free-form JSON of your own.' }),
});

/** `httpAuthenticationPassword` is stored sealed under the master key. */
export type Webhook = Stored<z.output<typeof webhookSchema>>;
