/**
 * The token service under its standard names, over the same use cases: RFC 6749 §6 (refresh), RFC 8693 (token exchange
 * is reconcile), RFC 7662 (introspection), RFC 7009 (revocation), RFC 8414 (metadata). A client is an application.
 */
import { z } from 'zod';
import { issuingProvider } from '../../identity-providers/issuing-provider.ts';
import { reconcile } from '../../identity-providers/reconcile.ts';
import { uuid } from '../../objects/values.ts';
import { clientSession } from '../../tokens/client-session.ts';
import { introspect } from '../../tokens/introspect.ts';
import { exchangedTokens, oauthTokens } from '../../tokens/oauth-tokens.ts';
import { refresh } from '../../tokens/refresh.ts';
import { revokeToken } from '../../tokens/revoke-token.ts';
import { type Answer, empty, json } from './answer.ts';
import { API_BODY_MAX_TEXT } from './body.ts';
import type { Call } from './call.ts';
import { OAuthError, oauthRefusal, orOAuthError } from './oauth-failure.ts';
import { operation } from './operation.ts';
import { limitProvider } from './reconcile.ts';

/** RFC 8693 §2.1. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
/** RFC 8693 §3: a foreign JWT under any of the names that clients have for it. */
const JWT_TYPES: readonly string[] = ['jwt', 'access_token', 'id_token'].map(
  (name) => `urn:ietf:params:oauth:token-type:${name}`,
);

/** RFC 8693 §3: our access tokens are JWTs. */
const GIVEN_TYPES: readonly string[] = ['access_token', 'jwt'].map(
  (name) => `urn:ietf:params:oauth:token-type:${name}`,
);

/** Parameters are checked where their errors can be told the OAuth way. */
const form = z.record(z.string(), z.string());
type Form = z.output<typeof form>;

const tokens = z.object({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.int(),
  refresh_token: z.string().optional(),
  issued_token_type: z.string().optional(),
});

function required(body: Form, name: string): string {
  const value = body[name] ?? '';
  if (value === '') throw new OAuthError('invalid_request', `${name} is missing`);
  return value;
}

/** Ids of ours. Null: it is not sent. @throws OAuthError where it is no UUID */
function idOf(body: Form, name: string): string | null {
  if (body[name] === undefined) return null;
  const parsed = uuid().safeParse(body[name]);
  if (!parsed.success) throw new OAuthError('invalid_request', `${name} is no UUID`);
  return parsed.data;
}

/** RFC 6749 §2.2. */
function clientIdOf(body: Form): string | null {
  return idOf(body, 'client_id');
}

/**
 * RFC 8693 §2.1: what we give is an access token of the subject, for one audience. Who asks for something else must not
 * take it for what was asked for.
 *
 * @throws OAuthError
 */
function requirePlainExchange(body: Form): void {
  const asked = ['actor_token', 'resource'].find((name) => body[name] !== undefined);
  if (asked !== undefined) throw new OAuthError('invalid_request', `${asked} is not served`);
  const wanted = body['requested_token_type'];
  if (wanted !== undefined && !GIVEN_TYPES.includes(wanted))
    throw new OAuthError('invalid_request', 'requested_token_type is not served');
}

/** RFC 6749 §3.3: tokens have roles, and no scopes. Who asks for one must not think that it was granted. */
function requireNoScope(body: Form): void {
  if ((body['scope'] ?? '') !== '') throw new OAuthError('invalid_scope', 'a scope is asked for');
}

async function grant(call: Call, body: Form): Promise<Answer> {
  const type = required(body, 'grant_type');
  requireNoScope(body);
  if (type === 'refresh_token') return await refreshGrant(call, body);
  if (type === TOKEN_EXCHANGE) return await exchangeGrant(call, body);
  throw new OAuthError('unsupported_grant_type', 'the grant type is not served');
}

async function refreshGrant({ service, scope, jar }: Call, body: Form): Promise<Answer> {
  const refreshToken = required(body, 'refresh_token');
  if ((await clientSession(service, refreshToken, clientIdOf(body), scope)) === null)
    throw new OAuthError('invalid_grant', 'the refresh token is unknown, or of another client');
  return json(200, oauthTokens(await refresh(service, { refreshToken }, scope), jar.nowMs));
}

