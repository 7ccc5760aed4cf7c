/** An application: the audience of access tokens, and the roles that users have there. */
import { z } from 'zod';
import { applicationJwtConfigurationSchema } from './jwt-configuration.ts';
import { data, name, type Stored, text, uuid } from './values.ts';

/** Roles go into every token: a bound on their number. */
const ROLES_MAX = 1000;

const roleSchema = z.strictObject({
  id: uuid().optional().meta({ description: 'UUID; made where absent.' }),
  name: name().meta({ description: 'Unique in the application.' }),
  description: text().optional().meta({ description: 'For people.' }),
  isDefault: z.boolean().default(false).meta({ description: 'Given to every new registration.' }),
  isSuperRole: z.boolean().default(false).meta({ description: 'Kept for clients; has no effect here.' }),
});

export const applicationSchema = z.strictObject({
  id: uuid().optional().meta({ description: 'UUID; made where absent.' }),
  tenantId: uuid().optional().meta({ description: 'Without it, the only tenant there is.' }),
  name: name().meta({ description: 'Unique within the tenant.' }),
  active: z.boolean().default(true).meta({ description: 'False: it gives no tokens.' }),
  roles: z
    .array(roleSchema)
    .max(ROLES_MAX)
    .default([])
    .refine((roles) => new Set(roles.map(({ name }) => name)).size === roles.length, {
      error: 'names a role twice',
    })
    .meta({ description: 'Roles that users can have.' }),
  loginConfiguration: z
    .strictObject({
      generateRefreshTokens: z
        .boolean()
        .default(false)
        .meta({ description: 'Whether logins give refresh tokens.' }),
      allowTokenRefresh: z
        .boolean()
        .default(false)
        .meta({ description: 'Whether refresh tokens can be used.' }),
      requireAuthentication: z
        .boolean()
        .default(true)
        .meta({ description: 'Whether login needs an API key.' }),
    })
    .prefault({})
    .meta({ description: 'What logins give.' }),
  jwtConfiguration: applicationJwtConfigurationSchema.prefault({}).meta({
    description: 'Keys and lives of tokens, in place of the tenant’s.',
  }),
  lambdaConfiguration: z
    .strictObject({
      accessTokenPopulateId: uuid().nullish().meta({ description: 'Lambda of type JWTPopulate.' }),
    })
    .prefault({})
    .meta({ description: 'User code that runs for its tokens.' }),
  data: data().default({}).meta({ description: 'Free-form JSON of your own.' }),
});

export type Application = Omit<Stored<z.output<typeof applicationSchema>>, 'tenantId'> & {
  readonly tenantId: string;
};
