/** Operations by which a foreign token becomes a login: reconcile, and its other name. */
import { z } from 'zod';
import { reconcile } from '../../identity-providers/reconcile.ts';
import { uuid } from '../../objects/values.ts';
import { badField } from '../../tokens/failure.ts';
import { type Answer, json } from './answer.ts';
import type { Call } from './call.ts';
import { operation } from './operation.ts';
import { loginAnswers, loginJson, loginMembers } from './session.ts';

const foreignToken = z.string({ error: 'is no text' }).min(1, { error: 'is empty' });

const body = z
  .object({
    ...loginMembers,
    applicationId: uuid(),
    identityProviderId: uuid(),
    data: z.object({ token: foreignToken.optional() }).optional(),
    encodedJWT: foreignToken.optional().meta({ deprecated: true, description: 'Older name of data.token.' }),
    noLink: z.boolean().optional().meta({ description: 'Nobody is linked; without a link: 404.' }),
  })
  .meta({ id: 'ReconcileRequest' });

const common = {
  method: 'POST',
  tag: 'Login',
  auth: 'none',
  request: { body },
  answers: {
    ...loginAnswers,
    232: {
      description: 'The identity is nobody’s yet, and may be linked.',
      schema: z.object({ pendingIdPLinkId: z.string() }),
    },
  },
} as const;

/** Those that are there: made-up ids would fill the limiter's memory, and push out the others. @throws ServiceError 429 */
export function limitProvider({ service, limiter, countedAs }: Call, identityProviderId: string): void {
  if (service.catalog().identityProviders.has(identityProviderId))
    limiter.provider(countedAs, identityProviderId);
}

/** @throws ServiceError as `reconcile` says, 429 */
async function run(call: Call, { data, encodedJWT, ...input }: z.output<typeof body>): Promise<Answer> {
  const token = data?.token ?? encodedJWT;
  if (token === undefined)
    throw badField('data.token', 'blank', 'A token of the identity provider is required');
  limitProvider(call, input.identityProviderId);
  const result = await reconcile(call.service, call.foreign, { ...input, token }, call.scope);
  if (result.status === 232) return json(232, { pendingIdPLinkId: result.pendingIdPLinkId });
  return loginJson(call, result);
}

export const RECONCILE_OPERATIONS = [
  operation({
    ...common,
    path: '/api/jwt/reconcile',
    operationId: 'reconcileJWT',
    summary:
      'Logs in the user whom a token of an identity provider names, making or linking it where that is allowed.',
    handle: async (call, request) => await run(call, request.body),
  }),
  operation({
    ...common,
    path: '/api/identity-provider/login',
    operationId: 'identityProviderLogin',
    summary: 'The same as reconcileJWT.',
    handle: async (call, request) => await run(call, request.body),
  }),
];
