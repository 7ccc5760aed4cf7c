/** Shapes that several operations share: ids in paths, stamps of stored objects, users and tokens in answers. */
import { z } from 'zod';
import { registrationSchema, userSchema } from '../../objects/user.ts';
import { instant, uuid } from '../../objects/values.ts';

/** Members of a body that FusionAuth knows and countersign has no use for are dropped like unknown ones. */
export const stamps = {
  id: uuid(),
  insertInstant: instant(),
  lastUpdateInstant: instant(),
  source: z.enum(['API', 'Config']),
};

/** `true`, `false`, or absent: false. */
export function flag() {
  return z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true');
}

const shownRegistration = registrationSchema
  .extend({
    id: uuid(),
    roles: z.array(z.string()),
    insertInstant: instant(),
    lastUpdateInstant: instant(),
    lastLoginInstant: instant().optional(),
    usernameStatus: z.literal('ACTIVE'),
    preferredLanguages: z.array(z.string()),
    verified: z.boolean(),
  })
  .meta({ id: 'UserRegistration' });

export const registrationAnswer = z.object({ registration: shownRegistration });

/** The user of row JWT-S33. */
export const shownUser = userSchema
  .omit({ password: true })
  .extend({
    id: uuid(),
    tenantId: uuid(),
    verified: z.boolean(),
    verifiedInstant: instant().optional(),
    insertInstant: instant(),
    lastUpdateInstant: instant(),
    lastLoginInstant: instant().optional(),
    usernameStatus: z.literal('ACTIVE'),
    memberships: z.array(z.never()),
    passwordChangeRequired: z.boolean(),
    preferredLanguages: z.array(z.string()),
    registrations: z.array(shownRegistration),
    twoFactor: z.object({ methods: z.array(z.never()) }),
  })
  .meta({ id: 'User' });

const errorEntry = z.object({ code: z.string(), message: z.string() }).meta({ id: 'Error' });

/** FusionAuth's Errors JSON. */
export const errorsAnswer = z
  .object({
    fieldErrors: z.record(z.string(), z.array(errorEntry)).optional(),
    generalErrors: z.array(errorEntry).optional(),
  })
  .meta({ id: 'Errors', description: 'What is wrong with the request. Codes have the form `[what]field`.' });