async function exchangeGrant(call: Call, body: Form): Promise<Answer> {
  const { service, foreign, scope, jar } = call;
  const token = required(body, 'subject_token');
  requirePlainExchange(body);
  if (!JWT_TYPES.includes(required(body, 'subject_token_type')))
    throw new OAuthError('unsupported_token_type', 'subject_token_type is not served');
  const applicationId = idOf(body, 'audience') ?? clientIdOf(body) ?? required(body, 'client_id');
  const identityProviderId =
    idOf(body, 'identity_provider_id') ??
    issuingProvider(service.catalog(), foreign.tokens, token, applicationId)?.id;
  if (identityProviderId === undefined)
    throw new OAuthError('invalid_request', 'no single identity provider of the application has this issuer');
  limitProvider(call, identityProviderId);
  // Its client is given no id by which a pending link could be finished.
  const input = { applicationId, identityProviderId, token, noPendingLink: true };
  const result = await reconcile(service, foreign, input, scope);
  if (result.status === 232 || result.tokens === null)
    throw new OAuthError('invalid_grant', 'the identity is nobody’s yet');
  return json(200, exchangedTokens(result.tokens, jar.nowMs));
}

/**
 * RFC 7009 §2.2: also 200 for a token that is unknown, or of another client, about which nothing is told. An access token
 * that no session goes with cannot be ended, and the client must not think that it was (§2.2.1).
 */
async function revocation({ service, scope }: Call, body: Form): Promise<Answer> {
  const revoked = await revokeToken(service, required(body, 'token'), scope, clientIdOf(body));
  if (revoked === 'noSession')
    throw new OAuthError('unsupported_token_type', 'the access token has no session that could end');
  return empty(200);
}

const common = { method: 'POST', tag: 'OAuth', acceptsForm: true, refuse: oauthRefusal } as const;
const oauthError = z.object({ error: z.string(), error_description: z.string() }).meta({ id: 'OAuthError' });
const refused = {
  400: { description: 'RFC 6749 §5.2.', schema: oauthError },
  413: { description: `The body is larger than ${API_BODY_MAX_TEXT}: invalid_request.`, schema: oauthError },
  503: { description: 'The database cannot be reached: temporarily_unavailable.', schema: oauthError },
};
const limited = {
  429: {
    description: 'temporarily_unavailable; Retry-After says how many seconds to wait.',
    schema: oauthError,
  },
};

export const OAUTH_OPERATIONS = [
  operation({
    ...common,
    path: '/oauth2/token',
    operationId: 'oauthToken',
    summary: 'Refreshes a token (RFC 6749 §6), or exchanges a foreign JWT for tokens of ours (RFC 8693).',
    auth: 'none',
    request: { body: form },
    answers: { ...refused, ...limited, 200: { description: 'The tokens.', schema: tokens } },
    handle: (call, { body }) => orOAuthError(() => grant(call, body)),
  }),
  operation({
    ...common,
    path: '/oauth2/introspect',
    operationId: 'oauthIntrospect',
    summary: 'Tells what a token is worth now (RFC 7662). The client secret is an API key.',
    auth: 'apiKey',
    acceptsBasic: true,
    request: { body: form },
    answers: {
      ...refused,
      401: { description: 'RFC 6749 §5.2: invalid_client.', schema: oauthError },
      200: { description: 'Its claims, or active false.', schema: z.looseObject({ active: z.boolean() }) },
    },
    handle: ({ service, scope }, { body }) =>
      orOAuthError(async () => json(200, await introspect(service, required(body, 'token'), scope))),
  }),
  operation({
    ...common,
    path: '/oauth2/revoke',
    operationId: 'oauthRevoke',
    summary: 'Ends the session of a token (RFC 7009).',
    auth: 'none',
    request: { body: form },
    answers: { ...refused, ...limited, 200: { description: 'It is not valid any more, or never was.' } },
    handle: (call, { body }) => orOAuthError(() => revocation(call, body)),
  }),
];
