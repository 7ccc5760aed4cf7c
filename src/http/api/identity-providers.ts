/** Operations on identity providers: the objects, search, lookup by domain. */
import { z } from 'zod';
import { checkIdentityProvider } from '../../identity-providers/check-provider.ts';
import { identityProviderSchema } from '../../objects/identity-provider.ts';
import { text, uuid } from '../../objects/values.ts';
import { badField } from '../../tokens/failure.ts';
import { lookUpProvider } from '../../tokens/lookup.ts';
import { listObjects } from '../../tokens/objects/catalog-object.ts';
import {
  createIdentityProvider,
  deleteIdentityProvider,
  replaceIdentityProvider,
} from '../../tokens/objects/identity-providers.ts';
import { requireForeignKey } from '../../tokens/objects/references.ts';
import { json } from './answer.ts';
import type { Call } from './call.ts';
import { commonOperations, deleting, type ObjectKind, renderAsIs, shownObject } from './objects.ts';
import { operation } from './operation.ts';

type ProviderBody = z.output<typeof identityProviderSchema>;

const PATH = '/api/identity-provider';
const shown = shownObject('IdentityProvider', identityProviderSchema);

const kind: ObjectKind<'identityProviders', ProviderBody> = {
  kind: 'identityProviders',
  name: 'IdentityProvider',
  names: 'IdentityProviders',
  path: PATH,
  body: identityProviderSchema,
  shown,
  render: renderAsIs,
  create: async (call, id, body) => {
    const own = ofCallersTenant(call, body);
    return renderAsIs(await createIdentityProvider(call.service, id, own, checkIdentityProvider));
  },
  replace: (call, id, body) => {
    const own = ofCallersTenant(call, body);
    return replaceIdentityProvider(call.service, id, own, call.scope, checkIdentityProvider);
  },
  remove: ({ service, scope }, id) => deleteIdentityProvider(service, id, scope),
  removal: 'Takes it away, with its links; users and their sessions stay.',
};

/** A provider without tenant makes users in all of them: a caller bound to one makes those of its own only. */
function ofCallersTenant({ service, scope }: Call, body: ProviderBody): ProviderBody {
  const { defaultKeyId, verificationKeyIds } = body;
  requireForeignKey(service.catalog(), defaultKeyId, scope, 'identityProvider.defaultKeyId');
  for (const id of verificationKeyIds)
    requireForeignKey(service.catalog(), id, scope, 'identityProvider.verificationKeyIds');
  const tenantId = body.tenantId ?? scope.tenantId;
  if (scope.tenantId !== null && tenantId !== scope.tenantId)
    throw badField('identityProvider.tenantId', 'invalid', 'There is no such tenant');
  return { ...body, tenantId };
}

const retrieveAll = operation({
  method: 'GET',
  path: PATH,
  operationId: 'retrieveIdentityProviders',
  summary: 'Shows all that the call may see, or those of a type.',
  tag: 'IdentityProvider',
  auth: 'apiKey',
  request: { query: z.object({ type: text().optional() }) },
  answers: { 200: { description: 'All of them.', schema: z.object({ identityProviders: z.array(shown) }) } },
  handle: async ({ service, scope }, { query: { type } }) => {
    const all = listObjects(service, 'identityProviders', scope);
    return json(200, {
      identityProviders: all.filter((one) => type === undefined || one.type === type).map(renderAsIs),
    });
  },
});

/** Objects of one page, where the caller does not say, and at most. */
const RESULTS_DEFAULT = 25;
const RESULTS_MAX = 500;

const search = z.object({
  applicationId: uuid().optional().meta({ description: 'Those enabled for the application.' }),
  name: text().optional().meta({ description: 'Part of the name, in any case; `*` is looked past.' }),
  type: text().optional(),
  startRow: z.int().nonnegative().default(0),
  numberOfResults: z.int().min(1).max(RESULTS_MAX).default(RESULTS_DEFAULT),
});

const searchAll = operation({
  method: 'POST',
  path: `${PATH}/search`,
  operationId: 'searchIdentityProviders',
  summary: 'Shows a page of those that match.',
  tag: 'IdentityProvider',
  auth: 'apiKey',
  request: { body: z.object({ search: search.prefault({}) }) },
  answers: {
    200: {
      description: 'A page, and how many there are.',
      schema: z.object({ identityProviders: z.array(shown), total: z.int() }),
    },
  },
  handle: async ({ service, scope }, { body }) => {
    const { startRow, numberOfResults } = body.search;
    const found = listObjects(service, 'identityProviders', scope).filter(matching(body.search));
    const page = found.slice(startRow, startRow + numberOfResults);
    return json(200, { identityProviders: page.map(renderAsIs), total: found.length });
  },
});

function matching({ applicationId, name, type }: z.output<typeof search>) {
  const part = name?.replaceAll('*', '').toLowerCase() ?? '';
  return (one: ProviderBody): boolean =>
    one.name.toLowerCase().includes(part) &&
    (type === undefined || one.type === type) &&
    (applicationId === undefined || one.applicationConfiguration[applicationId]?.enabled === true);
}

const lookup = operation({
  method: 'GET',
  path: `${PATH}/lookup`,
  operationId: 'lookupIdentityProvider',
  summary: 'Says which provider manages a domain, or the domain of an e-mail address.',
  tag: 'IdentityProvider',
  auth: 'none',
  request: { query: z.object({ domain: text(), tenantId: uuid().optional() }) },
  answers: {
    200: {
      description: 'What a login page needs to know of it.',
      schema: z.object({
        identityProvider: z.object({
          applicationIds: z.array(uuid()),
          id: uuid(),
          name: z.string(),
          type: z.literal('ExternalJWT'),
          tenantId: uuid().optional(),
          oauth2: z.object({
            authorization_endpoint: z.string().optional(),
            token_endpoint: z.string().optional(),
          }),
        }),
      }),
    },
  },
  handle: async ({ service, scope }, { query: { domain, tenantId } }) => {
    const identityProvider = lookUpProvider(service, {
      domain,
      tenantId: tenantId ?? scope.tenantId ?? undefined,
    });
    return json(200, { identityProvider });
  },
});

export const IDENTITY_PROVIDER_OPERATIONS = [
  ...commonOperations(kind),
  deleting(kind),
  retrieveAll,
  searchAll,
  lookup,
];
