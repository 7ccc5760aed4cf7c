/** Operations on users. */
import { z } from 'zod';
import { type UserBody, userSchema } from '../../objects/user.ts';
import { text, uuid } from '../../objects/values.ts';
import { badRequest } from '../../tokens/failure.ts';
import { changeUser, createUser, deleteUser, findUser, readUser } from '../../tokens/objects/users.ts';
import { empty, json } from './answer.ts';
import type { Call } from './call.ts';
import { mergePatch } from './merge-patch.ts';
import { operation } from './operation.ts';
import { renderUser } from './render.ts';
import { flag, shownUser } from './schemas.ts';
import { validate } from './validate.ts';

const params = z.object({ id: uuid() });
const body = z.object({ user: userSchema }).meta({ id: 'UserRequest' });
const common = { tag: 'User', auth: 'apiKey' } as const;
const oneUser = { 200: { description: 'The user.', schema: z.object({ user: shownUser }) } };

async function change(call: Call, id: string, merge: (present: Record<string, unknown>) => UserBody) {
  const { service, scope } = call;
  return await changeUser(service, id, scope, (present) => merge(renderUser(present)));
}

/** Members that are not of the body are dropped where it is checked. */
function setActive(call: Call, id: string, active: boolean) {
  return change(call, id, (present) => ({ ...validate(body, { user: present }).user, active }));
}

export const USER_OPERATIONS = [
  operation({
    ...common,
    method: 'POST',
    path: '/api/user',
    operationId: 'createUser',
    summary: 'Makes a user.',
    request: { body },
    answers: oneUser,
    handle: async ({ service, scope }, { body: { user } }) =>
      json(200, { user: renderUser(await createUser(service, undefined, user, scope)) }),
  }),
  operation({
    ...common,
    method: 'POST',
    path: '/api/user/{id}',
    operationId: 'createUserWithId',
    summary: 'Makes a user with this id.',
    request: { params, body },
    answers: oneUser,
    handle: async ({ service, scope }, { params: { id }, body: { user } }) =>
      json(200, { user: renderUser(await createUser(service, id, user, scope)) }),
  }),
  operation({
    ...common,
    method: 'GET',
    path: '/api/user/{id}',
    operationId: 'retrieveUser',
    summary: 'Shows a user.',
    request: { params },
    answers: oneUser,
    handle: async ({ service, scope }, { params: { id } }) =>
      json(200, { user: renderUser(await readUser(service, id, scope)) }),
  }),
  operation({
    ...common,
    method: 'GET',
    path: '/api/user',
    operationId: 'findUser',
    summary: 'Shows the user with this e-mail address, username, or either.',
    request: {
      query: z.object({ email: text().optional(), username: text().optional(), loginId: text().optional() }),
    },
    answers: oneUser,
    handle: async (call, { query }) => json(200, { user: renderUser(await find(call, query)) }),
  }),
  operation({
    ...common,
    method: 'PUT',
    path: '/api/user/{id}',
    operationId: 'updateUser',
    summary: 'Puts other members in place of those of a user; with reactivate, only makes it active.',
    request: { params, query: z.object({ reactivate: flag() }), body: body.partial() },
    answers: oneUser,
    handle: async (call, { params: { id }, query: { reactivate }, body: sent }) => {
      if (reactivate) return json(200, { user: renderUser(await setActive(call, id, true)) });
      const { user } = validate(body, sent);
      return json(200, { user: renderUser(await change(call, id, () => user)) });
    },
  }),
  operation({
    ...common,
    method: 'PATCH',
    path: '/api/user/{id}',
    operationId: 'patchUser',
    summary: 'Changes the members that are sent (RFC 7396).',
    request: { params, body: z.object({ user: z.record(z.string(), z.unknown()) }) },
    answers: oneUser,
    handle: async (call, { params: { id }, body: { user: patch } }) => {
      const user = await change(
        call,
        id,
        (present) => validate(body, { user: mergePatch(present, patch) }).user,
      );
      return json(200, { user: renderUser(user) });
    },
  }),
  operation({
    ...common,
    method: 'DELETE',
    path: '/api/user/{id}',
    operationId: 'deleteUser',
    summary: 'Deactivates a user; with hardDelete it is gone, with everything of it.',
    request: { params, query: z.object({ hardDelete: flag() }) },
    answers: { 200: { description: 'The user is inactive, or gone.' } },
    handle: async (call, { params: { id }, query: { hardDelete } }) => {
      if (hardDelete) await deleteUser(call.service, id, call.scope);
      else await setActive(call, id, false);
      return empty(200);
    },
  }),
];

interface UserSearch {
  readonly email?: string | undefined;
  readonly username?: string | undefined;
  readonly loginId?: string | undefined;
}

/** @throws ServiceError 400, 404 */
async function find({ service, scope }: Call, { email, username, loginId }: UserSearch) {
  const address = email ?? (loginId?.includes('@') === true ? loginId : undefined);
  if (address !== undefined) return await findUser(service, { email: address }, scope);
  const name = username ?? loginId;
  if (name === undefined) throw badRequest('[blank]email', 'Name an email, a username or a loginId');
  return await findUser(service, { username: name }, scope);
}
