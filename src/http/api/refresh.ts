/** Operations on refresh tokens: exchange, show, revoke. */
import { z } from 'zod';
import { instant, uuid } from '../../objects/values.ts';
import { badRequest } from '../../tokens/failure.ts';
import { refresh } from '../../tokens/refresh.ts';
import { retrieveRefreshToken, retrieveRefreshTokens } from '../../tokens/retrieve.ts';
import { revoke } from '../../tokens/revoke.ts';
import { empty, json } from './answer.ts';
import { callerOf } from './call.ts';
import { tokenCookies } from './cookies.ts';
import { operation } from './operation.ts';

const secretText = () => z.string().min(1, { error: 'is empty' });

const shownToken = z
  .object({
    applicationId: uuid().optional().meta({ description: 'Absent: it gives no application tokens.' }),
    id: uuid(),
    insertInstant: instant(),
    metaData: z.object({
      device: z.object({
        description: z.string().optional(),
        lastAccessedAddress: z.string().optional(),
        lastAccessedInstant: instant().optional(),
        name: z.string().optional(),
        type: z.string().optional(),
      }),
      scopes: z.array(z.string()),
    }),
    startInstant: instant(),
    token: z.string(),
    userId: uuid(),
  })
  .meta({ id: 'RefreshToken' });

const exchangeToken = operation({
  method: 'POST',
  path: '/api/jwt/refresh',
  operationId: 'exchangeRefreshTokenForJWT',
  summary: 'Exchanges a refresh token for an access token.',
  tag: 'RefreshToken',
  auth: 'none',
  isGuarded: true,
  request: {
    body: z.object({
      refreshToken: z.string().optional().meta({ description: 'The cookie refresh_token comes before it.' }),
      token: z.string().optional().meta({ description: 'The token before, for webhooks: `original`.' }),
      timeToLiveInSeconds: z.int({ error: 'is no whole number' }).optional(),
    }),
  },
  answers: {
    200: {
      description: 'The tokens, also as cookies.',
      schema: z
        .object({ token: z.string(), refreshToken: z.string(), refreshTokenId: uuid() })
        .meta({ id: 'JWTRefreshResponse' }),
    },
  },
  handle: async ({ service, scope, cookies, jar }, { body }) => {
    const input = {
      ...body,
      refreshToken: cookies.refreshToken ?? body.refreshToken,
      token: body.token ?? cookies.accessToken ?? undefined,
    };
    const tokens = await refresh(service, input, scope);
    const { id: refreshTokenId, value: refreshToken } = tokens.refreshToken;
    return json(200, { token: tokens.token, refreshToken, refreshTokenId }, tokenCookies(jar, tokens));
  },
});

const retrieveOne = operation({
  method: 'GET',
  path: '/api/jwt/refresh/{tokenId}',
  operationId: 'retrieveRefreshTokenById',
  summary: 'Shows a refresh token.',
  tag: 'RefreshToken',
  auth: 'apiKey',
  request: { params: z.object({ tokenId: uuid() }) },
  answers: { 200: { description: 'The token.', schema: z.object({ refreshToken: shownToken }) } },
  handle: async ({ service, scope }, { params }) =>
    json(200, { refreshToken: await retrieveRefreshToken(service, params.tokenId, scope) }),
});

const retrieveAll = operation({
  method: 'GET',
  path: '/api/jwt/refresh',
  operationId: 'retrieveRefreshTokens',
  summary: 'Shows the refresh tokens of a user.',
  tag: 'RefreshToken',
  auth: 'apiKey',
  request: { query: z.object({ userId: uuid() }) },
  answers: {
    200: { description: 'Newest first.', schema: z.object({ refreshTokens: z.array(shownToken) }) },
  },
  handle: async ({ service, scope }, { query }) =>
    json(200, { refreshTokens: await retrieveRefreshTokens(service, query.userId, scope) }),
});

/** In the query, or in a body that no access log shows: JSON, or a form. */
const named = z.object({
  applicationId: uuid().optional(),
  userId: uuid().optional(),
  token: secretText().optional().meta({ description: 'A value. Better in the body: queries are logged.' }),
});

const gone = { 200: { description: 'They are revoked.' } };

const revokeOne = operation({
  method: 'DELETE',
  path: '/api/jwt/refresh/{tokenId}',
  operationId: 'revokeRefreshTokenById',
  summary: 'Revokes one refresh token.',
  tag: 'RefreshToken',
  auth: 'apiKeyOrJwt',
  isGuarded: true,
  request: { params: z.object({ tokenId: uuid() }) },
  answers: gone,
  handle: async (call, { params }) => {
    await revoke(call.service, params, callerOf(call), call.scope);
    return empty(200);
  },
});

const revokeNamed = operation({
  method: 'DELETE',
  path: '/api/jwt/refresh',
  operationId: 'revokeRefreshTokens',
  summary: 'Revokes one refresh token by its value, or all of a user, an application, or both.',
  tag: 'RefreshToken',
  auth: 'apiKeyOrJwt',
  acceptsForm: true,
  isGuarded: true,
  request: { query: named, body: named },
  answers: gone,
  handle: async (call, { query, body }) => {
    const isTwice = Object.entries(query).some(([name, value]) => value !== undefined && name in body);
    if (isTwice) throw badRequest('[ambiguous]', 'A member stands in the query and in the body');
    await revoke(call.service, { ...query, ...body }, callerOf(call), call.scope);
    return empty(200);
  },
});

export const REFRESH_OPERATIONS = [exchangeToken, retrieveOne, retrieveAll, revokeOne, revokeNamed];
