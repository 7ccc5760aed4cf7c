/** A lambda: a user's function that shapes a user at reconcile, or an access token when it is made. */
import { z } from 'zod';
import { name, type Stored, uuid } from './values.ts';

export const LAMBDA_TYPES = ['ExternalJWTReconcile', 'JWTPopulate'] as const;
export type LambdaType = (typeof LAMBDA_TYPES)[number];

/** Source text of one lambda. */
const BODY_MAX_CHARS = 64 * 1024;

export const lambdaSchema = z.strictObject({
  id: uuid().optional().meta({ description: 'UUID; made where absent.' }),
  name: name().meta({ description: 'For people.' }),
  type: z.enum(LAMBDA_TYPES).meta({ description: 'What it is for.' }),
  body: z.string().min(1, { error: 'is empty' }).max(BODY_MAX_CHARS).meta({
    description:
      '`function reconcile(user, registration, jwt)` or `function populate(jwt, user, registration)`.',
  }),
  debug: z.boolean().default(false).meta({ description: 'Whether its debug lines become event logs.' }),
  enabled: z.boolean().default(true).meta({ description: 'False: what uses it goes on without it.' }),
});

export type Lambda = Stored<z.output<typeof lambdaSchema>>;
