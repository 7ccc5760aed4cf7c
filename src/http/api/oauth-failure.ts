/** How the standard endpoints fail: RFC 6749 §5.2 in place of FusionAuth's Errors JSON. */
import { ServiceError } from '../../tokens/failure.ts';
import { StoreUnavailableError } from '../../tokens/store.ts';
import type { Answer } from './answer.ts';
import { failureAnswer } from './failure.ts';

export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'unsupported_grant_type'
  | 'unsupported_token_type'
  | 'temporarily_unavailable';

/** The description is a constant: which part of a credential was wrong is nobody’s business. */
const DESCRIPTIONS: Readonly<Record<OAuthErrorCode, string>> = {
  invalid_request: 'The request lacks a parameter, or has one that is not in order',
  invalid_client: 'The call needs an API key that permits it',
  invalid_grant: 'The token is not valid for this client',
  invalid_scope: 'No scopes are granted; ask without one',
  unsupported_grant_type: 'Grants are refresh_token and urn:ietf:params:oauth:grant-type:token-exchange',
  unsupported_token_type:
    'Tokens of this type are not served here: an exchange takes JWTs, a revocation ends sessions',
  temporarily_unavailable: 'The service cannot reach its database, or something it depends on',
};

/** With 429, and Retry-After. */
const TOO_MANY = 'Too many calls; try again later';

export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly code: OAuthErrorCode;

  constructor(code: OAuthErrorCode, reason: string) {
    super(reason);
    this.code = code;
  }
}

/** Runs a standard endpoint; what it throws becomes an answer that OAuth clients read. */
export async function orOAuthError(serve: () => Promise<Answer>): Promise<Answer> {
  try {
    return await serve();
  } catch (error) {
    if (error instanceof OAuthError) return oauthAnswer(400, error.code, error.message);
    if (error instanceof ServiceError && REFUSES_GRANT.has(error.status))
      return oauthAnswer(400, 'invalid_grant', error.message);
    if (error instanceof ServiceError || error instanceof StoreUnavailableError) return oauthRefusal(error);
    throw error;
  }
}

/** Of a use case: what is wrong with the token or its user. What is wrong with the request was found before. */
const REFUSES_GRANT: ReadonlySet<number> = new Set([400, 401, 403, 404, 409, 410]);

/** RFC 7617: the secret of a client is its API key. */
const BASIC_CHALLENGE = 'Basic realm="countersign", charset="UTF-8"';

/**
 * What is no matter of the grant: the client's credential (RFC 6749 §5.2), the form of the request, too many calls, a
 * service that cannot answer now. Headers such as Retry-After stay. RFC 6749 §5.2 has no word for the last two; that of
 * §4.1.2.1 is what clients know.
 */
export function oauthRefusal(thrown: unknown): Answer {
  const refusal = failureAnswer(thrown);
  const { status, reason = '' } = refusal;
  if (status === 401)
    return { ...oauthAnswer(401, 'invalid_client', reason), headers: ['WWW-Authenticate', BASIC_CHALLENGE] };
  if (status === 429) return { ...refusal, ...oauthAnswer(429, 'temporarily_unavailable', reason, TOO_MANY) };
  if (status === 503 || status === 504)
    return { ...refusal, ...oauthAnswer(503, 'temporarily_unavailable', reason) };
  return status < 500 ? { ...refusal, ...oauthAnswer(status, 'invalid_request', reason) } : refusal;
}

function oauthAnswer(
  status: number,
  code: OAuthErrorCode,
  reason: string,
  description = DESCRIPTIONS[code],
): Answer {
  return { status, body: { error: code, error_description: description }, reason };
}
