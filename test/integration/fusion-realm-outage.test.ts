import { afterEach, describe, expect, it } from 'vitest';
import { t1Claims } from '../support/acceptance.ts';
import { type FakeClock, fakeClock } from '../support/clock.ts';
import { fusionRealm, metric, PLACES, realmGateways, refusalOf, statusOf } from '../support/fusion.ts';
import { delayed, type Idp, keySet, startIdp } from '../support/idp.ts';
import { hs256, signed, testKey } from '../support/tokens.ts';

const start = realmGateways();
const k1 = testKey('RS256', 'k1');
const k2 = testKey('RS256', 'k2');
const COOLDOWN_MS = 30_000;

let idp: Idp;
afterEach(() => idp.close());

/** An issuer with key k1, and a realm that fetches it. */
async function issuer(): Promise<void> {
  idp = await startIdp();
  idp.answerJwks(keySet([k1.jwk]));
}

const remote = (jwks = '{}') => fusionRealm({ signingKey: null, jwksUri: `"${idp.jwksUri}"`, jwks });

/** Good for a year by the clock: outages of a day are no end of the token. */
function lasting(clock: FakeClock, changes: object = {}): Record<string, unknown> {
  return t1Claims({ exp: Math.floor(clock() / 1000) + 365 * 86_400, ...changes }, clock);
}

describe('jwks.timeout', () => {
  const slowly = async (jwks: string) => {
    await issuer();
    idp.answerJwks(delayed(700, keySet([k1.jwk])));
    return start([remote(jwks)]);
  };

  it('of 500 ms is too short for an issuer that takes 700 ms (FJR-P38)', async () => {
    const gateway = await slowly('{ timeout: 500ms }');
    const answer = await gateway.get(PLACES, signed(k1, t1Claims()));
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answer.json()).toMatchObject({ code: 'keys_unavailable' });
  });

  it('of 3 s, the usual one, is not: the first request waits for the key (FJR-P38)', async () => {
    const gateway = await slowly('{}');
    expect(await statusOf(gateway, signed(k1, t1Claims()))).toBe(200);
  });
});

describe('rotation', () => {
  it('of the issuer is followed by one more fetch, and the old key is refused (FJR-P39)', async () => {
    await issuer();
    const gateway = await start([remote()]);
    const oldToken = signed(k1, t1Claims());
    expect(await statusOf(gateway, oldToken)).toBe(200);
    idp.answerJwks(keySet([k2.jwk]));
    expect(await statusOf(gateway, signed(k2, t1Claims()))).toBe(200);
    expect(idp.hits()).toBe(2);
    expect(await statusOf(gateway, oldToken)).toBe(401);
  });

  it('that is only pretended costs the issuer one fetch a cooldown (FJR-P39)', async () => {
    await issuer();
    const clock = fakeClock();
    const gateway = await start([remote('{ cooldown: 30s }')], { clock });
    expect(await statusOf(gateway, signed(k1, lasting(clock)))).toBe(200);
    const claims = lasting(clock);
    for (let round = 1; round <= 2; round += 1) {
      const kids = Array.from({ length: 500 }, (_, index) => `random-${round}-${index}`);
      const tokens = kids.map((kid) => signed({ ...k1, kid, sign: () => Buffer.alloc(256) }, claims));
      const answers = await Promise.all(tokens.map((token) => refusalOf(gateway, token)));
      expect(new Set(answers.map((refusal) => refusal?.code))).toEqual(new Set(['unknown_kid']));
      expect(idp.hits()).toBe(1 + round);
      clock.advanceMs(COOLDOWN_MS);
    }
  });
});

describe('an issuer that is down', () => {
  it('is bridged by the last good set until maxStale, then it is 503 (FJR-P40)', async () => {
    await issuer();
    const clock = fakeClock();
    const gateway = await start([remote('{ cacheTtl: 10m, maxStale: 2h }')], { clock });
    const token = signed(k1, lasting(clock));
    expect(await statusOf(gateway, token)).toBe(200);
    await idp.close();
    clock.advanceMs(7_199_999);
    expect(await statusOf(gateway, token)).toBe(200);
    expect(await statusOf(gateway, signed(k1, lasting(clock, { sub: 'new' })))).toBe(200);
    clock.advanceMs(1);
    expect(await refusalOf(gateway, token)).toMatchObject({ status: 503, code: 'keys_unavailable' });
    const labels = 'realm="none",result="error",reason="keys_unavailable"';
    expect(await metric(gateway, 'auth_decisions_total', labels)).toBe(1);
  });
});

describe('the cache of verified tokens', () => {
  it('holds no more than its bound (FJR-C45)', async () => {
    await issuer();
    const gateway = await start([fusionRealm({ tokenCache: '{ max: 1000 }' })]);
    const subjects = Array.from({ length: 5000 }, (_, index) => `u${index}`);
    while (subjects.length > 0) {
      const tokens = subjects.splice(0, 100).map((sub) => hs256('fusion-secret', t1Claims({ sub })));
      const statuses = await Promise.all(tokens.map((token) => statusOf(gateway, token)));
      expect(new Set(statuses)).toEqual(new Set([200]));
    }
    expect(await metric(gateway, 'token_cache_size')).toBe(1000);
    expect(await metric(gateway, 'token_cache_evictions_total')).toBe(4000);
  });

  it('forgets a token at its exp, to the second (FJR-C45)', async () => {
    await issuer();
    const clock = fakeClock();
    const gateway = await start([fusionRealm({ clockSkew: '0s' })], { clock });
    const token = hs256('fusion-secret', t1Claims({ exp: clock() / 1000 + 60 }, clock));
    expect(await statusOf(gateway, token)).toBe(200);
    clock.advanceMs(59_999);
    expect(await statusOf(gateway, token)).toBe(200);
    expect(await metric(gateway, 'token_cache_hits_total')).toBe(1);
    clock.advanceMs(1);
    expect(await refusalOf(gateway, token)).toMatchObject({ status: 401, code: 'expired' });
  });
});
