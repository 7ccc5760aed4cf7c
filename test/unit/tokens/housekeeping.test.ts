import { describe, expect, it } from 'vitest';
import { userSchema } from '../../../src/objects/user.ts';
import { keepHouse, startHousekeeping } from '../../../src/tokens/housekeeping.ts';
import { changeUser } from '../../../src/tokens/objects/users.ts';
import { CLOCK_SKEW_MAX_MS } from '../../../src/tokens/refresh-policy.ts';
import { StoreUnavailableError } from '../../../src/tokens/store.ts';
import { validate } from '../../../src/tokens/validate.ts';
import { fakeScheduler } from '../../support/scheduler.ts';
import { APP_A, APP_S, configureTokens, EVERYWHERE, loginTo, U1 } from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;

describe('keepHouse()', () => {
  it('removes refresh tokens past their life, each by the policy of its application', async () => {
    const { service, clock } = await testTokenService();
    await configureTokens(service, APP_A, { refreshTokenTimeToLiveInMinutes: 60 });
    const short = await loginTo(service, APP_A);
    const long = await loginTo(service, APP_S);
    clock.advanceMs(71 * MINUTE_MS); // and clock skew of access tokens
    await keepHouse(service);
    expect(await service.store.refreshTokens.get(short.refreshToken.id)).toBeNull();
    expect(await service.store.refreshTokens.get(long.refreshToken.id)).not.toBeNull();
  });

  it('keeps an ended session while its access token lives, so that it can be revoked (security.md C02)', async () => {
    const { service, clock } = await testTokenService();
    await configureTokens(service, APP_A, { refreshTokenTimeToLiveInMinutes: 60, timeToLiveInSeconds: 7200 });
    const { token, refreshToken } = await loginTo(service, APP_A);
    clock.advanceMs(61 * MINUTE_MS);
    await keepHouse(service);
    await changeUser(service, U1, EVERYWHERE, ({ email, data }) =>
      userSchema.parse({ email, data, active: false }),
    );
    await expect(validate(service, token, EVERYWHERE)).rejects.toMatchObject({ status: 401 });
    clock.advanceMs(HOUR_MS + CLOCK_SKEW_MAX_MS);
    await keepHouse(service);
    expect(await service.store.refreshTokens.get(refreshToken.id)).toBeNull();
  });

  it('removes pending links that have ended, and login records of three months ago', async () => {
    const { service, clock } = await testTokenService();
    await loginTo(service, APP_A);
    await service.store.pendingLinks.insert({
      lookup: 'l',
      identityProviderId: 'p',
      identityProviderUserId: 'u',
      tenantId: 't',
      displayName: null,
      email: null,
      username: null,
      expiresInstant: clock() + 1,
    });
    clock.advanceMs(91 * DAY_MS);
    await keepHouse(service);
    expect(await service.store.loginRecords.list(U1, 10)).toEqual([]);
    expect(await service.store.pendingLinks.deleteEnded(clock())).toBe(0);
  });
});

describe('startHousekeeping()', () => {
  /** A store in which so many sessions of APP_A have ended, and nothing else. */
  async function rig(endedCount: number) {
    const { service, clock } = await testTokenService();
    const { schedule, passMs, delaysMs } = fakeScheduler(clock);
    const lines: string[] = [];
    const state = { left: endedCount, rounds: 0, isDown: false };
    const refreshTokens = {
      ...service.store.refreshTokens,
      deleteStartedBefore: async (
        applicationId: string | null,
        _before: number,
        _now: number,
        max: number,
      ) => {
        if (state.isDown) throw new StoreUnavailableError('down');
        if (applicationId !== APP_A) return 0;
        const count = Math.min(max, state.left);
        state.left -= count;
        return count;
      },
    };
    const store = {
      ...service.store,
      refreshTokens,
      removals: { ...service.store.removals, list: async () => [] },
      pendingLinks: { ...service.store.pendingLinks, deleteEnded: async () => 0 },
      loginRecords: { ...service.store.loginRecords, trim: async () => 0 },
    };
    const log = { ...service.log, info: (line: string) => void lines.push(line) };
    const end = startHousekeeping({ ...service, store, log }, schedule);
    return { state, passMs, delaysMs, lines, end };
  }

  it('goes on after a second, and says so, while a round is cut short', async () => {
    const { state, passMs, delaysMs, lines } = await rig(250_000);
    await passMs(10 * MINUTE_MS);
    expect(state.left).toBe(150_000);
    await passMs(3000);
    expect(state.left).toBe(0);
    expect(delaysMs).toEqual([10 * MINUTE_MS, 1000, 1000, 10 * MINUTE_MS]);
    expect(lines).toEqual(Array(2).fill('More has ended than one round of housekeeping removes; it goes on'));
  });

  it('waits for the next round where the store is away, and ends when told', async () => {
    const { state, passMs, delaysMs, end } = await rig(10);
    state.isDown = true;
    await passMs(10 * MINUTE_MS);
    state.isDown = false;
    await passMs(10 * MINUTE_MS);
    expect([state.left, delaysMs]).toEqual([0, Array(3).fill(10 * MINUTE_MS)]);
    end();
    await passMs(30 * MINUTE_MS);
    expect(delaysMs).toHaveLength(3);
  });
});
