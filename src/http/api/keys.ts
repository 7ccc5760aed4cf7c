/** Operations on keys: made here or brought along. What signs is never shown. */
import { z } from 'zod';
import { generateKeySchema, importKeySchema, KEY_ALGORITHMS, updateKeySchema } from '../../objects/key.ts';
import { uuid } from '../../objects/values.ts';
import { listObjects, readObject } from '../../tokens/objects/catalog-object.ts';
import { deleteKey, generateKey, importKey, renameKey } from '../../tokens/objects/keys.ts';
import { empty, json } from './answer.ts';
import { operation } from './operation.ts';
import { renderKey } from './render.ts';
import { stamps } from './schemas.ts';

const shownKey = z
  .object({
    ...stamps,
    name: z.string(),
    kid: z.string(),
    algorithm: z.enum(KEY_ALGORITHMS),
    type: z.enum(['RSA', 'EC', 'OKP', 'HMAC']),
    length: z.int().optional().meta({ description: 'Bits.' }),
    publicKey: z.string().optional().meta({ description: 'PEM.' }),
    certificate: z.string().optional().meta({ description: 'PEM.' }),
    x5t: z.string().optional(),
    x5tS256: z.string().optional(),
    hasPrivateKey: z.boolean(),
  })
  .meta({ id: 'Key' });

const params = z.object({ id: uuid() });
const common = { tag: 'Key', auth: 'apiKey' } as const;
/** Keys belong to no tenant. */
const changing = { ...common, needsAllTenants: true } as const;
const oneKey = { 200: { description: 'The key, without what signs.', schema: z.object({ key: shownKey }) } };
const generated = z.object({ key: generateKeySchema }).meta({ id: 'GenerateKeyRequest' });
const imported = z.object({ key: importKeySchema }).meta({ id: 'ImportKeyRequest' });

export const KEY_OPERATIONS = [
  operation({
    ...changing,
    method: 'POST',
    path: '/api/key/generate',
    operationId: 'generateKey',
    summary: 'Makes a key.',
    request: { body: generated },
    answers: oneKey,
    handle: async ({ service }, { body: { key } }) =>
      json(200, { key: renderKey(await generateKey(service, key.id, key)) }),
  }),
  operation({
    ...changing,
    method: 'POST',
    path: '/api/key/generate/{id}',
    operationId: 'generateKeyWithId',
    summary: 'Makes a key with this id.',
    request: { params, body: generated },
    answers: oneKey,
    handle: async ({ service }, { params: { id }, body: { key } }) =>
      json(200, { key: renderKey(await generateKey(service, id, key)) }),
  }),
  operation({
    ...changing,
    method: 'POST',
    path: '/api/key/import',
    operationId: 'importKey',
    summary: 'Takes a key that was made elsewhere.',
    request: { body: imported },
    answers: oneKey,
    handle: async ({ service }, { body: { key } }) =>
      json(200, { key: renderKey(await importKey(service, key.id, key)) }),
  }),
  operation({
    ...changing,
    method: 'POST',
    path: '/api/key/import/{id}',
    operationId: 'importKeyWithId',
    summary: 'Takes a key that was made elsewhere, under this id.',
    request: { params, body: imported },
    answers: oneKey,
    handle: async ({ service }, { params: { id }, body: { key } }) =>
      json(200, { key: renderKey(await importKey(service, id, key)) }),
  }),
  operation({
    ...common,
    method: 'GET',
    path: '/api/key/{id}',
    operationId: 'retrieveKey',
    summary: 'Shows a key.',
    request: { params },
    answers: oneKey,
    handle: async ({ service, scope }, { params: { id } }) =>
      json(200, { key: renderKey(readObject(service, 'keys', id, scope)) }),
  }),
  operation({
    ...common,
    method: 'GET',
    path: '/api/key',
    operationId: 'retrieveKeys',
    summary: 'Shows all keys.',
    request: {},
    answers: { 200: { description: 'All keys.', schema: z.object({ keys: z.array(shownKey) }) } },
    handle: async ({ service, scope }) =>
      json(200, { keys: listObjects(service, 'keys', scope).map(renderKey) }),
  }),
  operation({
    ...changing,
    method: 'PUT',
    path: '/api/key/{id}',
    operationId: 'updateKey',
    summary: 'Gives a key another name; everything else of it is fixed.',
    request: { params, body: z.object({ key: updateKeySchema }) },
    answers: oneKey,
    handle: async ({ service, scope }, { params: { id }, body: { key } }) =>
      json(200, { key: renderKey(await renameKey(service, id, key.name, scope)) }),
  }),
  operation({
    ...changing,
    method: 'DELETE',
    path: '/api/key/{id}',
    operationId: 'deleteKey',
    summary: 'Takes away a key that nothing uses.',
    request: { params },
    answers: { 200: { description: 'It is gone.' } },
    handle: async ({ service, scope }, { params: { id } }) => {
      await deleteKey(service, id, scope);
      return empty(200);
    },
  }),
];
