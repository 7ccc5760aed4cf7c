import { describe, expect, it } from 'vitest';
import { createSharedDocuments } from '../../../src/app/shared-documents.ts';
import type { FetchedDocument } from '../../../src/core/document.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../src/core/time.ts';
import { createKeySet, type RemoteKeySet } from '../../../src/jwt/jwks.ts';
import { fakeClock } from '../../support/clock.ts';
import { fakeScheduler, settled } from '../../support/scheduler.ts';
import { testKey } from '../../support/tokens.ts';
import { recordingLog } from '../../support/verifier.ts';

const TTL_MS = 10 * MINUTE_MS;
const k1 = testKey('ES256', 'k1').jwk;
const k2 = testKey('ES256', 'k2').jwk;
const WORKERS = 4;

/** The key-set engines of several workers over one store. */
function bench() {
  const clock = fakeClock();
  const timers = fakeScheduler(clock);
  const observed: string[] = [];
  let keys: object[] = [k1];
  let fetches = 0;
  const documents = createSharedDocuments({
    clock,
    fetcherFor: () => async () => {
      fetches += 1;
      return { status: 200, body: JSON.stringify({ keys }), etag: null, cacheMaxAgeMs: null };
    },
  });
  const engine = (worker: number): RemoteKeySet =>
    createKeySet({
      source: { kind: 'url', url: 'https://idp.test/jwks' },
      timeoutMs: 3 * SECOND_MS,
      cacheTtlMs: TTL_MS,
      cooldownMs: 30 * SECOND_MS,
      maxStaleMs: DAY_MS,
      clock,
      random: () => (worker * 0.37) % 1,
      schedule: timers.schedule,
      log: recordingLog(),
      observe: { fetched: (_source, result) => void observed.push(result) },
      fetchDocument: (wanted): Promise<FetchedDocument> => documents.fetch(worker, { ...wanted, ca: null }),
    });
  const publish = (next: object[]) => {
    keys = next;
  };
  return { clock, timers, engine, observed, publish, fetches: () => fetches };
}

async function started(made = bench()) {
  const engines = Array.from({ length: WORKERS }, (_, worker) => made.engine(worker));
  await Promise.all(engines.map((engine) => engine.start()));
  return { ...made, engines };
}

describe('key sets of several workers', () => {
  it('cost one fetch at the start, and one in each refresh', async () => {
    const { fetches, timers, observed } = await started();
    expect(fetches()).toBe(1);
    expect(observed.sort()).toEqual(['ok', 'shared', 'shared', 'shared']);
    await timers.passMs(HOUR_MS);
    const soonestRefreshMs = TTL_MS * 0.72;
    expect(fetches()).toBeLessThanOrEqual(1 + Math.ceil(HOUR_MS / soonestRefreshMs));
    expect(fetches()).toBeGreaterThanOrEqual(HOUR_MS / TTL_MS);
  });

  it('drop a key that the issuer removed within the cache time, in every worker', async () => {
    const { engines, timers, publish } = await started();
    await timers.passMs(HOUR_MS);
    publish([k2]);
    await timers.passMs(TTL_MS);
    for (const engine of engines) expect(engine.status().kids).toEqual(['k2']);
  });

  it('find a new key in every worker at once, however lately another one fetched', async () => {
    const { engines, clock, publish } = await started();
    clock.advanceMs(MINUTE_MS);
    const [first, ...others] = engines;
    await expect(first?.find('unknown')).rejects.toMatchObject({ code: 'unknown_kid' });
    clock.advanceMs(10 * SECOND_MS);
    publish([k1, k2]);
    for (const engine of others) expect(await engine.find('k2')).toHaveLength(1);
  });

  it('count the age of a set from its fetch, also where another worker caused it', async () => {
    const { engine, clock, timers, fetches } = await started();
    clock.advanceMs(6 * MINUTE_MS);
    const late = engine(9);
    await late.start();
    expect(late.status()).toMatchObject({ state: 'fresh', fetchedAtMs: clock() - 6 * MINUTE_MS });
    expect(fetches()).toBe(1);
    await timers.passMs(2 * MINUTE_MS);
    await settled();
    expect(clock() - (late.status().fetchedAtMs ?? 0)).toBeLessThan(3 * MINUTE_MS);
  });
});
