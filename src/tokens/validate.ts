/** Use case: whoever holds an access token learns whether it is in force, and what it says. */
import type { JsonObject } from '../core/json.ts';
import { unauthorized } from './failure.ts';
import type { Scope, TokenService } from './service.ts';
import { verifyAccessToken } from './verify-access-token.ts';

/** The payload; instants in seconds (RFC 7519 §2). @throws ServiceError 401, alike for every cause */
export async function validate(
  service: TokenService,
  token: string | null,
  scope: Scope,
): Promise<JsonObject> {
  if (token === null) throw unauthorized('No access token was given');
  return (await verifyAccessToken(service, token, scope)).claims;
}
