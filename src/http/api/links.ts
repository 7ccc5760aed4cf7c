/** Operations on links between users and their identities at identity providers. */
import { z } from 'zod';
import { instant, name, text, uuid } from '../../objects/values.ts';
import { badField } from '../../tokens/failure.ts';
import {
  completePendingLink,
  createLink,
  deleteLink,
  type LinkView,
  listLinks,
  readLink,
  readPendingLink,
} from '../../tokens/links.ts';
import { json } from './answer.ts';
import { operation } from './operation.ts';
import { withoutNulls } from './render.ts';
import { validate } from './validate.ts';

const PATH = '/api/identity-provider/link';
const common = { tag: 'Link', auth: 'apiKey' } as const;

const shownLink = z
  .object({
    displayName: z.string().optional(),
    identityProviderId: uuid(),
    identityProviderName: z.string(),
    identityProviderType: z.literal('ExternalJWT'),
    identityProviderUserId: z.string(),
    insertInstant: instant(),
    lastLoginInstant: instant().optional(),
    tenantId: uuid(),
    userId: uuid(),
  })
  .meta({ id: 'IdentityProviderLink' });

const oneLink = { 200: { description: 'The link.', schema: z.object({ identityProviderLink: shownLink }) } };

const identity = z.object({
  identityProviderId: uuid(),
  identityProviderUserId: name().meta({ description: 'The unique id of the user at the provider.' }),
  userId: uuid(),
  displayName: text().optional(),
});

/** Of a pending link everything but the user is known. */
const linkBody = z.object({
  pendingIdPLinkId: text().optional(),
  identityProviderLink: identity.partial({ identityProviderId: true, identityProviderUserId: true }),
});

function linkJson(link: LinkView) {
  return json(200, { identityProviderLink: withoutNulls(link) });
}

const create = operation({
  ...common,
  method: 'POST',
  path: PATH,
  operationId: 'createUserLink',
  summary: 'Links a user to an identity, or to the one that waits under a pending id.',
  request: { body: linkBody },
  answers: oneLink,
  handle: async ({ service, scope }, { body }) => {
    const { pendingIdPLinkId, identityProviderLink } = body;
    if (pendingIdPLinkId === undefined) {
      const named = validate(z.object({ identityProviderLink: identity }), body);
      return linkJson(await createLink(service, named.identityProviderLink, scope));
    }
    const { userId } = identityProviderLink;
    return linkJson(await completePendingLink(service, { pendingIdPLinkId, userId }, scope));
  },
});

const names = z.object({
  identityProviderId: uuid().optional(),
  identityProviderUserId: text().optional(),
  userId: uuid().optional(),
});

const retrieve = operation({
  ...common,
  method: 'GET',
  path: PATH,
  operationId: 'retrieveUserLinks',
  summary: 'Shows the link of an identity, or the links of a user.',
  request: { query: names },
  answers: {
    200: {
      description: 'One link where an identity is named, else those of the user.',
      schema: z.object({
        identityProviderLink: shownLink.optional(),
        identityProviderLinks: z.array(shownLink).optional(),
      }),
    },
  },
  handle: async ({ service, scope }, { query }) => {
    const { identityProviderId, identityProviderUserId, userId } = query;
    if (identityProviderId !== undefined && identityProviderUserId !== undefined)
      return linkJson(await readLink(service, { identityProviderId, identityProviderUserId, userId }, scope));
    if (userId === undefined) throw badField('userId', 'blank', 'Name an identity or a user');
    const links = await listLinks(service, { userId, identityProviderId }, scope);
    return json(200, { identityProviderLinks: links.map(withoutNulls) });
  },
});

const remove = operation({
  ...common,
  method: 'DELETE',
  path: PATH,
  operationId: 'deleteUserLink',
  summary: 'Takes a link away.',
  request: { query: names.required({ identityProviderId: true, identityProviderUserId: true }) },
  answers: oneLink,
  handle: async ({ service, scope }, { query }) => linkJson(await deleteLink(service, query, scope)),
});

const retrievePending = operation({
  ...common,
  method: 'GET',
  path: `${PATH}/pending/{pendingIdPLinkId}`,
  operationId: 'retrievePendingLink',
  summary: 'Shows the identity that waits to be linked.',
  request: { params: z.object({ pendingIdPLinkId: text() }) },
  answers: {
    200: {
      description: 'The identity.',
      schema: z.object({
        pendingIdPLink: z.object({
          displayName: z.string().optional(),
          email: z.string().optional(),
          identityProviderId: uuid(),
          identityProviderUserId: z.string(),
          username: z.string().optional(),
        }),
      }),
    },
  },
  handle: async ({ service, scope }, { params }) => {
    const pending = await readPendingLink(service, params.pendingIdPLinkId, scope);
    const { displayName, email, identityProviderId, identityProviderUserId, username } = pending;
    const shown = { displayName, email, identityProviderId, identityProviderUserId, username };
    return json(200, { pendingIdPLink: withoutNulls(shown) });
  },
});

export const LINK_OPERATIONS = [create, retrieve, remove, retrievePending];
