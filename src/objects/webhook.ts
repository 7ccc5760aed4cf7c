/** A webhook: where events are sent. */
import { z } from 'zod';
import { HOP_BY_HOP } from '../core/headers.ts';
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

/** RFC 9110 §5.1 and §5.5, in ASCII; a bound on both, so that a receiver takes the call. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const HEADER_VALUE = /^[\t\x20-\x7e]{0,4096}$/;
/** What the call itself needs, or says of its body. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'x-fusionauth-signature-jwt',
]);

const headersSchema = z
  .record(
    z
      .string()
      .regex(HEADER_NAME, { error: 'is no name of a header' })
      .refine((name) => !OWN_HEADERS.has(name.toLowerCase()), { error: 'is a header of the call itself' }),
    z.string().regex(HEADER_VALUE, { error: 'is no value of a header' }),
  )
  .refine(
    (headers) =>
      new Set(Object.keys(headers).map((name) => name.toLowerCase())).size === Object.keys(headers).length,
    {
      error: 'names a header twice',
    },
  );

export const webhookSchema = z.strictObject({
  id: uuid().optional().meta({ description: 'UUID; made where absent.' }),
  url: httpUrl()
    .refine((url) => !hasCredentials(url), { error: 'holds a password: say httpAuthenticationPassword' })
    .meta({ description: 'Where events are POSTed.' }),
  description: text().optional().meta({ description: 'For people.' }),
  global: z.boolean().default(true).meta({ description: 'Events of every tenant.' }),
  tenantIds: z.array(uuid()).max(1000).default([]).meta({
    description: 'Whose events it gets, with `global: false`.',
  }),
  eventsEnabled: z
    .partialRecord(z.enum(EVENT_TYPES), z.boolean())
    .default({})
    .meta({ description: 'Which events it gets.' }),
  transactionType: z.enum(TRANSACTION_TYPES).default('None').meta({
    description: 'The stricter of this and the tenant’s `eventConfiguration` applies.',
  }),
  connectTimeout: timeoutMs().default(1000).meta({
    description: 'Milliseconds for a connection, TLS included.',
  }),
  readTimeout: timeoutMs().default(2000).meta({
    description:
      'Milliseconds from the request to its answer. With connectTimeout, the time of a whole call.',
  }),
  headers: headersSchema.optional().meta({ description: 'Headers of each call. Shown in no answer.' }),
  httpAuthenticationUsername: text()
    .refine((username) => !username.includes(':'), { error: 'has a colon (RFC 7617 §2)' })
    .optional()
    .meta({ description: 'For Basic authentication, with a password.' }),
  httpAuthenticationPassword: text().optional().meta({
    description: 'For Basic authentication. Shown in no answer.',
  }),
  signatureConfiguration: z
    .strictObject({
      enabled: z.boolean().default(false).meta({ description: 'Whether calls are signed.' }),
      signingKeyId: uuid().nullish().meta({ description: 'Key of the signature.' }),
    })
    .prefault({})
    .meta({ description: 'The header `X-FusionAuth-Signature-JWT`.' }),
  data: data().default({}).meta({ description: 'Free-form JSON of your own.' }),
});

/** `user:password@` (RFC 3986 §3.2.1), which no HTTP client of ours sends. */
function hasCredentials(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && parsed.username + parsed.password !== '';
}

/** `httpAuthenticationPassword` is sealed under the master key, also in memory. */
export type Webhook = Stored<z.output<typeof webhookSchema>>;
