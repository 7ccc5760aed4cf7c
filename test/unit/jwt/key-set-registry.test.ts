import { describe, expect, it } from 'vitest';
import type { DocumentRequest } from '../../../src/core/document.ts';
import { MINUTE_MS, SECOND_MS } from '../../../src/core/time.ts';
import { createKeySetRegistry, type RegisteredKeySetSettings } from '../../../src/jwt/key-set-registry.ts';
import { fakeClock } from '../../support/clock.ts';
import { fakeScheduler, settled } from '../../support/scheduler.ts';
import { testKey } from '../../support/tokens.ts';

const { jwk } = testKey('ES256', 'k1');

const settings: RegisteredKeySetSettings = {
  source: { kind: 'url', url: 'https://idp.test/jwks' },
  timeoutMs: 3 * SECOND_MS,
  cacheTtlMs: 10 * MINUTE_MS,
  cooldownMs: 30 * SECOND_MS,
  maxStaleMs: 60 * MINUTE_MS,
  ca: null,
};

function bench() {
  const clock = fakeClock();
  const timers = fakeScheduler(clock);
  const fetches: (DocumentRequest & { readonly ca: string | null })[] = [];
  const site = { isDown: false };
  const registry = createKeySetRegistry({
    clock,
    random: () => 0,
    schedule: timers.schedule,
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    fetcherFor: (ca) => async (wanted) => {
      fetches.push({ ...wanted, ca });
      if (site.isDown) throw new Error('connection failed');
      return { status: 200, body: JSON.stringify({ keys: [jwk] }), etag: null, cacheMaxAgeMs: null };
    },
  });
  return { registry, timers, fetches, site };
}

describe('createKeySetRegistry', () => {
  it('K14 gives realms with the same settings one engine and one fetch', async () => {
    const { registry, fetches } = bench();
    expect(registry.acquire({ ...settings })).toBe(registry.acquire(settings));
    await settled();
    expect(fetches).toHaveLength(1);
    expect(registry.keySets()).toHaveLength(1);
  });

  it.each([
    ['another URL', { source: { kind: 'url', url: 'https://idp.test/other' } }],
    ['discovery at that URL', { source: { kind: 'issuer', issuer: 'https://idp.test/jwks' } }],
    ['another time limit', { timeoutMs: SECOND_MS }],
    ['another time to live', { cacheTtlMs: MINUTE_MS }],
    ['another cooldown', { cooldownMs: MINUTE_MS }],
    ['another maxStale', { maxStaleMs: MINUTE_MS }],
    ['another CA', { ca: 'pem' }],
  ] as const)('K14 keeps engines apart: %s', (_name, changes) => {
    const { registry } = bench();
    expect(registry.acquire({ ...settings, ...changes })).not.toBe(registry.acquire(settings));
  });

  it('gives the fetcher its CA', async () => {
    const { registry, fetches } = bench();
    registry.acquire({ ...settings, ca: 'pem' });
    await settled();
    expect(fetches.map(({ ca }) => ca)).toEqual(['pem']);
  });

  it('keeps the engine and its keys across a reload', async () => {
    const { registry, fetches, timers } = bench();
    const old = registry.acquire(settings);
    await settled();
    const renewed = registry.acquire(settings);
    registry.release(old);
    expect(renewed.status()).toMatchObject({ state: 'fresh', kids: ['k1'] });
    await timers.passMs(8 * MINUTE_MS);
    expect(fetches).toHaveLength(2);
  });

  it('FJR-P40 K12 gives an engine with other times the keys of the one before it while the issuer is away', async () => {
    const { registry, site } = bench();
    const old = registry.acquire(settings);
    await settled();
    site.isDown = true;
    const renewed = registry.acquire({ ...settings, maxStaleMs: 2 * settings.maxStaleMs });
    registry.release(old);
    await settled();
    expect(renewed.status()).toMatchObject({ kids: ['k1'], lastError: 'connection failed' });
    expect((await renewed.find('k1')).map(({ kid }) => kid)).toEqual(['k1']);
  });

  it.each([
    ['another URL', { source: { kind: 'url', url: 'https://idp.test/other' } }],
    ['another CA', { ca: 'pem' }],
  ] as const)('gives an engine of %s none of them', async (_name, changes) => {
    const { registry, site } = bench();
    registry.acquire(settings);
    await settled();
    site.isDown = true;
    expect(registry.acquire({ ...settings, ...changes }).status()).toMatchObject({
      state: 'loading',
      kids: [],
    });
  });

  it('closes the engine with its last holder', async () => {
    const { registry, fetches, timers } = bench();
    const keySet = registry.acquire(settings);
    registry.acquire(settings);
    await settled();
    registry.release(keySet);
    registry.release(keySet);
    await timers.passMs(60 * MINUTE_MS);
    expect(fetches).toHaveLength(1);
    expect(registry.keySets()).toEqual([]);
  });

  it('takes a release too many without harm to a new engine', () => {
    const { registry } = bench();
    const old = registry.acquire(settings);
    registry.release(old);
    const fresh = registry.acquire(settings);
    registry.release(old);
    expect(registry.keySets()).toEqual([fresh]);
  });
});
