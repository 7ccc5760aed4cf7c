import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MINUTE_MS, SECOND_MS } from '../../../src/core/time.ts';

import {
  applicationJwtConfigurationSchema,
  EXPIRATION_POLICIES,
  type JwtConfiguration,
  tenantJwtConfigurationSchema,
} from '../../../src/objects/jwt-configuration.ts';
import {
  isEnded,
  isInGrace,
  nextStartInstant,
  policyInForce,
  refreshTokenEnd,
} from '../../../src/tokens/refresh-policy.ts';

const START = Date.UTC(2026, 0, 1);

function policy(members: object = {}): JwtConfiguration {
  return tenantJwtConfigurationSchema.parse({ refreshTokenTimeToLiveInMinutes: 60, ...members });
}

const sliding = policy({ refreshTokenExpirationPolicy: 'SlidingWindow' });
const bounded = policy({
  refreshTokenExpirationPolicy: 'SlidingWindowWithMaximumLifetime',
  refreshTokenSlidingWindowConfiguration: { maximumTimeToLiveInMinutes: 90 },
});

const anyPolicy = fc
  .record({
    kind: fc.constantFrom(...EXPIRATION_POLICIES),
    ttl: fc.integer({ min: 1, max: 1000 }),
    room: fc.integer({ min: 0, max: 1000 }),
  })
  .map(({ kind, ttl, room }) =>
    policy({
      refreshTokenExpirationPolicy: kind,
      refreshTokenTimeToLiveInMinutes: ttl,
      refreshTokenSlidingWindowConfiguration: { maximumTimeToLiveInMinutes: ttl + room },
    }),
  );
const minutes = fc.integer({ min: 0, max: 5000 });

describe('policyInForce()', () => {
  const tenant = { jwtConfiguration: policy() };
  const own = (enabled: boolean) => ({
    jwtConfiguration: applicationJwtConfigurationSchema.parse({
      enabled,
      refreshTokenUsagePolicy: 'OneTimeUse',
    }),
  });

  it('is the tenant’s unless the application’s own is enabled (JWT-S50)', () => {
    expect(policyInForce(tenant, null)).toBe(tenant.jwtConfiguration);
    expect(policyInForce(tenant, own(false))).toBe(tenant.jwtConfiguration);
    expect(policyInForce(tenant, own(true)).refreshTokenUsagePolicy).toBe('OneTimeUse');
  });
});

describe('refreshTokenEnd()', () => {
  it('counts from the start (JWT-P51)', () => {
    const instants = { startInstant: START, insertInstant: START - 1000 * MINUTE_MS };
    expect(refreshTokenEnd(policy(), instants)).toBe(START + 60 * MINUTE_MS);
    expect(isEnded(policy(), instants, START + 60 * MINUTE_MS - 1)).toBe(false);
    expect(isEnded(policy(), instants, START + 60 * MINUTE_MS)).toBe(true);
  });

  it('is no later than the maximum from the insert instant (JWT-P51)', () => {
    const instants = { startInstant: START + 50 * MINUTE_MS, insertInstant: START };
    expect(refreshTokenEnd(sliding, instants)).toBe(START + 110 * MINUTE_MS);
    expect(refreshTokenEnd(bounded, instants)).toBe(START + 90 * MINUTE_MS);
  });
});

describe('nextStartInstant()', () => {
  it('stays with Fixed and moves with the sliding policies (JWT-P51)', () => {
    expect(nextStartInstant(policy(), START, START + 5)).toBe(START);
    expect(nextStartInstant(sliding, START, START + 5)).toBe(START + 5);
    expect(nextStartInstant(bounded, START, START + 5)).toBe(START + 5);
  });

  it('never goes back when the clock does (security.md T06)', () => {
    fc.assert(
      fc.property(anyPolicy, minutes, minutes, (one, start, now) => {
        expect(nextStartInstant(one, start, now)).toBeGreaterThanOrEqual(start);
      }),
    );
  });
});

describe('a life of uses', () => {
  it('ends at the first gap longer than the window, and at the maximum, whatever is done (JWT-P51)', () => {
    fc.assert(
      fc.property(anyPolicy, fc.array(minutes, { maxLength: 30 }), (one, gaps) => {
        let now = START;
        let startInstant = START;
        for (const gap of gaps) {
          now += gap * MINUTE_MS;
          if (isEnded(one, { startInstant, insertInstant: START }, now)) break;
          startInstant = nextStartInstant(one, startInstant, now);
        }
        const end = refreshTokenEnd(one, { startInstant, insertInstant: START });
        const ttlMs = one.refreshTokenTimeToLiveInMinutes * MINUTE_MS;
        const maxMs = one.refreshTokenSlidingWindowConfiguration.maximumTimeToLiveInMinutes * MINUTE_MS;
        expect(end).toBeLessThanOrEqual(startInstant + ttlMs);
        if (one.refreshTokenExpirationPolicy === 'Fixed') expect(end).toBe(START + ttlMs);
        if (one.refreshTokenExpirationPolicy === 'SlidingWindowWithMaximumLifetime')
          expect(end).toBeLessThanOrEqual(START + maxMs);
      }),
    );
  });
});

describe('isInGrace()', () => {
  const graceful = policy({ refreshTokenOneTimeUseConfiguration: { gracePeriodInSeconds: 10 } });

  it('lasts as long as configured, and not at all by default (JWT-P48)', () => {
    expect(isInGrace(graceful, START, START + 10 * SECOND_MS)).toBe(true);
    expect(isInGrace(graceful, START, START + 10 * SECOND_MS + 1)).toBe(false);
    expect(isInGrace(policy(), START, START)).toBe(false);
  });

  it('does not open again when the clock goes back (security.md T06)', () => {
    expect(isInGrace(graceful, START, START - 2 * SECOND_MS)).toBe(true);
    expect(isInGrace(graceful, START, START - 60 * MINUTE_MS)).toBe(false);
  });

  it('is at most a day (JWT-P48)', () => {
    const withGrace = (gracePeriodInSeconds: number) => () =>
      policy({ refreshTokenOneTimeUseConfiguration: { gracePeriodInSeconds } });
    expect(withGrace(86_400)).not.toThrow();
    expect(withGrace(86_401)).toThrow();
  });
});
