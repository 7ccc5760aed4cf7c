import { describe, expect, it } from 'vitest';
import type { DocumentRequest, FetchedDocument } from '../../../src/core/document.ts';
import type { LogFields } from '../../../src/core/log.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../src/core/time.ts';
import { createKeySet, type KeySetSettings, type RemoteKeySet } from '../../../src/jwt/jwks.ts';
import type { VerificationKey } from '../../../src/jwt/verification-key.ts';
import { type FakeClock, fakeClock } from '../../support/clock.ts';
import { type FakeScheduler, fakeScheduler, settled } from '../../support/scheduler.ts';
import { testKey } from '../../support/tokens.ts';

const k1 = testKey('ES256', 'k1').jwk;
const k2 = testKey('ES256', 'k2').jwk;
const URL_OF_SET = 'https://idp.test/jwks';

type Answer = FetchedDocument | Error | Promise<FetchedDocument>;

interface Bench {
  readonly keySet: RemoteKeySet;
  readonly clock: FakeClock;
  readonly timers: FakeScheduler;
  /** What the next fetches get. */
  answer(answer: Answer): void;
  readonly fetches: DocumentRequest[];
  readonly logged: { level: string; message: string; fields: LogFields | undefined }[];
  readonly observed: string[];
}

function bench(changes: Partial<KeySetSettings> = {}): Bench {
  const clock = fakeClock();
  const timers = fakeScheduler(clock);
  const fetches: DocumentRequest[] = [];
  const logged: Bench['logged'] = [];
  const observed: string[] = [];
  let answer: Answer = set([k1]);
  const logAs = (level: string) => (message: string, fields?: LogFields) =>
    void logged.push({ level, message, fields });
  const keySet = createKeySet({
    source: { kind: 'url', url: URL_OF_SET },
    timeoutMs: 3 * SECOND_MS,
    cacheTtlMs: 10 * MINUTE_MS,
    cooldownMs: 30 * SECOND_MS,
    maxStaleMs: DAY_MS,
    clock,
    random: () => 0,
    schedule: timers.schedule,
    log: { debug: logAs('debug'), info: logAs('info'), warn: logAs('warn'), error: logAs('error') },
    observe: { fetched: (source, result) => void observed.push(`${source} ${result}`) },
    fetchDocument: async (wanted) => {
      fetches.push(wanted);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    ...changes,
  });
  const setAnswer = (next: Answer) => {
    answer = next;
  };
  return { keySet, clock, timers, fetches, logged, observed, answer: setAnswer };
}

async function started(changes: Partial<KeySetSettings> = {}): Promise<Bench> {
  const made = bench(changes);
  await made.keySet.start();
  return made;
}

function set(jwks: object[], headers: { etag?: string; cacheMaxAgeMs?: number } = {}): FetchedDocument {
  return { status: 200, body: JSON.stringify({ keys: jwks }), etag: null, cacheMaxAgeMs: null, ...headers };
}

const down = new Error('connection failed (ECONNREFUSED)');
const kidsOf = (keys: readonly VerificationKey[]) => keys.map(({ kid }) => kid);
const find = async (keySet: RemoteKeySet, kid: string | null) => kidsOf(await keySet.find(kid));
const refusal = (code: string, more: object = {}) =>
  expect.objectContaining({ name: 'CountersignError', code, ...more });

/** An answer that arrives when the test says so. */
function pending(): { answer: Promise<FetchedDocument>; arrive: (document: FetchedDocument) => void } {
  const { promise, resolve } = Promise.withResolvers<FetchedDocument>();
  return { answer: promise, arrive: resolve };
}

describe('createKeySet find', () => {
  it('FJR-S24 answers at once from what is loaded, without a further fetch', async () => {
    const { keySet, fetches } = await started();
    for (let request = 0; request < 100; request += 1)
      expect(kidsOf(keySet.find('k1') as readonly VerificationKey[])).toEqual(['k1']);
    expect(fetches).toHaveLength(1);
  });

  it('waits for the first fetch while loading', async () => {
    const { keySet, answer } = bench();
    const first = pending();
    answer(first.answer);
    void keySet.start();
    const found = find(keySet, 'k1');
    first.arrive(set([k1]));
    expect(await found).toEqual(['k1']);
  });

  it('K11 answers 503 with Retry-After when the first fetch fails, and 503 at once until the next', async () => {
    const { keySet, fetches, answer } = bench();
    answer(down);
    void keySet.start();
    const refused = refusal('keys_unavailable', { status: 503, retryAfterSeconds: 1 });
    await expect(find(keySet, 'k1')).rejects.toEqual(refused);
    await expect(find(keySet, 'k1')).rejects.toEqual(refused);
    expect(fetches).toHaveLength(1);
  });

  it('K07 gives a token without kid the only key of the set', async () => {
    const { keySet } = await started();
    expect(await find(keySet, null)).toEqual(['k1']);
  });

  it('K07 refuses a token without kid where the set has two keys, without a fetch', async () => {
    const { keySet, answer, fetches } = bench();
    answer(set([k1, k2]));
    await keySet.start();
    expect(() => keySet.find(null)).toThrow(refusal('unknown_kid'));
    expect(fetches).toHaveLength(1);
  });

  it.each(['__proto__', 'constructor', 'toString', '', 'K1', 'k1 ', 'k1\0', '../k1'])(
    'J05 does not find the kid %j',
    async (kid) => {
      const { keySet } = await started();
      await expect(find(keySet, kid)).rejects.toEqual(refusal('unknown_kid', { status: 401 }));
    },
  );
});

describe('createKeySet start', () => {
  it('fetches once, however often it is called', async () => {
    const { keySet, fetches } = bench();
    await Promise.all([keySet.start(), keySet.start()]);
    expect(fetches).toEqual([{ url: URL_OF_SET, etag: null, timeoutMs: 3 * SECOND_MS, maxAgeMs: Infinity }]);
  });

  it('K11 resolves when the fetch fails, tries again by itself, and serves without a restart', async () => {
    const { keySet, answer, timers } = bench();
    answer(down);
    await keySet.start();
    expect(keySet.status()).toMatchObject({ state: 'loading', lastError: down.message, fetchedAtMs: null });
    answer(set([k1]));
    await timers.passMs(SECOND_MS);
    expect(keySet.status()).toMatchObject({ state: 'fresh', kids: ['k1'], lastError: null });
    expect(await find(keySet, 'k1')).toEqual(['k1']);
  });
});

describe('createKeySet refresh in the background', () => {
  it('fetches again at 80 % of the time to live', async () => {
    const { timers, fetches } = await started();
    await timers.passMs(8 * MINUTE_MS - 1);
    expect(fetches).toHaveLength(1);
    await timers.passMs(1);
    expect(fetches).toHaveLength(2);
  });

  it('K13 lets max-age shorten the time', async () => {
    const { keySet, answer, timers } = bench();
    answer(set([k1], { cacheMaxAgeMs: 100 * SECOND_MS }));
    await keySet.start();
    expect(timers.delaysMs).toEqual([80 * SECOND_MS]);
  });

  it('K13 sends the ETag, and takes a 304 as a fresh set of the same generation', async () => {
    const { keySet, answer, timers, fetches, observed } = bench();
    answer(set([k1], { etag: '"v1"' }));
    await keySet.start();
    answer({ status: 304, cacheMaxAgeMs: null });
    await timers.passMs(8 * MINUTE_MS);
    expect(fetches[1]?.etag).toBe('"v1"');
    await timers.passMs(8 * MINUTE_MS);
    expect(fetches[2]?.etag).toBe('"v1"');
    expect(keySet.status()).toMatchObject({ state: 'fresh', kids: ['k1'] });
    expect(keySet.generation).toBe(1);
    expect(observed).toEqual(['ok', 'unchanged', 'unchanged'].map((result) => `${URL_OF_SET} ${result}`));
  });

  it('refuses a 304 without a set', async () => {
    const { keySet, answer } = bench();
    answer({ status: 304, cacheMaxAgeMs: null });
    await keySet.start();
    expect(keySet.status()).toMatchObject({ state: 'loading', lastError: expect.stringContaining('304') });
  });

  it('keeps the generation when keys only change their order', async () => {
    const { keySet, answer, timers } = bench();
    answer(set([k1, k2]));
    await keySet.start();
    answer(set([k2, k1]));
    await timers.passMs(8 * MINUTE_MS);
    expect(keySet.generation).toBe(1);
  });

  it('raises the generation when a kid gets another key', async () => {
    const { keySet, answer, timers } = await started();
    answer(set([{ ...k2, kid: 'k1' }]));
    await timers.passMs(8 * MINUTE_MS);
    expect(keySet.generation).toBe(2);
  });

  it('raises the generation when a key serves another algorithm', async () => {
    const rsa = testKey('RS256', 'r').jwk;
    const { keySet, answer, timers } = bench();
    answer(set([{ ...rsa, alg: undefined }]));
    await keySet.start();
    answer(set([rsa]));
    await timers.passMs(8 * MINUTE_MS);
    expect(keySet.generation).toBe(2);
  });

  it('K10 forgets a key that the issuer removed, at the next refresh', async () => {
    const { keySet, answer, timers } = bench();
    answer(set([k1, k2]));
    await keySet.start();
    answer(set([k2]));
    await timers.passMs(8 * MINUTE_MS);
    expect(keySet.generation).toBe(2);
    await expect(find(keySet, 'k1')).rejects.toEqual(refusal('unknown_kid'));
  });

  it('K10 forgets it at once when the operator asks for a refresh', async () => {
    const { keySet, answer } = await started();
    answer(set([k2]));
    await keySet.refresh();
    expect(keySet.status().kids).toEqual(['k2']);
  });

  it('has one fetch in flight, whoever asks', async () => {
    const { keySet, answer, fetches } = await started();
    const slow = pending();
    answer(slow.answer);
    const all = [keySet.refresh(), keySet.refresh(), find(keySet, 'k2'), find(keySet, 'k2')];
    slow.arrive(set([k1, k2]));
    await Promise.all(all);
    expect(fetches).toHaveLength(2);
  });

  it('has one timer, also after a refresh out of turn', async () => {
    const { keySet, timers } = await started();
    await keySet.refresh();
    expect(timers.pending()).toBe(1);
  });
});

describe('createKeySet with an unknown kid', () => {
  it('FJR-P39 fetches once and finds the rotated key', async () => {
    const { keySet, answer, fetches } = await started();
    answer(set([k2]));
    expect(await find(keySet, 'k2')).toEqual(['k2']);
    expect(fetches).toHaveLength(2);
  });

  it('FJR-P39 K08 fetches once per cooldown for any number of unknown kids', async () => {
    const { keySet, clock, fetches } = await started();
    const flood = async () => {
      const refused = Array.from({ length: 1000 }, (_, n) =>
        expect(find(keySet, `x${n}`)).rejects.toEqual(refusal('unknown_kid')),
      );
      await Promise.all(refused);
    };
    await flood();
    await flood();
    expect(fetches).toHaveLength(2);
    clock.advanceMs(30 * SECOND_MS - 1);
    await flood();
    expect(fetches).toHaveLength(2);
    clock.advanceMs(1);
    await flood();
    expect(fetches).toHaveLength(3);
  });

  it('K09 finds a key published during a flood within the cooldown', async () => {
    const { keySet, answer, clock } = await started();
    await expect(find(keySet, 'flood')).rejects.toEqual(refusal('unknown_kid'));
    await expect(find(keySet, 'k2')).rejects.toEqual(refusal('unknown_kid'));
    answer(set([k1, k2]));
    clock.advanceMs(30 * SECOND_MS);
    await expect(find(keySet, 'another')).rejects.toEqual(refusal('unknown_kid'));
    expect(await find(keySet, 'k2')).toEqual(['k2']);
  });

  it('K09 asks again when the fetch in flight was answered before the key was published', async () => {
    const { keySet, answer, fetches } = await started();
    const slow = pending();
    answer(slow.answer);
    void keySet.refresh();
    const found = find(keySet, 'k2');
    await settled();
    answer(set([k1, k2]));
    slow.arrive(set([k1]));
    expect(await found).toEqual(['k2']);
    expect(fetches).toHaveLength(3);
  });

  it('FJR-P39 fetches again for an unknown kid though the clock was set back meanwhile', async () => {
    const { keySet, clock, fetches } = await started();
    await expect(find(keySet, 'k2')).rejects.toEqual(refusal('unknown_kid'));
    clock.advanceMs(-HOUR_MS);
    await expect(find(keySet, 'k2')).rejects.toEqual(refusal('unknown_kid'));
    expect(fetches).toHaveLength(3);
  });

  it('keeps at least a second between such fetches, whatever is configured', async () => {
    const { keySet, fetches } = await started({ cooldownMs: 0 });
    for (const kid of ['x1', 'x2']) await expect(find(keySet, kid)).rejects.toEqual(refusal('unknown_kid'));
    expect(fetches).toHaveLength(2);
  });

  it('answers 503, not 401, while nobody knows whether the issuer has the kid', async () => {
    const { keySet, answer, fetches } = await started();
    answer(down);
    await expect(find(keySet, 'k2')).rejects.toEqual(refusal('keys_unavailable'));
    await expect(find(keySet, 'k2')).rejects.toEqual(refusal('keys_unavailable'));
    expect(fetches).toHaveLength(2);
    expect(await find(keySet, 'k1')).toEqual(['k1']);
  });
});

describe('createKeySet while fetches fail', () => {
  it('FJR-P40 K12 keeps the last good set up to maxStale, then answers 503', async () => {
    const { keySet, answer, timers } = await started({ maxStaleMs: HOUR_MS });
    answer(down);
    await timers.passMs(10 * MINUTE_MS - 1);
    expect(keySet.status().state).toBe('fresh');
    await timers.passMs(1);
    expect(keySet.status()).toMatchObject({ state: 'stale', kids: ['k1'], lastError: down.message });
    await timers.passMs(50 * MINUTE_MS - 1);
    keySet.requireUsable();
    expect(await find(keySet, 'k1')).toEqual(['k1']);
    await timers.passMs(1);
    expect(keySet.status().state).toBe('expired');
    expect(() => keySet.requireUsable()).toThrow(refusal('keys_unavailable', { status: 503 }));
    await expect(find(keySet, 'k1')).rejects.toEqual(refusal('keys_unavailable', { status: 503 }));
  });

  it('K12 fetches at most once per 30 s during a day, however many requests come', async () => {
    const { keySet, answer, timers, fetches } = await started();
    answer(down);
    for (let minute = 0; minute < 24 * 60; minute += 1) {
      await timers.passMs(MINUTE_MS);
      for (let request = 0; request < 10; request += 1) {
        if (keySet.status().state !== 'expired') expect(await find(keySet, 'k1')).toEqual(['k1']);
        await expect(find(keySet, 'unknown')).rejects.toEqual(refusal('keys_unavailable'));
      }
    }
    expect(fetches.length).toBeLessThan(24 * 60 * 2);
    expect(keySet.status().state).toBe('expired');
  });

  it('backs off from 1 s to 60 s, and is fresh again after one good fetch', async () => {
    const { keySet, answer, timers } = bench();
    answer(down);
    await keySet.start();
    await timers.passMs(3 * MINUTE_MS);
    expect(timers.delaysMs.slice(0, 8).map((delayMs) => delayMs / SECOND_MS)).toEqual([
      1, 2, 4, 8, 16, 32, 60, 60,
    ]);
    answer(set([k1]));
    await timers.passMs(MINUTE_MS);
    expect(keySet.status()).toMatchObject({ state: 'fresh', lastError: null });
    expect(timers.delaysMs.at(-1)).toBe(8 * MINUTE_MS);
  });

  it('a set whose maxStale is shorter than its time to live is used while it is fresh', async () => {
    const { keySet, answer, timers } = await started({ maxStaleMs: 0 });
    answer(down);
    await timers.passMs(10 * MINUTE_MS - 1);
    keySet.requireUsable();
    await timers.passMs(1);
    expect(keySet.status().state).toBe('expired');
  });

  it.each([
    ['an empty set', set([])],
    ['a set of unusable keys', set([{ ...k1, use: 'enc' }])],
    ['html', { ...set([]), body: '<html>' }],
  ])('K05 keeps the last good set when the issuer serves %s, and backs off', async (_name, useless) => {
    const { keySet, answer, timers } = await started();
    answer(useless);
    await timers.passMs(8 * MINUTE_MS);
    expect(await find(keySet, 'k1')).toEqual(['k1']);
    expect(keySet.generation).toBe(1);
    expect(timers.delaysMs.at(-1)).toBe(SECOND_MS);
    expect(keySet.status().lastError).toMatch(/Key set/);
  });

  it('a rejected promise of the fetcher never escapes', async () => {
    const { keySet, answer } = bench();
    answer(down);
    await expect(keySet.start()).resolves.toBeUndefined();
    await expect(keySet.refresh()).resolves.toBeUndefined();
  });

  it('names the cause in the log, and the end of the trouble', async () => {
    const { keySet, answer, timers, logged } = await started();
    answer(down);
    await timers.passMs(8 * MINUTE_MS);
    answer(set([k1]));
    await keySet.refresh();
    expect(logged.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      'info: Key set changed',
      'warn: Key set could not be fetched',
      'info: Key set can be fetched again',
    ]);
    expect(logged[1]?.fields).toMatchObject({ url: URL_OF_SET, cause: down.message });
  });
});

