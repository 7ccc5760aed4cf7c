/** Tokens as OAuth clients expect them. */
import type { JsonObject } from '../core/json.ts';
import { SECOND_MS } from '../core/time.ts';
import type { IssuedTokens } from './result.ts';

/** RFC 8693 §3. */
export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';

/** RFC 6749 §5.1. */
export function oauthTokens(
  { token, tokenExpirationInstant, refreshToken }: IssuedTokens,
  nowMs: number,
): JsonObject {
  return {
    access_token: token,
    token_type: 'Bearer',
    expires_in: Math.max(0, Math.floor((tokenExpirationInstant - nowMs) / SECOND_MS)),
    ...(refreshToken === null ? {} : { refresh_token: refreshToken.value }),
  };
}

/** RFC 8693 §2.2.1. */
export function exchangedTokens(tokens: IssuedTokens, nowMs: number): JsonObject {
  return { ...oauthTokens(tokens, nowMs), issued_token_type: ACCESS_TOKEN_TYPE };
}
