/** Operations on access tokens: issue for another application, validate, vend, public keys. */
import { z } from 'zod';
import type { Json, JsonObject } from '../../core/json.ts';
import { SECOND_MS } from '../../core/time.ts';
import { text, uuid } from '../../objects/values.ts';
import { issue } from '../../tokens/issue.ts';
import {
  jsonWebKeySet,
  publicKeyByKid,
  publicKeyOfApplication,
  publicKeys,
} from '../../tokens/public-keys.ts';
import { validate } from '../../tokens/validate.ts';
import { vend } from '../../tokens/vend.ts';
import { json } from './answer.ts';
import { type ApiSettings, userOf } from './call.ts';
import { operation } from './operation.ts';

const token = z.string().meta({ description: 'A compact JWS (RFC 7515 §7.1).' });
const issueAnswer = z.object({ token, refreshToken: z.string().optional() }).meta({ id: 'IssueResponse' });

const issueJwt = operation({
  method: 'GET',
  path: '/api/jwt/issue',
  operationId: 'issueJWT',
  summary: 'Gives the holder of an access token one for another application, with the same end.',
  tag: 'JWT',
  auth: 'jwt',
  isGuarded: true,
  request: {
    query: z.object({
      applicationId: uuid(),
      refreshToken: z.string().optional().meta({ description: 'The cookie refresh_token comes before it.' }),
    }),
  },
  answers: {
    200: { description: 'A token for the application.', schema: issueAnswer },
    202: {
      description: 'The user is not registered there: the token says nothing of it.',
      schema: issueAnswer,
    },
  },
  handle: async (call, { query }) => {
    const refreshToken = call.cookies.refreshToken ?? query.refreshToken;
    const input = { applicationId: query.applicationId, refreshToken };
    const { status, tokens } = await issue(call.service, input, userOf(call), call.scope);
    const shared = tokens.refreshToken === null ? {} : { refreshToken: tokens.refreshToken.value };
    return json(status, { token: tokens.token, ...shared });
  },
});

/** Claims that are instants (RFC 7519 §4.1, OpenID Connect Core §2). */
const INSTANTS = ['exp', 'iat', 'nbf', 'auth_time'];

const validateJwt = operation({
  method: 'GET',
  path: '/api/jwt/validate',
  operationId: 'validateJWT',
  summary: 'Says whether an access token is in force, and what it holds.',
  tag: 'JWT',
  auth: 'none',
  request: {},
  answers: {
    200: { description: 'It is.', schema: z.object({ jwt: z.record(z.string(), z.json()) }) },
  },
  handle: async ({ service, credential, scope, settings }) => {
    const given = credential?.kind === 'jwt' ? credential.token : null;
    return json(200, { jwt: inUnit(await validate(service, given, scope), settings) });
  },
});

function inUnit(claims: JsonObject, { compat }: Pick<ApiSettings, 'compat'>): JsonObject {
  if (compat.validateInstants === 'seconds') return claims;
  const milliseconds = ([name, value]: [string, Json]) =>
    INSTANTS.includes(name) && typeof value === 'number' ? [name, value * SECOND_MS] : [name, value];
  return Object.fromEntries(Object.entries(claims).map(milliseconds));
}

const claimsObject = z.record(z.string(), z.json(), { error: 'is no JSON object' });

const vendJwt = operation({
  method: 'POST',
  path: '/api/jwt/vend',
  operationId: 'vendJWT',
  summary: 'Signs claims of the caller’s choice.',
  tag: 'JWT',
  auth: 'apiKey',
  request: {
    body: z.object({
      claims: claimsObject.optional(),
      keyId: uuid().optional().meta({ description: 'Without it, the key of the tenant.' }),
      timeToLiveInSeconds: z.int({ error: 'is no whole number' }).optional(),
    }),
  },
  answers: { 200: { description: 'The token.', schema: z.object({ token }) } },
  handle: async ({ service, scope }, { body }) => json(200, { token: await vend(service, body, scope) }),
});

const keyAnswer = z
  .object({
    publicKeys: z.record(z.string(), z.string()).optional().meta({ description: 'PEM by kid.' }),
    publicKey: z.string().optional().meta({ description: 'PEM.' }),
  })
  .meta({ id: 'PublicKeyResponse' });

const publicKey = operation({
  method: 'GET',
  path: '/api/jwt/public-key',
  operationId: 'retrieveJWTPublicKey',
  summary: 'Shows public keys: all, that of an application, or that of a kid.',
  tag: 'JWT',
  auth: 'none',
  request: {
    query: z.object({
      applicationId: uuid().optional(),
      kid: text().optional(),
      keyId: text().optional().meta({ description: 'Another name of kid.' }),
    }),
  },
  answers: { 200: { description: 'The keys.', schema: keyAnswer } },
  handle: async ({ service, scope }, { query: { applicationId, kid, keyId } }) => {
    const wanted = kid ?? keyId;
    if (applicationId !== undefined)
      return json(200, { publicKey: publicKeyOfApplication(service, applicationId, scope) });
    if (wanted !== undefined) return json(200, { publicKey: publicKeyByKid(service, wanted) });
    return json(200, { publicKeys: publicKeys(service) });
  },
});

const keySet = operation({
  method: 'GET',
  path: '/.well-known/jwks.json',
  operationId: 'retrieveJsonWebKeySet',
  summary: 'Shows the public keys as a JWK set (RFC 7517 §5).',
  tag: 'JWT',
  auth: 'none',
  request: {},
  answers: {
    200: {
      description: 'The set.',
      schema: z.object({
        keys: z.array(z.looseObject({ kty: z.string(), kid: z.string(), alg: z.string() })),
      }),
    },
  },
  handle: async ({ service }) => json(200, jsonWebKeySet(service)),
});

export const JWT_OPERATIONS = [issueJwt, validateJwt, vendJwt, publicKey, keySet];
