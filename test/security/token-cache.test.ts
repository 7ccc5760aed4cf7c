/** The cache of verified tokens: rows C01 and C03–C07 of the threat table, FJR-C45. It may save time, never change a verdict. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CountersignError } from '../../src/core/errors.ts';
import { HOUR_MS, SECOND_MS } from '../../src/core/time.ts';
import { testRealm } from '../support/policy.ts';
import { base64url, hs256, signed, testKey } from '../support/tokens.ts';
import { fakeKeySet, publicKey, secretKey } from '../support/verification-keys.ts';
import { fusionRig, goodClaims, goodToken, type Rig, rigOf, SECRET } from '../support/verifier.ts';

const unknownKid = () => new CountersignError('unknown_kid', 'not in the set');

function keySetRig() {
  const key = testKey('ES256', 'k1');
  const keySet = fakeKeySet([publicKey(key)], unknownKid);
  const rig = rigOf([{ realm: testRealm({ algorithms: ['ES256'] }), signingKeys: [], keySet }]);
  return { key, keySet, rig, token: signed(key, goodClaims(rig.clock)) };
}

/** Realms a and b: one issuer, one key, different roles. */
function twinRig(clock = fusionRig().clock) {
  const signingKeys = [secretKey(SECRET)];
  const bindings = ['a', 'b'].map((name) => ({
    realm: testRealm({ name, defaultRoles: [name] }),
    signingKeys,
    keySet: null,
  }));
  const rig = rigOf(bindings, 100, clock);
  const [a, b] = rig.realms;
  if (a === undefined || b === undefined) throw new Error('two realms were made');
  return { rig, a, b };
}

describe('a remembered token', () => {
  it('is not verified again', async () => {
    const { rig, keySet, token } = keySetRig();
    const first = await rig.verify(token);
    expect(await rig.verify(token)).toBe(first);
    expect(keySet.asked).toEqual(['k1']);
    expect([rig.counts.hits, rig.counts.misses, rig.verifier.cacheSize]).toEqual([1, 1, 1]);
  });

  it('is answered without a promise', async () => {
    const rig = fusionRig();
    const token = goodToken(rig.clock);
    await rig.verify(token);
    expect(rig.verifier.verify(token, rig.realms)).not.toBeInstanceOf(Promise);
  });

  it('cannot be changed by one request for the next', async () => {
    const rig = fusionRig();
    const { principal } = await rig.verify(goodToken(rig.clock, { groups: ['x'], user: { name: 'z' } }));
    const promote = [
      () => Object.assign(principal, { subject: 'admin' }),
      () => Array.prototype.push.call(principal.roles, 'admin'),
      () => Array.prototype.push.call(principal.groups, 'admin'),
      () => Object.assign(principal.claims, { sub: 'admin' }),
      () => Object.assign(principal.claims['user'] ?? {}, { name: 'admin' }),
    ];
    for (const change of promote) expect(change).toThrow(TypeError);
  });
});

describe('C01 FJR-C45 end of life', () => {
  it.each([0, 60_000])(
    'C01 is refused at exp plus a skew of %i ms, to the millisecond',
    async (clockSkewMs) => {
      const rig = fusionRig({ clockSkewMs });
      const token = goodToken(rig.clock);
      await rig.verify(token);
      rig.clock.advanceMs(300 * SECOND_MS + clockSkewMs - 1);
      expect(await rig.verdict(token)).toBe('accepted');
      rig.clock.advanceMs(1);
      expect(await rig.verdict(token)).toBe('expired');
      expect(rig.verifier.cacheSize).toBe(0);
    },
  );

  it('C01 is refused once it is older than maxAge', async () => {
    const rig = fusionRig({ clockSkewMs: 0, maxAgeMs: 60_000 });
    const token = goodToken(rig.clock);
    await rig.verify(token);
    rig.clock.advanceMs(60_000);
    expect(await rig.verdict(token)).toBe('too_old');
  });
});

