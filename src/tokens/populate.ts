/** An application's own hand in its access tokens: the populate lambda, and what it cannot change. */
import { type Json, type JsonObject, member } from '../core/json.ts';
import type { AccessTokenClaims, AccessTokenRequest } from './access-token-claims.ts';
import type { Catalog } from './catalog.ts';
import { registrationInForce } from './roles-in-force.ts';
import type { TokenService } from './service.ts';

/**
 * What no lambda changes. The first nine are FusionAuth's; the others say who may use the token where, and what ends
 * it. A lambda adds to a token or shortens it; it makes no token of another user, application or session.
 */
const RESERVED_CLAIMS: ReadonlySet<string> = new Set([
  'amr',
  'auth_time',
  'cnf',
  'gty',
  'exp',
  'iat',
  'sub',
  'tid',
  'tty',
  'iss',
  'aud',
  'jti',
  'sid',
  'applicationId',
]);

/**
 * Lambdas see registered users only: FusionAuth does not run them without an application either.
 *
 * @throws ServiceError 500 where the lambda fails
 */
export async function populated(
  { lambdas }: TokenService,
  catalog: Catalog,
  claims: AccessTokenClaims,
  { user, registration, application }: AccessTokenRequest,
): Promise<AccessTokenClaims> {
  const lambda = catalog.lambdas.get(application?.lambdaConfiguration.accessTokenPopulateId ?? '');
  if (lambda?.enabled !== true || registration === null || application === null) return claims;
  const shown = registrationInForce(catalog, registration);
  const changed = await lambdas.populate(lambda.id, { claims, user, registration: shown, application });
  return withReserved(changed, claims);
}

function withReserved(changed: JsonObject, claims: AccessTokenClaims): AccessTokenClaims {
  const isReserved = ([name]: readonly [string, Json]) => RESERVED_CLAIMS.has(name);
  const reserved = Object.entries(claims).filter(isReserved);
  const free = Object.entries(changed).filter((entry) => !isReserved(entry));
  const { iat } = claims;
  return {
    ...Object.fromEntries([...reserved, ...free]),
    iat,
    exp: shortened(member(changed, 'exp'), claims),
  };
}

/** A life in whole seconds between none and the policy's. */
function shortened(wanted: Json | undefined, { exp, iat }: AccessTokenClaims): number {
  const seconds = typeof wanted === 'number' ? Math.floor(wanted) : exp;
  return seconds > iat && seconds < exp ? seconds : exp;
}
