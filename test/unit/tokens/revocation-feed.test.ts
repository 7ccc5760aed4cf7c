import { describe, expect, it } from 'vitest';
import { openRevocationFeed } from '../../../src/tokens/revocation-feed.ts';
import { LONG_STATEMENT_MAX_MS, StoreUnavailableError } from '../../../src/tokens/store.ts';
import { fakeClock } from '../../support/clock.ts';
import { silentLog } from '../../support/open-store.ts';
import { fakeScheduler } from '../../support/scheduler.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

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
    deleteEnded: async (instant: number) => {
      state.swept += 1;
      const ended = rows.filter(({ until }) => until <= instant);
      for (const row of ended) rows.splice(rows.indexOf(row), 1);
      return ended.length;
    },
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
  return { clock, passMs, feed, state, revoke, rows };
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

  it('knows half a minute later of what took as long as a statement may (security.md C02)', async () => {
    const { clock, feed, revoke, passMs } = await rig();
    const startInstant = clock();
    for (let passedMs = 0; passedMs < LONG_STATEMENT_MAX_MS; passedMs += MINUTE_MS) {
      revoke(`meanwhile ${passedMs}`);
      await passMs(MINUTE_MS);
    }
    revoke('late', startInstant);
    await passMs(31 * SECOND_MS);
    expect(feed.isRevoked('late')).toBe(true);
  });

  it('knows at once of what this process took long to revoke', async () => {
    const { clock, feed, revoke, passMs } = await rig();
    const startInstant = clock();
    await passMs(5 * MINUTE_MS);
    revoke('meanwhile');
    await feed.refresh();
    revoke('late', startInstant);
    await feed.refresh();
    expect(feed.isRevoked('late')).toBe(false);
    await feed.refresh(startInstant);
    expect(feed.isRevoked('late')).toBe(true);
  });

  it('leaves to others, and finds again, what ended by a clock that was ahead only', async () => {
    const { clock, feed, revoke, passMs, rows } = await rig();
    revoke('a', clock(), clock() + HOUR_MS);
    await passMs(5 * MINUTE_MS);
    revoke('newer', clock(), clock() + HOUR_MS);
    await feed.refresh();
    const now = clock();
    clock.setMs(now + 23 * HOUR_MS);
    await feed.refresh();
    expect([feed.size, rows.length]).toEqual([0, 2]);
    clock.setMs(now);
    await feed.refresh();
    expect([feed.isRevoked('a'), feed.isRevoked('newer')]).toEqual([true, true]);
  });

  it('forgets what has ended, here and in the table', async () => {
    const { clock, feed, revoke, passMs, state, rows } = await rig();
    revoke('a', clock(), clock() + MINUTE_MS);
    await passMs(SECOND_MS);
    await passMs(3 * MINUTE_MS);
    expect([feed.size, rows.length]).toEqual([0, 1]);
    clock.advanceMs(24 * HOUR_MS);
    await feed.refresh();
    expect([rows.length, state.swept > 1]).toEqual([0, true]);
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

  it('is blind once its clock went back and no look has followed (security.md C07)', async () => {
    const { clock, feed, state, passMs } = await rig();
    state.isDown = true;
    clock.setMs(clock() - HOUR_MS);
    expect(feed.isCurrent()).toBe(false);
    await expect(feed.refresh()).rejects.toThrow(StoreUnavailableError);
    clock.advanceMs(HOUR_MS); // it has come to the instant of the last look again
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