describe('createKeySet with keys that break the policy', () => {
  it('K04 uses the good ones, and names the others in status and log, once', async () => {
    const { keySet, answer, logged, timers } = bench();
    answer(set([k1, { ...k2, use: 'enc' }]));
    await keySet.start();
    await timers.passMs(HOUR_MS);
    expect(keySet.status()).toMatchObject({
      kids: ['k1'],
      rejected: [{ kid: 'k2', reason: 'use must be sig' }],
    });
    expect(logged.filter(({ level }) => level === 'warn')).toMatchObject([
      { fields: { rejected: 'k2: use must be sig' } },
    ]);
  });
});

describe('createKeySet close', () => {
  it('ends the refreshing', async () => {
    const { keySet, timers, fetches } = await started();
    keySet.close();
    await timers.passMs(DAY_MS);
    expect(fetches).toHaveLength(1);
    expect(timers.pending()).toBe(0);
  });

  it('ends it also while a fetch is in flight', async () => {
    const { keySet, answer, timers } = bench();
    const slow = pending();
    answer(slow.answer);
    const start = keySet.start();
    keySet.close();
    slow.arrive(set([k1]));
    await start;
    expect(timers.pending()).toBe(0);
  });
});

describe('createKeySet with discovery', () => {
  const issuer = 'https://idp.test';
  const metadata = (jwksUri: string): FetchedDocument => ({
    status: 200,
    body: JSON.stringify({ issuer, jwks_uri: jwksUri }),
    etag: null,
    cacheMaxAgeMs: null,
  });

  /** An issuer whose key set can move. */
  function discovering() {
    const clock = fakeClock();
    const timers = fakeScheduler(clock);
    const site = { jwksUri: 'https://keys.test/1', old: '', keys: [k1], isDescribed: true };
    const fetches: DocumentRequest[] = [];
    const keySet = createKeySet({
      source: { kind: 'issuer', issuer },
      timeoutMs: 3 * SECOND_MS,
      cacheTtlMs: 10 * MINUTE_MS,
      cooldownMs: 30 * SECOND_MS,
      maxStaleMs: DAY_MS,
      clock,
      random: () => 0,
      schedule: timers.schedule,
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      fetchDocument: async (wanted) => {
        fetches.push(wanted);
        clock.advanceMs(SECOND_MS);
        if (site.isDescribed && wanted.url.endsWith('openid-configuration')) return metadata(site.jwksUri);
        if (wanted.url === site.jwksUri) return set(site.keys, { etag: `"${site.jwksUri}"` });
        if (wanted.url === site.old) return set([k1]);
        throw down;
      },
    });
    return { keySet, timers, site, fetches };
  }

  it('says of the set whose metadata names it, and of the metadata nothing', async () => {
    const { keySet, fetches } = discovering();
    await keySet.start();
    expect(fetches.map(({ namedBy }) => namedBy)).toEqual([undefined, issuer]);
  });

  it('K10 leaves a set that the metadata does not name any more, though it still answers', async () => {
    const { keySet, timers, site } = discovering();
    await keySet.start();
    Object.assign(site, { old: site.jwksUri, jwksUri: 'https://keys.test/2', keys: [k2] });
    await timers.passMs(HOUR_MS);
    expect(keySet.url).toBe('https://keys.test/2');
    expect(keySet.status().kids).toEqual(['k2']);
  });

  it('K09 looks where the set is when a kid is missing from it', async () => {
    const { keySet, site } = discovering();
    await keySet.start();
    Object.assign(site, { old: site.jwksUri, jwksUri: 'https://keys.test/2', keys: [k2] });
    expect(await find(keySet, 'k2')).toEqual(['k2']);
  });

  it('goes on where it knows the set is while the metadata cannot be had, for as long as keys may be old', async () => {
    const { keySet, timers, site } = discovering();
    await keySet.start();
    site.isDescribed = false;
    await timers.passMs(DAY_MS - HOUR_MS);
    expect(keySet.status()).toMatchObject({ state: 'fresh', lastError: null });
    await timers.passMs(2 * HOUR_MS);
    expect(keySet.status().lastError).toContain('openid-configuration');
  });

  it('finds the URL once for as long as a set is fresh, and refreshes the set alone', async () => {
    const { keySet, timers, fetches } = discovering();
    expect(keySet.url).toBe(issuer);
    await keySet.start();
    expect(keySet.url).toBe('https://keys.test/1');
    await timers.passMs(9 * MINUTE_MS);
    expect(fetches.map(({ url }) => url)).toEqual([
      'https://idp.test/.well-known/openid-configuration',
      'https://keys.test/1',
      'https://keys.test/1',
    ]);
  });

  it('gives all fetches of one attempt one time limit', async () => {
    const { keySet, fetches } = discovering();
    await keySet.start();
    expect(fetches.map(({ timeoutMs }) => timeoutMs)).toEqual([3 * SECOND_MS, 2 * SECOND_MS]);
  });

  it('asks again where the set is after a failure, and sends no ETag of another URL', async () => {
    const { keySet, timers, site, fetches } = discovering();
    await keySet.start();
    site.jwksUri = 'https://keys.test/2';
    await timers.passMs(9 * MINUTE_MS);
    expect(keySet.url).toBe('https://keys.test/2');
    expect(fetches.at(-1)).toMatchObject({ url: 'https://keys.test/2', etag: null });
    expect(keySet.status().state).toBe('fresh');
  });
});
