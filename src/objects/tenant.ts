/** A tenant: an issuer with users of its own. */
import { z } from 'zod';
import { tenantJwtConfigurationSchema } from './jwt-configuration.ts';
import { data, name, type Stored, text, uuid } from './values.ts';
import { EVENT_TYPES, TRANSACTION_TYPES } from './webhook.ts';

const eventConfigurationSchema = z.strictObject({
  events: z
    .partialRecord(
      z.enum(EVENT_TYPES),
      z.strictObject({
        enabled: z.boolean().default(true).meta({ description: 'Whether it is sent.' }),
        transactionType: z
          .enum(TRANSACTION_TYPES)
          .default('None')
          .meta({ description: 'How many webhooks must take it.' }),
      }),
    )
    .default({})
    .meta({ description: 'By type of event.' }),
});

export const tenantSchema = z.strictObject({
  id: uuid().optional().meta({ description: 'UUID; made where absent.' }),
  name: name().meta({ description: 'Unique among tenants.' }),
  issuer: text().meta({ description: '`iss` of the access tokens of this tenant.' }),
  jwtConfiguration: tenantJwtConfigurationSchema
    .prefault({})
    .meta({ description: 'Keys and lives of tokens.' }),
  eventConfiguration: eventConfigurationSchema.prefault({}).meta({
    description: 'Which events are sent, and how many webhooks must take them before the change counts.',
  }),
  data: data().default({}).meta({ description: 'Free-form JSON of your own.' }),
});

export type Tenant = Stored<z.output<typeof tenantSchema>>;
