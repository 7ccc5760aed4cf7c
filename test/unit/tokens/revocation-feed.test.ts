import { describe, expect, it } from 'vitest';
import { openRevocationFeed } from '../../../src/tokens/revocation-feed.ts';
import { StoreUnavailableError } from '../../../src/tokens/store.ts';
import { fakeClock } from '../../support/clock.ts';
import { silentLog } from '../../support/open-store.ts';
import { fakeScheduler } from '../../support/scheduler.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

interface Entry {
  readonly sid: string;
  readonly until: number;
  readonly revokedInstant: number;
}

/** A feed over a table that the test writes, as other processes would. */
async function rig() {
  const clock = fakeClock();
  const { schedule, passMs } = fakeScheduler(clock);
  const rows: Entry[] = [];
  const state = { isDown: false, swept: 0, notify: () => {} };
  const revocations = {
    since: async (instant: number, now: number) => {
      if (state.isDown) throw new StoreUnavailableError('down');
      return rows.filter(({ revokedInstant, until }) => revokedInstant >= instant && until > now);
    },
    deleteEnded: async () => (state.swept += 1),
  };
  const onNotice = (listener: () => void) => {
    state.notify = listener;
    return () => {};
  };
  const feed = await openRevocationFeed({
    store: { revocations, onNotice },
    clock,
    schedule,
    log: silentLog,
  });
  const revoke = (sid: string, revokedInstant = clock(), until = clock() + 10 * MINUTE_MS) =>
    rows.push({ sid, until, revokedInstant });
  return { clock, passMs, feed, state, revoke };
}

describe('openRevocationFeed()', () => {
  it('knows within a second of what another process revoked (JWT-C97)', async () => {
    const { feed, revoke, passMs } = await rig();
    revoke('a');
    await passMs(SECOND_MS);
    expect([feed.isRevoked('a'), feed.isRevoked('b')]).toEqual([true, false]);
  });

  it('knows at once where it is told', async () => {
    const { feed, revoke, state } = await rig();
    revoke('a');
    state.notify();
    await expect.poll(() => feed.isRevoked('a')).toBe(true);
  });

  it('finds what was committed late, and what a slower clock wrote', async () => {
    const { clock, feed, revoke, passMs } = await rig();
    revoke('a');
    await passMs(SECOND_MS);
    revoke('late', clock() - 30 * SECOND_MS);
    await passMs(SECOND_MS);
    expect(feed.isRevoked('late')).toBe(true);
  });

  it('knows of what is revoked after the clock was set back (security.md C07)', async () => {
    const { clock, feed, revoke, passMs } = await rig();
    revoke('before');
    await passMs(SECOND_MS);
    clock.setMs(clock() - 60 * MINUTE_MS);
    revoke('after');
    await feed.refresh();
    expect([feed.isRevoked('before'), feed.isRevoked('after')]).toEqual([true, true]);
  });

  it('forgets what has ended, here and in the table', async () => {
    const { clock, feed, revoke, passMs, state } = await rig();
    revoke('a', clock(), clock() + MINUTE_MS);
    await passMs(SECOND_MS);
    await passMs(3 * MINUTE_MS);
    expect([feed.size, state.swept > 0]).toEqual([0, true]);
  });

  it('says when it is blind, and recovers', async () => {
    const { feed, state, passMs } = await rig();
    state.isDown = true;
    await passMs(5 * SECOND_MS);
    expect(feed.isCurrent()).toBe(true);
    await passMs(1);
    expect(feed.isCurrent()).toBe(false);
    state.isDown = false;
    await passMs(SECOND_MS);
    expect(feed.isCurrent()).toBe(true);
  });

  it('does not open without a store', async () => {
    const failing = {
      revocations: {
        since: () => Promise.reject(new StoreUnavailableError('down')),
        deleteEnded: async () => 0,
      },
      onNotice: () => () => {},
    };
    const clock = fakeClock();
    const options = { store: failing, clock, schedule: fakeScheduler(clock).schedule, log: silentLog };
    await expect(openRevocationFeed(options)).rejects.toThrow(StoreUnavailableError);
  });
});
