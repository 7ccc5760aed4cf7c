/** What an assertion says of a user, for the one who runs the service: WSO2's claims of a user profile. */
import { z } from 'zod';
import { isUriName, joinDialect } from '../../core/dialect.ts';
import { text, uuid } from '../../objects/values.ts';
import { readUser } from '../../tokens/objects/users.ts';
import { userAttributes } from '../../tokens/user-attributes.ts';
import { json } from './answer.ts';
import { operation } from './operation.ts';

/** As `assertion.dialect` has it by default. */
const DIALECT = 'http://wso2.org/claims';

export const USER_CLAIM_OPERATIONS = [
  operation({
    tag: 'User',
    auth: 'apiKey',
    method: 'GET',
    path: '/api/user/{id}/claims',
    operationId: 'retrieveUserClaims',
    summary: 'Shows the claims of a user as assertions with the retriever `store` carry them.',
    request: {
      params: z.object({ id: uuid() }),
      query: z.object({
        dialect: text().default(DIALECT).meta({ description: 'Put before names that are no URI.' }),
        applicationId: uuid().optional().meta({ description: 'Whose `registration.data` counts too.' }),
      }),
    },
    answers: {
      200: { description: 'The claims.', schema: z.object({ claims: z.record(z.string(), z.json()) }) },
    },
    handle: async ({ service, scope }, { params: { id }, query: { dialect, applicationId = null } }) => {
      const attributes = userAttributes(await readUser(service, id, scope), applicationId);
      const named = [...attributes].map(([name, value]) => [
        isUriName(name) ? name : joinDialect(dialect, name),
        value,
      ]);
      return json(200, { claims: Object.fromEntries(named) });
    },
  }),
];
