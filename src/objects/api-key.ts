/** An API key: who may call the token service's administrative endpoints. */
import { z } from 'zod';
import { name, type Stored, uuid } from './values.ts';

export const API_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type ApiMethod = (typeof API_METHODS)[number];

/** Characters of a key as given: 32 are 192 bits of base64url; shorter ones can be guessed. */
export const API_KEY_MIN_CHARS = 32;
const API_KEY_MAX_CHARS = 256;

const permissionsSchema = z.strictObject({
  endpoints: z
    .record(z.string().startsWith('/'), z.array(z.enum(API_METHODS)))
    .default({})
    .meta({ description: 'E.g. `/api/jwt/refresh: [GET]`; an empty list allows none.' }),
});

export const apiKeySchema = z.strictObject({
  id: uuid().optional().meta({ description: 'UUID; made where absent.' }),
  name: name().optional().meta({ description: 'For people.' }),
  key: z.string().min(API_KEY_MIN_CHARS).max(API_KEY_MAX_CHARS).optional().meta({
    description: 'The key itself; made where absent. Only its HMAC is stored.',
  }),
  tenantId: uuid().nullish().meta({ description: 'The only tenant it can reach.' }),
  permissions: permissionsSchema
    .prefault({})
    .meta({ description: 'Methods by path; none listed: everything.' }),
  expirationInstant: z.int().optional().meta({ description: 'Milliseconds.' }),
});

/** As a call sends it: what it leaves out of a change is told from what it empties. */
export const apiKeyRequestSchema = apiKeySchema.extend({
  permissions: permissionsSchema.nullish().meta({
    description: 'Methods by path. Of a new key, none listed is everything; a change says `null` for that.',
  }),
});

/** As stored: without the key. */
export type ApiKey = Omit<Stored<z.output<typeof apiKeySchema>>, 'key'> & {
  /** Base64url of an HMAC-SHA256 under the store's key of look-ups. */
  readonly keyHash: string;
};
