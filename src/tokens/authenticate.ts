/** Who calls: an API key, or a user by an access token of ours; and which tenant's objects the call may see. */
import type { ApiKey, ApiMethod } from '../objects/api-key.ts';
import { unauthorized } from './failure.ts';
import { hashApiKey } from './objects/api-keys.ts';
import { perCatalog } from './per-catalog.ts';
import type { Scope, TokenService } from './service.ts';
import { type TokenUser, verifyAccessToken } from './verify-access-token.ts';

/** What a request shows. */
export type Credential =
  | { readonly kind: 'apiKey'; readonly key: string }
  | { readonly kind: 'jwt'; readonly token: string };

export type Caller =
  | { readonly kind: 'apiKey'; readonly apiKey: ApiKey }
  | { readonly kind: 'user'; readonly user: TokenUser };

/** What an operation accepts. `optionalApiKey`: a call without one has no caller; a wrong one is refused. */
export type Authentication = 'apiKey' | 'jwt' | 'apiKeyOrJwt' | 'optionalApiKey' | 'none';

export interface Operation {
  readonly method: ApiMethod;
  /** The endpoint as permissions name it: without path parameters, `/api/jwt/refresh`. */
  readonly endpoint: string;
  readonly authentication: Authentication;
}

export interface Call {
  readonly credential: Credential | null;
  /** Of the header X-FusionAuth-TenantId. */
  readonly tenantId: string | null;
  readonly ipAddress: string | null;
}

export interface Authenticated {
  /** Null: the operation needs none. */
  readonly caller: Caller | null;
  readonly scope: Scope;
}

/** Schemes of access tokens, case sensitive. Anything else in Authorization is an API key. */
const JWT_SCHEME = /^(?:Bearer|JWT) +/;
/** Looked for by itself: a search is several times as fast as a match that has to keep the token. */
const WHITESPACE = /\s/;

/** The Authorization header is looked at before the cookie, and decides even when it is wrong. */
export function credentialOf(authorization: string | null, cookie: string | null): Credential | null {
  if (authorization === null) return cookie === null ? null : { kind: 'jwt', token: cookie };
  const token = authorization.slice(JWT_SCHEME.exec(authorization)?.[0].length ?? authorization.length);
  const isToken = token !== '' && !WHITESPACE.test(token);
  return isToken ? { kind: 'jwt', token } : { kind: 'apiKey', key: authorization };
}

/** @throws ServiceError 401, alike for every cause */
export async function authenticate(
  service: TokenService,
  call: Call,
  operation: Operation,
): Promise<Authenticated> {
  const { tenantId, ipAddress } = call;
  const caller = await callerOf(service, call, operation);
  if (caller === null) return { caller, scope: { tenantId, ipAddress } };
  const own = caller.kind === 'user' ? caller.user.tenant.id : (caller.apiKey.tenantId ?? null);
  if (own !== null && tenantId !== null && own !== tenantId)
    throw unauthorized('The credential belongs to another tenant than the header names');
  return { caller, scope: { tenantId: own ?? tenantId, ipAddress } };
}

async function callerOf(
  service: TokenService,
  { credential, tenantId }: Call,
  operation: Operation,
): Promise<Caller | null> {
  const { authentication } = operation;
  if (authentication === 'none') return null;
  if (credential?.kind === 'apiKey' && authentication !== 'jwt')
    return { kind: 'apiKey', apiKey: apiKeyFor(service, credential.key, operation) };
  if (credential?.kind === 'jwt' && (authentication === 'jwt' || authentication === 'apiKeyOrJwt'))
    return { kind: 'user', user: await verifyAccessToken(service, credential.token, { tenantId }) };
  if (authentication === 'optionalApiKey') return null;
  throw unauthorized('The operation needs another credential');
}

/** Found by HMAC: comparing the texts of keys would tell by its time how much of one was right. */
function apiKeyFor(service: TokenService, key: string, operation: Operation): ApiKey {
  const apiKey = apiKeysByHash(service.catalog()).get(hashApiKey(service, key));
  if (apiKey === undefined) throw unauthorized('There is no such API key');
  if (apiKey.expirationInstant !== undefined && service.clock() >= apiKey.expirationInstant)
    throw unauthorized('The API key has expired');
  if (typeof apiKey.tenantId === 'string' && !service.catalog().tenants.has(apiKey.tenantId))
    throw unauthorized('The tenant of the API key is gone');
  if (!permits(apiKey, operation)) throw unauthorized('The API key does not permit this operation');
  return apiKey;
}

const apiKeysByHash = perCatalog(
  ({ apiKeys }) => new Map([...apiKeys.values()].map((apiKey) => [apiKey.keyHash, apiKey])),
);

/** No endpoint listed: everything. An endpoint speaks for itself, not for those below it. */
function permits({ permissions }: ApiKey, { endpoint, method }: Operation): boolean {
  const { endpoints } = permissions;
  if (Object.keys(endpoints).length === 0) return true;
  return Object.hasOwn(endpoints, endpoint) && endpoints[endpoint]?.includes(method) === true;
}
