/** What the policies say about the life of a refresh token. Pure. */
import { MINUTE_MS, SECOND_MS } from '../core/time.ts';
import type { Application } from '../objects/application.ts';
import type { JwtConfiguration } from '../objects/jwt-configuration.ts';
import type { Tenant } from '../objects/tenant.ts';
import type { RefreshTokenRecord } from './refresh-token.ts';

/**
 * The longest `clockSkew` that a realm may have: so long after its `exp` the gateway may still take an access token, and
 * so long its session must be known to have ended.
 */
export const CLOCK_SKEW_MAX_MS = 10 * MINUTE_MS;

/** In milliseconds: when nobody takes an access token of this `exp` any more. */
export function accessTokenDeath(expiresInstant: number): number {
  return expiresInstant + CLOCK_SKEW_MAX_MS;
}

type Instants = Pick<RefreshTokenRecord, 'startInstant' | 'insertInstant'>;

/** The application's own configuration counts only while it is enabled. */
export function policyInForce(
  tenant: Pick<Tenant, 'jwtConfiguration'>,
  application: Pick<Application, 'jwtConfiguration'> | null,
): JwtConfiguration {
  return application?.jwtConfiguration.enabled === true
    ? application.jwtConfiguration
    : tenant.jwtConfiguration;
}

/** First instant at which the token is refused, in milliseconds. */
export function refreshTokenEnd(policy: JwtConfiguration, { startInstant, insertInstant }: Instants): number {
  const end = startInstant + policy.refreshTokenTimeToLiveInMinutes * MINUTE_MS;
  if (policy.refreshTokenExpirationPolicy !== 'SlidingWindowWithMaximumLifetime') return end;
  const { maximumTimeToLiveInMinutes } = policy.refreshTokenSlidingWindowConfiguration;
  return Math.min(end, insertInstant + maximumTimeToLiveInMinutes * MINUTE_MS);
}

export function isEnded(policy: JwtConfiguration, instants: Instants, nowMs: number): boolean {
  return nowMs >= refreshTokenEnd(policy, instants);
}

/** Where life counts from after a use now. Never earlier than before, whatever the clock says. */
export function nextStartInstant(policy: JwtConfiguration, startInstant: number, nowMs: number): number {
  return policy.refreshTokenExpirationPolicy === 'Fixed' ? startInstant : Math.max(startInstant, nowMs);
}

/**
 * Whether a value that was rotated away still answers with the current one. A clock that went back by more than the
 * grace opens no second one; one that is a little behind another process's does not refuse.
 */
export function isInGrace(policy: JwtConfiguration, retiredInstant: number, nowMs: number): boolean {
  const { gracePeriodInSeconds } = policy.refreshTokenOneTimeUseConfiguration;
  return gracePeriodInSeconds > 0 && Math.abs(nowMs - retiredInstant) <= gracePeriodInSeconds * SECOND_MS;
}
