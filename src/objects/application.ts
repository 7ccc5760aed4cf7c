/** An application: the audience of access tokens, and the roles that users have there. */
import { z } from 'zod';
import { applicationJwtConfigurationSchema } from './jwt-configuration.ts';
import { data, type Stored, text, uuid } from './values.ts';

/** Roles go into every token: a bound on their number. */
const ROLES_MAX = 1000;

const roleSchema = z.strictObject({
  id: uuid().optional(),
  name: text(),
  description: text().optional(),
  isDefault: z.boolean().default(false).meta({ description: 'Given to every new registration.' }),
  isSuperRole: z.boolean().default(false),
});

export const applicationSchema = z.strictObject({
  id: uuid().optional(),
  tenantId: uuid().optional().meta({ description: 'Without it, the only tenant there is.' }),
  name: text().meta({ description: 'Unique within the tenant.' }),
  active: z.boolean().default(true),
  roles: z
    .array(roleSchema)
    .max(ROLES_MAX)
    .default([])
    .refine((roles) => new Set(roles.map(({ name }) => name)).size === roles.length, {
      error: 'names a role twice',
    }),
  loginConfiguration: z
    .strictObject({
      generateRefreshTokens: z.boolean().default(false),
      allowTokenRefresh: z.boolean().default(false),
      requireAuthentication: z.boolean().default(true),
    })
    .prefault({}),
  jwtConfiguration: applicationJwtConfigurationSchema.prefault({}),
  lambdaConfiguration: z
    .strictObject({
      accessTokenPopulateId: uuid().nullish().meta({ description: 'Lambda of type JWTPopulate.' }),
    })
    .prefault({}),
  data: data().default({}),
});

export type Application = Omit<Stored<z.output<typeof applicationSchema>>, 'tenantId'> & {
  readonly tenantId: string;
};
