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
  id: uuid().optional(),
  url: httpUrl(),
  description: text().optional(),
  global: z.boolean().default(true).meta({ description: 'Events of every tenant.' }),
  tenantIds: z.array(uuid()).max(1000).default([]).meta({ description: 'Without `global`: whose events.' }),
  eventsEnabled: z.partialRecord(z.enum(EVENT_TYPES), z.boolean()).default({}),
  transactionType: z.enum(TRANSACTION_TYPES).default('None').meta({
    description: 'The stricter of this and the tenant’s `eventConfiguration` applies.',
  }),
  connectTimeout: timeoutMs().default(1000).meta({ description: 'Milliseconds.' }),
  readTimeout: timeoutMs().default(2000).meta({ description: 'Milliseconds.' }),
  headers: z.record(text(), z.string()).default({}),
  httpAuthenticationUsername: text().optional(),
  httpAuthenticationPassword: text().optional(),
  signatureConfiguration: z
    .strictObject({ enabled: z.boolean().default(false), signingKeyId: uuid().nullish() })
    .prefault({}),
  data: data().default({}),
});

/** `httpAuthenticationPassword` is stored sealed under the master key. */
export type Webhook = Stored<z.output<typeof webhookSchema>>;
