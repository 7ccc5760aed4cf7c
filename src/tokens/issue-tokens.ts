/** The tokens of one login: an access token, and a refresh token where the application gives them. */
import type { MetaData } from '../objects/meta-data.ts';
import { signAccessToken, tenantOf } from './access-token.ts';
import type { AccessTokenSubject } from './access-token-claims.ts';
import { accessTokenDeath, policyInForce, refreshTokenEnd } from './refresh-policy.ts';
import type { RefreshTokenRecord } from './refresh-token.ts';
import { newRefreshTokenValue } from './refresh-token-value.ts';
import type { IssuedTokens } from './result.ts';
import type { TokenService } from './service.ts';
import type { Records } from './store.ts';

export interface TokensRequest extends AccessTokenSubject {
  readonly metaData: MetaData;
  /** Of the client, for the device. */
  readonly ipAddress: string | null;
  /** `exp` of the access token; without it, what the policy says. */
  readonly expiresSeconds?: number;
  /** The session that goes on, where the application gives no refresh token. */
  readonly sid?: string | null;
  /** False: no refresh token, whatever the application says. */
  readonly withRefreshToken?: boolean;
  /** Milliseconds: from where the refresh token's life counts; without it, now. */
  readonly startInstant?: number;
  /** Milliseconds: from where its maximum life counts; without it, now. */
  readonly insertInstant?: number;
  /** Id of the refresh token that it is issued from, and ends with. */
  readonly issuedFrom?: string;
}

export interface PreparedTokens {
  /** Good only once `record` was committed. */
  readonly tokens: IssuedTokens;
  /** What `record` writes; null: nothing. */
  readonly refreshToken: RefreshTokenRecord | null;
  /** Within the transaction of what else happens. */
  record(records: Records): Promise<void>;
}

/** Signs, and writes nothing yet. @throws ServiceError 404; 500 where no key is configured or the lambda fails */
export async function prepareTokens(service: TokenService, request: TokensRequest): Promise<PreparedTokens> {
  const catalog = service.catalog();
  const isGiven = givesRefreshToken(request) && request.withRefreshToken !== false;
  const sid = isGiven ? service.random.uuid() : (request.sid ?? null);
  const expiresSeconds = request.expiresSeconds ?? null;
  const access = await signAccessToken(service, catalog, {
    ...request,
    sid,
    expiresSeconds,
    isRefresh: false,
  });
  const tokens = { token: access.token, tokenExpirationInstant: access.expiresInstant };
  if (!isGiven || sid === null)
    return { tokens: { ...tokens, refreshToken: null }, refreshToken: null, record: async () => {} };

  const { value, ...kept } = newRefreshTokenValue(service, sid);
  const record = { ...newRecord(service, request, sid, access.expiresInstant), ...kept };
  const policy = policyInForce(tenantOf(catalog, request.user), request.application);
  return {
    tokens: {
      ...tokens,
      refreshToken: { id: sid, value, expiresInstant: refreshTokenEnd(policy, record) },
    },
    refreshToken: record,
    record: (records) => records.refreshTokens.insert(record, request.issuedFrom),
  };
}

/** Whether the user's login gives a refresh token: the application makes them, and the user is registered there. */
export function givesRefreshToken({
  application,
  registration,
}: Pick<AccessTokenSubject, 'application' | 'registration'>): boolean {
  return registration !== null && application?.loginConfiguration.generateRefreshTokens === true;
}

function newRecord(
  { clock }: TokenService,
  request: TokensRequest,
  id: string,
  accessExpiresInstant: number,
): Omit<RefreshTokenRecord, 'lookup' | 'sealedValue'> {
  const now = clock();
  return {
    id,
    tenantId: request.user.tenantId,
    userId: request.user.id,
    applicationId: request.application?.id ?? null,
    sequence: 0,
    startInstant: request.startInstant ?? now,
    insertInstant: request.insertInstant ?? now,
    accessExpiresInstant: accessTokenDeath(accessExpiresInstant),
    authTimeSeconds: request.authTimeSeconds,
    authenticationType: request.authenticationType,
    metaData: accessedFrom(request.metaData, request.ipAddress, now),
  };
}

/** The device, last seen now; the address stays where this call has none. */
export function accessedFrom(metaData: MetaData, ipAddress: string | null, nowMs: number): MetaData {
  const seen = ipAddress === null ? {} : { lastAccessedAddress: ipAddress };
  return { ...metaData, device: { ...metaData.device, ...seen, lastAccessedInstant: nowMs } };
}