describe('C03 changes of keys and configuration', () => {
  it('C03 K10 is refused once its key left the set', async () => {
    const { rig, keySet, token } = keySetRig();
    await rig.verify(token);
    keySet.replace([publicKey(testKey('ES256', 'k2'))]);
    expect(await rig.verdict(token)).toBe('unknown_kid');
  });

  it('C03 is refused once another key has its kid', async () => {
    const { rig, keySet, token } = keySetRig();
    await rig.verify(token);
    keySet.replace([publicKey(testKey('ES256', 'k1'))]);
    expect(await rig.verdict(token)).toBe('bad_signature');
  });

  it('C03 is verified again, and accepted, where the set only gained a key', async () => {
    const { rig, key, keySet, token } = keySetRig();
    await rig.verify(token);
    keySet.replace([publicKey(key), publicKey(testKey('ES256', 'k2'))]);
    expect(await rig.verdict(token)).toBe('accepted');
    expect(keySet.asked).toEqual(['k1', 'k1']);
  });

  it('C03 is not remembered under keys that came while it was verified', async () => {
    const { rig, keySet, token } = keySetRig();
    const pending = rig.verify(token);
    keySet.replace([publicKey(testKey('ES256', 'k2'))]);
    await pending.catch(() => null);
    expect(await rig.verdict(token)).toBe('unknown_kid');
  });

  it('K12 answers keys_unavailable once the set is too old, and accepts again after', async () => {
    const { rig, keySet, token } = keySetRig();
    await rig.verify(token);
    keySet.fail(new CountersignError('keys_unavailable', 'too old', { retryAfterSeconds: 5 }));
    expect(await rig.verdict(token)).toBe('keys_unavailable');
    keySet.fail(null);
    expect(await rig.verdict(token)).toBe('accepted');
  });

  it('C03 a new configuration begins with nothing remembered', async () => {
    const old = fusionRig();
    const token = goodToken(old.clock, { groups: ['group-two'] });
    expect((await old.verify(token)).principal.roles).toContain('admin');
    const next = fusionRig({ rolesOfGroup: new Map() });
    expect((await next.verify(token)).principal.roles).toEqual(['authenticated']);
  });
});

