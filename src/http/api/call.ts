/** One call as an operation sees it: who calls, from where, and with what the service works. */

import type { ReconcileParts } from '../../identity-providers/reconcile.ts';
import type { ApiKey } from '../../objects/api-key.ts';
import type { Caller, Credential } from '../../tokens/authenticate.ts';
import type { Scope, TokenService } from '../../tokens/service.ts';
import type { TokenUser } from '../../tokens/verify-access-token.ts';
import type { CookieJar, CookieSettings, TokenCookies } from './cookies.ts';
import type { ApiLimits, CallLimiter } from './limits.ts';

export interface ApiSettings {
  readonly cookies: CookieSettings;
  readonly compat: {
    /** How `GET /api/jwt/validate` shows `exp`, `iat`, `nbf` and `auth_time`. */
    readonly validateInstants: 'seconds' | 'milliseconds';
    /** Takes the text `undefined` in a query for no value: older official clients write it. */
    readonly tolerateUndefinedParams: boolean;
  };
  readonly limits: ApiLimits;
}

export interface Call {
  readonly service: TokenService;
  readonly settings: ApiSettings;
  /** Null: the operation needs none. */
  readonly caller: Caller | null;
  readonly scope: Scope;
  /** What the request shows, also where the operation asks for none. */
  readonly credential: Credential | null;
  /** Under which the limiter counts the call: never what a caller without an API key says of itself. */
  readonly countedAs: string;
  readonly cookies: TokenCookies;
  /** For the cookies of the answer. */
  readonly jar: CookieJar;
  readonly limiter: CallLimiter;
  /** Reads and verifies the tokens of identity providers. */
  readonly foreign: ReconcileParts;
}

/** Where the operation asked for one. */
export function callerOf({ caller }: Call): Caller {
  if (caller === null) throw new TypeError('an operation without authentication asks who calls');
  return caller;
}

/** Where the operation asked for an access token. */
export function userOf({ caller }: Call): TokenUser {
  if (caller?.kind !== 'user') throw new TypeError('an operation without access token asks for its user');
  return caller.user;
}

/** Where the operation asked for an API key. */
export function apiKeyOf({ caller }: Pick<Call, 'caller'>): ApiKey {
  if (caller?.kind !== 'apiKey') throw new TypeError('an operation without API key asks for it');
  return caller.apiKey;
}
