/** Token buckets, and whose they are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countedAs, createCallLimiter } from '../../../../src/http/api/limits.ts';
import { createRateLimiter } from '../../../../src/http/api/rate-limit.ts';
import { API_LIMITS } from '../../../support/api.ts';
import { fakeClock } from '../../../support/clock.ts';

describe('createRateLimiter()', () => {
  it('lets a burst through, then as many as come in a second', () => {
    const clock = fakeClock();
    const limiter = createRateLimiter({ burst: 3, perSecond: 2 }, clock);
    const take = () => limiter.take('a') === null;
    expect([take(), take(), take(), take()]).toEqual([true, true, true, false]);
    clock.advanceMs(500);
    expect([take(), take()]).toEqual([true, false]);
    clock.advanceMs(60_000);
    expect([take(), take(), take(), take()]).toEqual([true, true, true, false]);
  });

  it('says in how many seconds the next one passes', () => {
    const clock = fakeClock();
    const limiter = createRateLimiter({ burst: 1, perSecond: 0.1 }, clock);
    limiter.take('a');
    expect(limiter.take('a')).toBe(10);
    clock.advanceMs(9999);
    expect(limiter.take('a')).toBe(1);
    clock.advanceMs(1);
    expect(limiter.take('a')).toBeNull();
  });

  it('keeps one caller apart from the others', () => {
    const limiter = createRateLimiter({ burst: 1, perSecond: 1 }, fakeClock());
    expect([limiter.take('a'), limiter.take('a'), limiter.take('b')]).toEqual([null, 1, null]);
  });

  it('gives nothing for a clock that is set back', () => {
    const clock = fakeClock();
    const limiter = createRateLimiter({ burst: 1, perSecond: 1 }, clock);
    limiter.take('a');
    clock.advanceMs(-3_600_000);
    expect(limiter.take('a')).toBe(1);
    clock.advanceMs(1000);
    expect(limiter.take('a')).toBeNull();
  });

  it('forgets who was quiet for longest, and nobody else', () => {
    const limiter = createRateLimiter({ burst: 1, perSecond: 0.001 }, fakeClock());
    limiter.take('first');
    limiter.take('second');
    for (let count = 0; count < 9_999; count += 1) limiter.take(`other ${count}`);
    expect([limiter.take('second'), limiter.take('first')]).toEqual([1000, null]);
  });

  it('never lets more through than burst and time allow', () => {
    const calls = fc.array(fc.integer({ min: 0, max: 2000 }), { maxLength: 100 });
    fc.assert(
      fc.property(calls, fc.integer({ min: 1, max: 5 }), (pausesMs, perSecond) => {
        const clock = fakeClock();
        const limiter = createRateLimiter({ burst: 5, perSecond }, clock);
        let passed = 0;
        let elapsedMs = 0;
        for (const pauseMs of pausesMs) {
          clock.advanceMs(pauseMs);
          elapsedMs += pauseMs;
          if (limiter.take('a') === null) passed += 1;
        }
        expect(passed).toBeLessThanOrEqual(5 + (elapsedMs / 1000) * perSecond);
      }),
    );
  });
});

describe('countedAs()', () => {
  const forwarded = ['X-Forwarded-For', '192.0.2.1'];
  const standard = ['Forwarded', 'for=192.0.2.1'];

  it.each([
    ['127.0.0.1', [], '127.0.0.1'],
    ['127.0.0.1', forwarded, 'behind 127.0.0.1'],
    ['127.0.0.1', standard, 'behind 127.0.0.1'],
    ['::1', [...forwarded, ...standard], 'behind ::1'],
    ['::ffff:127.0.0.1', forwarded, 'behind ::ffff:127.0.0.1'],
    ['192.0.2.9', forwarded, '192.0.2.9'],
  ])('names a call from %s with %j: %s', (address, headers, name) =>
    expect(countedAs(address, headers)).toBe(name),
  );
});

describe('createCallLimiter()', () => {
  const one = { ...API_LIMITS, perAddressPerMinute: 1, countsLoopback: true };
  const passes = (call: () => void) => {
    try {
      call();
      return true;
    } catch (error) {
      expect(error).toMatchObject({ status: 429 });
      return false;
    }
  };

  it.each([
    ['2001:db8:0:1::1', '2001:db8:0:1:ffff::2', false],
    ['2001:db8:0:1::1', '2001:db8:0:2::1', true],
    ['2001:db8::1', '2001:0db8:0000::9', false],
    ['fe80::1%eth0', 'fe80::2%eth0', false],
    ['::1', '1::', true],
    ['192.0.2.1', '192.0.2.2', true],
    ['192.0.2.1', '192.0.2.1', false],
  ])('counts %s and %s apart: %s', (first, second, isApart) => {
    const limiter = createCallLimiter(one, fakeClock());
    expect(passes(() => limiter.anonymous(first))).toBe(true);
    expect(passes(() => limiter.anonymous(second))).toBe(isApart);
  });

  it('lets as many through in a minute as it says', () => {
    const clock = fakeClock();
    const limits = { perAddressPerMinute: 2, perIdentityProviderPerMinute: 2 };
    const limiter = createCallLimiter({ ...one, ...limits }, clock);
    for (const call of [
      () => limiter.anonymous('192.0.2.1'),
      () => limiter.provider('192.0.2.1', 'an identity provider'),
    ]) {
      expect([passes(call), passes(call), passes(call)]).toEqual([true, true, false]);
      clock.advanceMs(30_000);
      expect([passes(call), passes(call)]).toEqual([true, false]);
    }
  });

  it('counts nothing where the limit is 0, and nothing of this machine unless told', () => {
    const none = createCallLimiter({ ...one, perAddressPerMinute: 0 }, fakeClock());
    const local = createCallLimiter({ ...one, countsLoopback: false }, fakeClock());
    for (let count = 0; count < 3; count += 1) {
      expect(passes(() => none.anonymous('192.0.2.1'))).toBe(true);
      for (const address of ['127.0.0.1', '127.8.8.8', '::1'])
        expect(passes(() => local.anonymous(address))).toBe(true);
    }
    expect([passes(() => local.anonymous('192.0.2.1')), passes(() => local.anonymous('192.0.2.1'))]).toEqual([
      true,
      false,
    ]);
  });

  it.each(['2001:db8::1', '::2', 'behind 127.0.0.1', 'behind ::1', 'unknown'])(
    'does not take %s for this machine',
    (address) => {
      const limiter = createCallLimiter({ ...one, countsLoopback: false }, fakeClock());
      expect([1, 2].map(() => passes(() => limiter.anonymous(address)))).toEqual([true, false]);
    },
  );

  it.each([
    [600, 1, 600],
    [600, 4, 150],
    [10, 3, 4],
    [1, 4, 1],
    [0, 4, 1000],
  ])('divides %i a minute among %i processes, rounded up: %i', (perMinute, processes, expected) => {
    const limits = { perAddressPerMinute: perMinute, perIdentityProviderPerMinute: perMinute };
    const limiter = createCallLimiter({ ...one, ...limits, processes }, fakeClock());
    const count = (call: () => void) =>
      Array.from({ length: 1000 }, () => passes(call)).filter(Boolean).length;
    expect(count(() => limiter.anonymous('192.0.2.1'))).toBe(expected);
    expect(count(() => limiter.provider('192.0.2.1', 'an identity provider'))).toBe(expected);
  });

  it('leaves one address a part of the passwords that can be checked, whatever the names (T13)', () => {
    const clock = fakeClock();
    const limiter = createCallLimiter(one, clock);
    const tries = (count: number, address = '192.0.2.1') =>
      Array.from({ length: count }, () => passes(() => limiter.password(address))).filter(Boolean).length;
    expect([tries(30), tries(1, '192.0.2.2')]).toEqual([20, 1]);
    clock.advanceMs(2000);
    expect(tries(5)).toBe(2);
  });

  it('divides the rate at which passwords are tried, and lets people mistype at each process (T13)', () => {
    const clock = fakeClock();
    const limiter = createCallLimiter({ ...one, processes: 4 }, clock);
    const tries = (count: number) =>
      Array.from({ length: count }, () => passes(() => limiter.login('192.0.2.1', 'a@acme.com')));
    expect(tries(11).filter(Boolean)).toHaveLength(10);
    clock.advanceMs(39_000);
    expect(tries(1)).toEqual([false]);
    clock.advanceMs(1000);
    expect(tries(2)).toEqual([true, false]);
  });
});