describe('C04 one token, other realms', () => {
  it('C04 is refused where its realm is not asked', async () => {
    const clock = fusionRig().clock;
    const { rig, a } = twinRig(clock);
    const other = testRealm({ name: 'other', issuer: 'other' });
    const token = goodToken(clock);
    await rig.verify(token, [a]);
    expect(await rig.verdict(token, [other])).toBe('unknown_issuer');
    expect(await rig.verdict(token, [])).toBe('unknown_issuer');
  });

  it('C04 gets the roles of the realm that is asked now', async () => {
    const { rig, a, b } = twinRig();
    const token = goodToken(rig.clock);
    const rolesFor = async (realms: Rig['realms']) => (await rig.verify(token, realms)).principal.roles;
    const seen = [await rolesFor([a]), await rolesFor([b]), await rolesFor([a, b]), await rolesFor([b, a])];
    expect(seen).toEqual([['a'], ['b'], ['a'], ['b']]);
  });

  it('C04 is not kept by a later realm while an earlier one only waits for nbf', async () => {
    const signingKeys = [secretKey(SECRET)];
    const rig = rigOf([
      { realm: testRealm({ name: 'strict', clockSkewMs: 0 }), signingKeys, keySet: null },
      { realm: testRealm({ name: 'lax', clockSkewMs: 60_000 }), signingKeys, keySet: null },
    ]);
    const token = goodToken(rig.clock, { nbf: rig.clock() / 1000 + 30 });
    const before = await rig.verify(token);
    rig.clock.advanceMs(30 * SECOND_MS);
    const after = await rig.verify(token);
    expect([before.realm.name, after.realm.name]).toEqual(['lax', 'strict']);
  });

  it('C04 LiteLLM CVE-2026-35030: has the verdict that an empty cache would give, whatever was asked before', async () => {
    const bindings = [
      { realm: testRealm({ name: 'a', audiences: ['x'] }), signingKeys: [secretKey(SECRET)], keySet: null },
      { realm: testRealm({ name: 'b', clockSkewMs: 0 }), signingKeys: [secretKey(SECRET)], keySet: null },
      {
        realm: testRealm({ name: 'c' }),
        signingKeys: [secretKey('another secret of 32 bytes or more')],
        keySet: null,
      },
    ];
    const outcome = async (rig: Rig, token: string, realms: Rig['realms']) =>
      await rig.verify(token, realms).then(
        ({ realm }) => realm.name,
        (error: CountersignError) => error.code,
      );
    const step = fc.record({
      token: fc.nat(3),
      realms: fc.shuffledSubarray([0, 1, 2]),
      advanceMs: fc.constantFrom(0, 0, 0, 20 * SECOND_MS, 100 * SECOND_MS),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const warm = rigOf(bindings, 2);
        const tokens = [
          goodToken(warm.clock),
          goodToken(warm.clock, { aud: 'x' }),
          goodToken(warm.clock, { aud: 'x', nbf: warm.clock() / 1000 + 30 }),
          hs256('another secret of 32 bytes or more', goodClaims(warm.clock)),
        ];
        for (const { token, realms, advanceMs } of steps) {
          warm.clock.advanceMs(advanceMs);
          const asked = realms.flatMap((index) => warm.realms[index] ?? []);
          const cold = rigOf(bindings, 2, warm.clock);
          const text = tokens[token] ?? '';
          expect(await outcome(warm, text, asked)).toBe(await outcome(cold, text, asked));
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('C05 look-alikes of a remembered token', () => {
  it('C05 are refused: bad signature, other payload with the same jti, common prefix', async () => {
    const rig = fusionRig();
    const token = goodToken(rig.clock, { jti: 'one' });
    await rig.verify(token);
    const [header = '', payload = '', signature = ''] = token.split('.');
    const other = base64url(goodClaims(rig.clock, { jti: 'one', sub: 'admin' }));
    const first = signature.startsWith('A') ? 'B' : 'A';
    expect(await rig.verdict(`${header}.${payload}.${first}${signature.slice(1)}`)).toBe('bad_signature');
    expect(await rig.verdict(`${header}.${payload}.`)).toBe('bad_signature');
    expect(await rig.verdict(`${header}.${other}.${signature}`)).toBe('bad_signature');
    expect(await rig.verdict(token.slice(0, -1))).toMatch(/malformed|bad_signature/);
    expect(await rig.verdict(hs256('wrong', goodClaims(rig.clock, { jti: 'one' })))).toBe('bad_signature');
    expect(rig.counts.hits).toBe(0);
  });
});

describe('C06 FJR-C45 bounds', () => {
  it('FJR-C45 C06 holds at most the configured number, and counts what it drops', async () => {
    const rig = rigOf([{ realm: testRealm(), signingKeys: [secretKey(SECRET)], keySet: null }], 1000);
    for (let count = 0; count < 5000; count += 1)
      await rig.verify(goodToken(rig.clock, { jti: String(count) }));
    expect(rig.verifier.cacheSize).toBe(1000);
    expect(rig.counts.evictions).toBe(4000);
  });

  it('C06 remembers no refusal', async () => {
    const rig = fusionRig();
    for (let count = 0; count < 500; count += 1)
      await rig.verdict(hs256('wrong-secret', goodClaims(rig.clock, { jti: String(count) })));
    expect([rig.verifier.cacheSize, rig.counts.evictions]).toEqual([0, 0]);
  });

  it('C06 invalid tokens push no valid one out', async () => {
    const rig = rigOf([{ realm: testRealm(), signingKeys: [secretKey(SECRET)], keySet: null }], 2);
    const token = goodToken(rig.clock);
    await rig.verify(token);
    for (let count = 0; count < 50; count += 1) await rig.verdict(`${token}${count}`);
    await rig.verify(token);
    expect(rig.counts.hits).toBe(1);
  });
});

describe('C07 a clock that steps', () => {
  it('C07 forward: refused at once', async () => {
    const rig = fusionRig();
    const token = goodToken(rig.clock);
    await rig.verify(token);
    rig.clock.advanceMs(HOUR_MS);
    expect(await rig.verdict(token)).toBe('expired');
  });

  it('C07 back: refused before nbf, also when remembered', async () => {
    const rig = fusionRig();
    const token = goodToken(rig.clock, { nbf: rig.clock() / 1000 });
    await rig.verify(token);
    rig.clock.advanceMs(-HOUR_MS);
    expect(await rig.verdict(token)).toBe('not_yet_valid');
    rig.clock.advanceMs(HOUR_MS);
    expect(await rig.verdict(token)).toBe('accepted');
  });

  it('C07 back: never accepted beyond exp once the clock is right again', async () => {
    const rig = fusionRig({ clockSkewMs: 0 });
    const token = goodToken(rig.clock);
    const startMs = rig.clock();
    await rig.verify(token);
    for (const offsetMs of [-HOUR_MS, HOUR_MS, 0, 299 * SECOND_MS, 300 * SECOND_MS, 10 * HOUR_MS]) {
      rig.clock.setMs(startMs + offsetMs);
      const isLive = offsetMs >= 0 && offsetMs < 300 * SECOND_MS;
      expect((await rig.verdict(token)) === 'accepted').toBe(isLive);
    }
  });
});
