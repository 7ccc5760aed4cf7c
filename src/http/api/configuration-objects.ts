/** Operations on tenants, applications, lambdas, API keys and webhooks. */
import { z } from 'zod';
import { apiKeyRequestSchema, apiKeySchema } from '../../objects/api-key.ts';
import { applicationSchema } from '../../objects/application.ts';
import { lambdaSchema } from '../../objects/lambda.ts';
import { tenantSchema } from '../../objects/tenant.ts';
import { uuid } from '../../objects/values.ts';
import { webhookSchema } from '../../objects/webhook.ts';
import { createApiKey, deleteApiKey, EVERYTHING, replaceApiKey } from '../../tokens/objects/api-keys.ts';
import {
  createApplication,
  deleteApplication,
  replaceApplication,
} from '../../tokens/objects/applications.ts';
import { readObject } from '../../tokens/objects/catalog-object.ts';
import { createLambda, deleteLambda, replaceLambda } from '../../tokens/objects/lambdas.ts';
import { deleteTenant } from '../../tokens/objects/remove-tenant.ts';
import { createTenant, replaceTenant } from '../../tokens/objects/tenants.ts';
import { createWebhook, deleteWebhook, replaceWebhook, wholeWebhook } from '../../tokens/objects/webhooks.ts';
import { empty } from './answer.ts';
import { apiKeyOf } from './call.ts';
import {
  commonOperations,
  listing,
  type ObjectKind,
  objectOperations,
  renderAsIs,
  shownObject,
} from './objects.ts';
import { operation } from './operation.ts';
import { renderApiKey, renderWebhook, withoutNulls } from './render.ts';
import { errorsAnswer, flag } from './schemas.ts';

const tenants = objectOperations({
  kind: 'tenants',
  name: 'Tenant',
  names: 'Tenants',
  path: '/api/tenant',
  reserved: 'change',
  body: tenantSchema,
  shown: shownObject('Tenant', tenantSchema),
  render: renderAsIs,
  create: async ({ service }, id, body) => renderAsIs(await createTenant(service, id, body)),
  replace: ({ service, scope }, id, body) => replaceTenant(service, id, body, scope),
  remove: ({ service, scope }, id) => deleteTenant(service, id, scope),
  removal: 'Takes it away with everything of it: applications, identity providers, API keys and users.',
});

const applicationKind: ObjectKind<'applications', z.output<typeof applicationSchema>> = {
  kind: 'applications',
  name: 'Application',
  names: 'Applications',
  path: '/api/application',
  body: applicationSchema,
  shown: shownObject('Application', applicationSchema),
  render: renderAsIs,
  create: async ({ service, scope }, id, body) =>
    renderAsIs(await createApplication(service, id, body, scope)),
  replace: ({ service, scope }, id, body) => replaceApplication(service, id, body, scope),
  remove: ({ service, scope }, id) => deleteApplication(service, id, scope),
};

const removeApplication = operation({
  method: 'DELETE',
  path: '/api/application/{id}',
  operationId: 'deleteApplication',
  summary: 'Deactivates it; with hardDelete it is gone, and its registrations and refresh tokens with it.',
  tag: 'Application',
  auth: 'apiKey',
  request: { params: z.object({ id: uuid() }), query: z.object({ hardDelete: flag() }) },
  answers: {
    200: { description: 'It is inactive, or gone.' },
    409: { description: 'It was changed meanwhile; nothing was done.', schema: errorsAnswer },
  },
  handle: async (call, { params: { id }, query: { hardDelete } }) => {
    if (hardDelete) await applicationKind.remove(call, id);
    else await deactivate(id);
    return empty(200);

    async function deactivate(applicationId: string): Promise<void> {
      const present = readObject(call.service, 'applications', applicationId, call.scope);
      await applicationKind.replace(call, applicationId, { ...present, active: false }, false);
    }
  },
});

const lambdas = objectOperations({
  kind: 'lambdas',
  name: 'Lambda',
  names: 'Lambdas',
  path: '/api/lambda',
  reserved: 'all',
  body: lambdaSchema,
  shown: shownObject('Lambda', lambdaSchema),
  render: renderAsIs,
  create: async ({ service }, id, body) => renderAsIs(await createLambda(service, id, body)),
  replace: ({ service, scope }, id, body) => replaceLambda(service, id, body, scope),
  remove: ({ service, scope }, id) => deleteLambda(service, id, scope),
  removal: 'Takes away a lambda that nothing uses.',
});

/** `key` is shown once, to its maker. */
const apiKeys = objectOperations({
  kind: 'apiKeys',
  name: 'APIKey',
  names: 'APIKeys',
  path: '/api/api-key',
  body: apiKeyRequestSchema,
  shown: shownObject('APIKey', apiKeySchema),
  render: renderApiKey,
  create: async (call, id, { permissions, ...members }) => {
    const body = { ...members, permissions: permissions ?? EVERYTHING };
    const { apiKey, key } = await createApiKey(call.service, id, body, call.scope, apiKeyOf(call));
    return { ...renderApiKey(apiKey), key };
  },
  replace: (call, id, body, keepsHidden) =>
    replaceApiKey(call.service, id, body, call.scope, { maker: apiKeyOf(call), keepsMissing: keepsHidden }),
  remove: ({ service, scope }, id) => deleteApiKey(service, id, scope),
});

const webhooks = objectOperations({
  kind: 'webhooks',
  name: 'Webhook',
  names: 'Webhooks',
  path: '/api/webhook',
  reserved: 'all',
  body: webhookSchema,
  shown: shownObject('Webhook', webhookSchema, ['headers', 'httpAuthenticationPassword']),
  render: renderWebhook,
  whole: ({ service }, webhook) => withoutNulls(wholeWebhook(service, webhook)),
  create: async ({ service }, id, body) => renderWebhook(await createWebhook(service, id, body)),
  replace: ({ service, scope }, id, body, keepsHidden) =>
    replaceWebhook(service, id, body, scope, { keepsHidden }),
  remove: ({ service, scope }, id) => deleteWebhook(service, id, scope),
  removal: 'Takes it away, with the events that wait for it.',
});

export const CONFIGURATION_OPERATIONS = [
  ...tenants,
  ...commonOperations(applicationKind),
  listing(applicationKind),
  removeApplication,
  ...lambdas,
  ...apiKeys,
  ...webhooks,
];
