/** Operations on registrations: which users belong to which applications, with which roles. */
import { z } from 'zod';
import { registrationSchema, userSchema } from '../../objects/user.ts';
import { uuid } from '../../objects/values.ts';
import {
  changeRegistration,
  createRegistration,
  deleteRegistration,
  readRegistration,
} from '../../tokens/objects/registrations.ts';
import { createUser } from '../../tokens/objects/users.ts';
import { type Answer, empty, json } from './answer.ts';
import type { Call } from './call.ts';
import { mergePatch } from './merge-patch.ts';
import { operation } from './operation.ts';
import { renderRegistration, renderUser } from './render.ts';
import { registrationAnswer, shownUser } from './schemas.ts';
import { validate } from './validate.ts';

const body = z.object({ registration: registrationSchema });
const newBody = body.extend({ user: userSchema.optional() }).meta({ id: 'RegistrationRequest' });
const params = z.object({ userId: uuid(), applicationId: uuid() });
const common = { tag: 'Registration', auth: 'apiKey' } as const;
const oneRegistration = { 200: { description: 'The registration.', schema: registrationAnswer } };
const madeAnswers = {
  200: {
    description: 'The registration, and the user where it was made too.',
    schema: registrationAnswer.extend({ user: shownUser.optional() }),
  },
};

/** With a user in the body, both are made in one transaction. @throws ServiceError 400, 404 */
async function register(call: Call, id: string | undefined, sent: z.output<typeof newBody>): Promise<Answer> {
  const { service, scope } = call;
  const { registration, user } = sent;
  if (user === undefined && id !== undefined) {
    const created = await createRegistration(service, id, registration, scope);
    return json(200, { registration: renderRegistration(created) });
  }
  // Without a user, the complaint is that of one that has no login.
  const made = user ?? validate(userSchema, {});
  const created = await createUser(service, id, made, scope, registration);
  const [own] = created.registrations.map(renderRegistration);
  return json(200, { registration: own, user: renderUser(created) });
}

export const REGISTRATION_OPERATIONS = [
  operation({
    ...common,
    method: 'POST',
    path: '/api/user/registration',
    operationId: 'registerUser',
    summary: 'Makes a user and registers it.',
    request: { body: newBody.required() },
    answers: madeAnswers,
    handle: async (call, { body: sent }) => await register(call, undefined, sent),
  }),
  operation({
    ...common,
    method: 'POST',
    path: '/api/user/registration/{userId}',
    operationId: 'register',
    summary: 'Registers a user; makes it too where the body has one.',
    request: { params: params.pick({ userId: true }), body: newBody },
    answers: madeAnswers,
    handle: async (call, { params: { userId }, body: sent }) => await register(call, userId, sent),
  }),
  operation({
    ...common,
    method: 'GET',
    path: '/api/user/registration/{userId}/{applicationId}',
    operationId: 'retrieveRegistration',
    summary: 'Shows a registration.',
    request: { params },
    answers: oneRegistration,
    handle: async ({ service, scope }, { params: { userId, applicationId } }) => {
      const found = await readRegistration(service, userId, applicationId, scope);
      return json(200, { registration: renderRegistration(found) });
    },
  }),
  operation({
    ...common,
    method: 'PUT',
    path: '/api/user/registration/{userId}',
    operationId: 'updateRegistration',
    summary: 'Puts other members in place of those of a registration.',
    request: { params: params.pick({ userId: true }), body },
    answers: oneRegistration,
    handle: async ({ service, scope }, { params: { userId }, body: { registration } }) => {
      const { applicationId } = registration;
      const changed = await changeRegistration(service, userId, applicationId, scope, () => registration);
      return json(200, { registration: renderRegistration(changed) });
    },
  }),
  operation({
    ...common,
    method: 'PATCH',
    path: '/api/user/registration/{userId}',
    operationId: 'patchRegistration',
    summary: 'Changes the members that are sent (RFC 7396).',
    request: {
      params: params.pick({ userId: true }),
      body: z.object({ registration: z.looseObject({ applicationId: uuid() }) }),
    },
    answers: oneRegistration,
    handle: async ({ service, scope }, { params: { userId }, body: { registration: patch } }) => {
      const { applicationId } = patch;
      const changed = await changeRegistration(service, userId, applicationId, scope, (present) => {
        const merged = mergePatch(renderRegistration(present), patch);
        return validate(body, { registration: merged }).registration;
      });
      return json(200, { registration: renderRegistration(changed) });
    },
  }),
  operation({
    ...common,
    method: 'DELETE',
    path: '/api/user/registration/{userId}/{applicationId}',
    operationId: 'deleteRegistration',
    summary: 'Ends a registration, and its refresh tokens.',
    request: { params },
    answers: { 200: { description: 'It is gone.' } },
    handle: async ({ service, scope }, { params: { userId, applicationId } }) => {
      await deleteRegistration(service, userId, applicationId, scope);
      return empty(200);
    },
  }),
];
