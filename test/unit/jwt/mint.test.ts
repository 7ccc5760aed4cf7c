import { createHash, verify as verifyBytes, X509Certificate } from 'node:crypto';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import type { ClaimsRetriever } from '../../../src/core/assertion.ts';
import type { Assertion } from '../../../src/core/decision.ts';
import { CountersignError } from '../../../src/core/errors.ts';
import type { Keyring } from '../../../src/jwt/keyring.ts';
import { selfSignedCertificate } from '../../support/certificate.ts';
import {
  decodedAssertion,
  fixedRetriever,
  givenKey,
  mintingRoute,
  testKeyring,
  testMinter,
  tokenWithClaims,
} from '../../support/minting.ts';
import { testPrincipal, testRoute, testToken } from '../../support/policy.ts';
import { type TestKey, testKey } from '../../support/tokens.ts';

const SECOND_MS = 1000;
const ed = testKey('EdDSA', 'ed-1');
const rsa = testKey('RS256', 'rsa-1');
const edKeyring = await testKeyring([ed]);
const rsaKeyring = await testKeyring([rsa]);

/** As a backend verifies: unmodified jose and the published set. */
async function verified({ value }: Assertion, keyring: Keyring, options: object = {}) {
  const jwks: JSONWebKeySet = JSON.parse(keyring.published().jwks().body);
  const keys = createLocalJWKSet(jwks);
  return await jwtVerify(value, keys, { currentDate: new Date(Date.UTC(2026, 0, 1)), ...options });
}

/** The code of the refusal. */
async function refusal(mint: () => unknown): Promise<string> {
  try {
    await mint();
  } catch (error) {
    if (error instanceof CountersignError) return error.code;
    throw error;
  }
  return 'none';
}

function endingIn(durationMs: number, nowMs: number) {
  const { validity } = testToken();
  return testToken({ validity: { ...validity, expiresAtMs: nowMs + durationMs } });
}

describe('Minter.mint', () => {
  it('AST-S06 makes three parts that jose verifies against the published keys', async () => {
    const { minter } = testMinter(edKeyring);
    const assertion = await minter.mint(testToken(), mintingRoute());
    const { payload } = await verified(assertion, edKeyring);
    expect([assertion.value.split('.').length, payload.sub]).toEqual([3, 'test-fusion']);
  });

  it('AST-S07 in profile wso2-appm makes padded Base64 that node:crypto verifies', async () => {
    const { minter } = testMinter(rsaKeyring);
    const route = mintingRoute({ profile: 'wso2-appm', algorithm: 'RS256', encoding: 'base64', kid: false });
    const { value } = await minter.mint(testToken(), route);
    const parts = value.split('.');
    for (const part of parts)
      expect(part).toMatch(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/);
    const signature = Buffer.from(parts[2] ?? '', 'base64');
    const input = Buffer.from(parts.slice(0, 2).join('.'));
    expect(verifyBytes('sha256', input, rsa.publicKey, signature)).toBe(true);
  });

  it('AST-P08 makes base64url without padding', async () => {
    const { minter } = testMinter(edKeyring);
    const { value } = await minter.mint(testToken(), mintingRoute({ encoding: 'base64url' }));
    expect(value).toMatch(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/);
  });

  it('AST-S09 says RS256, and a flipped bit of the payload fails', async () => {
    const { minter } = testMinter(rsaKeyring);
    const assertion = await minter.mint(testToken(), mintingRoute({ algorithm: 'RS256' }));
    expect(decodedAssertion(assertion).texts[0]).toBe('{"typ":"JWT","alg":"RS256","kid":"rsa-1"}');
    const [header, payload = '', signature] = assertion.value.split('.');
    const flipped = payload.startsWith('e') ? `f${payload.slice(1)}` : `e${payload.slice(1)}`;
    const forged = { ...assertion, value: [header, flipped, signature].join('.') };
    await expect(verified(forged, rsaKeyring)).rejects.toThrow(/signature verification failed/);
  });

  it('AST-S10 unsigned makes two parts and a final period', async () => {
    const { minter } = testMinter(edKeyring);
    const assertion = await minter.mint(testToken(), mintingRoute({ algorithm: 'none' }));
    expect(assertion.value).toMatch(/^[^.]+\.[^.]+\.$/);
    expect([decodedAssertion(assertion).texts[0], assertion.kid]).toEqual([
      '{"typ":"JWT","alg":"none"}',
      null,
    ]);
  });

  it.each(['RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA'])(
    'AST-P12 signs with %s, and jose verifies',
    async (alg) => {
      const key: TestKey = /^[RP]S/.test(alg) ? { ...rsa, alg } : testKey(alg);
      const keyring = await testKeyring([key]);
      const { minter } = testMinter(keyring);
      const assertion = await minter.mint(testToken(), mintingRoute({ algorithm: alg }));
      expect((await verified(assertion, keyring)).protectedHeader.alg).toBe(alg);
    },
  );

  it('AST-P12 signs with HS256, and jose verifies with the secret', async () => {
    const secret = 'a secret that only the backend knows';
    const keyring = await testKeyring([{ ...ed, alg: 'HS256' }], [givenKey(ed, { privateKey: secret })]);
    const { minter } = testMinter(keyring);
    const { value } = await minter.mint(testToken(), mintingRoute({ algorithm: 'HS256' }));
    const currentDate = new Date(Date.UTC(2026, 0, 1));
    expect((await jwtVerify(value, Buffer.from(secret), { currentDate })).payload.sub).toBe('test-fusion');
  });

  it('AST-P39 AST-P40 names the certificate in the form of the policy', async () => {
    const pem = selfSignedCertificate(rsa);
    const keyring = await testKeyring([rsa], [givenKey(rsa, { certificatePem: pem })]);
    const { minter } = testMinter(keyring);
    const route = mintingRoute({ algorithm: 'RS256', x5t: 'sha256', kid: false });
    const { header } = decodedAssertion(await minter.mint(testToken(), route));
    const digest = createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url');
    expect(header).toEqual({ typ: 'JWT', alg: 'RS256', 'x5t#S256': digest });
  });

  it('AST-P39 in profile wso2-apim writes typ, alg, x5t, kid, and the kid is in the set', async () => {
    const given = givenKey(rsa, { certificatePem: selfSignedCertificate(rsa) });
    const keyring = await testKeyring([rsa], [given]);
    const { minter } = testMinter(keyring);
    const policy = { profile: 'wso2-apim', algorithm: 'RS256', x5t: 'wso2-hex' } as const;
    const assertion = await minter.mint(testToken(), mintingRoute(policy));
    expect(Object.keys(decodedAssertion(assertion).header)).toEqual(['typ', 'alg', 'x5t', 'kid']);
    await expect(verified(assertion, keyring)).resolves.toBeDefined();
  });

  it('AST-P30 gives every assertion its own jti', async () => {
    const { minter } = testMinter(edKeyring);
    const one = await minter.mint(tokenWithClaims({ jti: 'theirs' }, { id: 'a' }), mintingRoute());
    const two = await minter.mint(tokenWithClaims({ jti: 'theirs' }, { id: 'b' }), mintingRoute());
    expect([one, two].map((made) => decodedAssertion(made).claims['jti'])).toEqual(['jti-1', 'jti-2']);
  });

  it('AST-P43 carries any text unchanged', async () => {
    const name = 'a"b\\c\n Zoë 東京';
    const { minter } = testMinter(edKeyring);
    const route = mintingRoute({ userClaims: { retriever: fixedRetriever({ name }) } });
    const { payload } = await verified(await minter.mint(testToken(), route), edKeyring);
    expect(payload['http://wso2.org/claims/name']).toBe(name);
  });

  it.each(['a\r\nX-Evil: 1', 'a\0b', 'é', 'ł', '😀', ',', '"'])(
    'H05 makes a header value of plain ASCII from a claim %j',
    async (name) => {
      const { minter } = testMinter(edKeyring);
      const route = mintingRoute({ encoding: 'base64', userClaims: { retriever: fixedRetriever({ name }) } });
      const { value } = await minter.mint(testToken(), route);
      expect(value).toMatch(/^[A-Za-z0-9+/=.]+$/);
    },
  );

  it('AST-P29 logs which claims were left out', async () => {
    const { minter, log } = testMinter(edKeyring);
    await minter.mint(
      testToken(),
      mintingRoute({ userClaims: { retriever: fixedRetriever({ tier: 'Gold' }) } }),
    );
    expect(log.lines).toEqual([
      expect.objectContaining({
        level: 'debug',
        fields: { route: 'route', claims: ['http://wso2.org/claims/tier'] },
      }),
    ]);
  });

  it('AST-P52 ends with the token of the caller', async () => {
    const { minter, clock } = testMinter(edKeyring);
    const route = mintingRoute({ ttlMs: 900 * SECOND_MS });
    const assertion = await minter.mint(endingIn(60 * SECOND_MS, clock()), route);
    expect(decodedAssertion(assertion).claims['exp']).toBe(clock() / SECOND_MS + 60);
  });

  it('AST-P52 refuses a token that only the clock skew keeps alive: its assertion would be dead', async () => {
    const { minter, clock } = testMinter(edKeyring);
    expect(await refusal(() => minter.mint(endingIn(-SECOND_MS, clock()), mintingRoute()))).toBe('expired');
  });

  it('AST-P53 names the anonymous caller, without asking the retriever', async () => {
    const retrieve = vi.fn();
    const { minter } = testMinter(edKeyring);
    const route = mintingRoute({ userClaims: { retriever: { name: 'never', retrieve } } });
    const { claims } = decodedAssertion(await minter.mint(null, route));
    expect([claims['http://wso2.org/claims/enduser'], retrieve.mock.calls]).toEqual(['anonymous', []]);
  });

  it('AST-P54 makes for each route what its policy says', async () => {
    const { minter } = testMinter(edKeyring);
    const one = await minter.mint(testToken(), mintingRoute({ header: 'X-One' }, { name: 'one' }));
    const two = await minter.mint(
      testToken(),
      mintingRoute({ header: 'X-Two', dialect: 'http://acme.org/c' }, { name: 'two' }),
    );
    expect([one.header, two.header]).toEqual(['X-One', 'X-Two']);
    expect(decodedAssertion(two).claims).toHaveProperty(['http://acme.org/c/enduser'], 'test-fusion');
  });

  it('H07 binds the assertion to one upstream: another audience refuses it', async () => {
    const { minter } = testMinter(edKeyring);
    const assertion = await minter.mint(testToken(), mintingRoute({ audience: 'places' }));
    await expect(
      verified(assertion, edKeyring, { audience: 'places', issuer: 'countersign' }),
    ).resolves.toBeDefined();
    await expect(verified(assertion, edKeyring, { audience: 'orders' })).rejects.toThrow(/"aud"/);
  });

  it('J17 says of itself who issued it, for whom, and that it is a JWT', async () => {
    const { minter } = testMinter(edKeyring);
    const { header, claims } = decodedAssertion(await minter.mint(testToken(), mintingRoute()));
    expect([header['typ'], claims['iss'], claims['aud']]).toEqual(['JWT', 'countersign', 'app2']);
  });

  it('refuses a route on which nothing is minted', async () => {
    const { minter } = testMinter(edKeyring);
    expect(await refusal(() => minter.mint(testToken(), testRoute()))).toBe('internal_error');
  });

  it('refuses an algorithm that the keyring was not opened for', async () => {
    const { minter } = testMinter(edKeyring);
    expect(await refusal(() => minter.mint(testToken(), mintingRoute({ algorithm: 'RS256' })))).toBe(
      'internal_error',
    );
  });

  it('tells explain the claims and the key, never the signature', async () => {
    const { minter } = testMinter(edKeyring);
    const steps: string[] = [];
    const { value } = await minter.mint(testToken(), mintingRoute(), (step, detail) =>
      steps.push(`${step}: ${detail}`),
    );
    expect(steps).toEqual([
      expect.stringContaining('"sub":"test-fusion"'),
      expect.stringContaining('key ed-1'),
    ]);
    expect(steps.join()).not.toContain(value.split('.')[2]);
  });

  it('tells the observer what was made', async () => {
    const minted = vi.fn();
    const observe = { cacheHit: vi.fn(), cacheMiss: vi.fn(), minted };
    const { minter } = testMinter(edKeyring, { observe, stopwatch: fakeStopwatch(2.5) });
    const { value } = await minter.mint(testToken(), mintingRoute());
    expect(minted.mock.calls).toEqual([
      [{ kid: 'ed-1', algorithm: 'EdDSA', bytes: value.length, signMs: 2.5 }],
    ]);
  });
});

/** Every reading is this much later than the one before. */
function fakeStopwatch(stepMs: number): () => number {
  let nowMs = 0;
  return () => (nowMs += stepMs);
}

describe('Minter.mint with large assertions', () => {
  const groups = Array.from({ length: 300 }, (_, index) => `group-${index}-of-the-directory`);
  const retriever = fixedRetriever({ groups, email: 'a@b' });

  it('H06 refuses an assertion larger than allowed', async () => {
    const { minter } = testMinter(edKeyring);
    const route = mintingRoute({ userClaims: { retriever } });
    expect(await refusal(() => minter.mint(testToken(), route))).toBe('assertion_too_large');
  });

  it('H06 sends it without groups where the policy says so, and warns', async () => {
    const { minter, log } = testMinter(edKeyring);
    const route = mintingRoute({ onOversize: 'dropGroups', userClaims: { retriever } });
    const { claims } = decodedAssertion(await minter.mint(testToken(), route));
    expect(claims).toHaveProperty(['http://wso2.org/claims/email']);
    expect(claims).not.toHaveProperty(['http://wso2.org/claims/groups']);
    expect(log.lines.map(({ level }) => level)).toEqual(['warn']);
  });

  it('H06 refuses what is too large without groups too', async () => {
    const { minter } = testMinter(edKeyring);
    const big = fixedRetriever({ groups, note: 'x'.repeat(10_000) });
    const route = mintingRoute({ onOversize: 'dropGroups', userClaims: { retriever: big } });
    expect(await refusal(() => minter.mint(testToken(), route))).toBe('assertion_too_large');
  });

  it.each(['RS256', 'ES256', 'EdDSA'])(
    'H06 counts every byte of an assertion signed with %s',
    async (alg) => {
      const key = alg === 'RS256' ? rsa : testKey(alg);
      const keyring = await testKeyring([key]);
      const { value } = await testMinter(keyring).minter.mint(testToken(), mintingRoute({ algorithm: alg }));
      const mintWith = (maxBytes: number) =>
        refusal(() =>
          testMinter(keyring).minter.mint(testToken(), mintingRoute({ algorithm: alg, maxBytes })),
        );
      expect([await mintWith(value.length), await mintWith(value.length - 1)]).toEqual([
        'none',
        'assertion_too_large',
      ]);
    },
  );
});

describe('Minter cache', () => {
  it('signs once for concurrent requests of one caller', async () => {
    const { minter } = testMinter(edKeyring);
    const made = await Promise.all(
      Array.from({ length: 50 }, async () => minter.mint(testToken(), mintingRoute())),
    );
    expect(new Set(made).size).toBe(1);
  });

  it('answers a remembered assertion at once', async () => {
    const { minter } = testMinter(edKeyring);
    const first = await minter.mint(testToken(), mintingRoute());
    expect(minter.mint(testToken(), mintingRoute())).toBe(first);
  });

  it('tells hits from misses', async () => {
    const observe = { cacheHit: vi.fn(), cacheMiss: vi.fn(), minted: vi.fn() };
    const { minter } = testMinter(edKeyring, { observe });
    for (let count = 0; count < 3; count += 1) await minter.mint(testToken(), mintingRoute());
    expect([observe.cacheHit.mock.calls.length, observe.cacheMiss.mock.calls.length]).toEqual([2, 1]);
  });

  it.each([
    ['token', () => [testToken({ id: 'other' }), mintingRoute()] as const],
    ['route', () => [testToken(), mintingRoute({}, { name: 'other' })] as const],
    ['realm', () => [testToken({ realm: { ...testToken().realm, name: 'other' } }), mintingRoute()] as const],
    ['caller without token', () => [null, mintingRoute()] as const],
  ])('never serves what was made for another %s', async (_what, other) => {
    const { minter } = testMinter(edKeyring);
    const first = await minter.mint(testToken(), mintingRoute());
    const [token, route] = other();
    expect(await minter.mint(token, route)).not.toBe(first);
  });

  it('AST-P50 never sends a dead assertion, and signs rarely', async () => {
    const { minter, clock } = testMinter(edKeyring);
    const route = mintingRoute({ ttlMs: 3 * SECOND_MS });
    const jtis = new Set<unknown>();
    // Starts at an odd part of a second, as real clocks do; `exp` is in whole ones.
    clock.advanceMs(870);
    for (let count = 0; count < 100; count += 1) {
      const { claims } = decodedAssertion(await minter.mint(testToken(), route));
      expect(Number(claims['exp']) * SECOND_MS).toBeGreaterThan(clock());
      jtis.add(claims['jti']);
      clock.advanceMs(60);
    }
    expect(jtis.size).toBeLessThanOrEqual(4);
  });

  it('AST-P50 replaces an assertion with less than the wanted life left', async () => {
    const { minter, clock } = testMinter(edKeyring);
    const first = await minter.mint(testToken(), mintingRoute());
    clock.advanceMs(270 * SECOND_MS);
    expect(await minter.mint(testToken(), mintingRoute())).toBe(first);
    clock.advanceMs(1);
    expect(await minter.mint(testToken(), mintingRoute())).not.toBe(first);
  });

  it('AST-P50 keeps an assertion to its end where the token ends with it', async () => {
    const { minter, clock } = testMinter(edKeyring);
    const token = endingIn(60 * SECOND_MS, clock());
    const first = await minter.mint(token, mintingRoute());
    clock.advanceMs(59_999);
    expect(await minter.mint(token, mintingRoute())).toBe(first);
    clock.advanceMs(1);
    expect(await refusal(() => minter.mint(token, mintingRoute()))).toBe('expired');
  });

  it('remembers no more than allowed', async () => {
    const { minter } = testMinter(edKeyring, { cacheMax: 2 });
    for (const id of ['a', 'b', 'c']) await minter.mint(testToken({ id }), mintingRoute());
    expect(minter.cacheSize).toBe(2);
  });

  it('remembers nothing with a maximum of 0', async () => {
    const { minter } = testMinter(edKeyring, { cacheMax: 0 });
    const first = await minter.mint(testToken(), mintingRoute());
    expect(await minter.mint(testToken(), mintingRoute())).not.toBe(first);
  });

  it('sends nothing again after clear', async () => {
    const { minter } = testMinter(edKeyring);
    const first = await minter.mint(testToken(), mintingRoute());
    minter.clear();
    expect(await minter.mint(testToken(), mintingRoute())).not.toBe(first);
  });

  it('AST-P42 sends nothing again that was made under another generation of keys', async () => {
    let generation = 1;
    const keyring: Keyring = {
      keys: edKeyring.keys,
      active: (algorithm) => edKeyring.active(algorithm),
      published: () => edKeyring.published(),
      reload: () => edKeyring.reload(),
      get generation() {
        return generation;
      },
    };
    const { minter } = testMinter(keyring);
    const first = await minter.mint(testToken(), mintingRoute());
    generation += 1;
    expect(await minter.mint(testToken(), mintingRoute())).not.toBe(first);
  });

  it('AST-P51 sends nothing again that was made with forgotten claims', async () => {
    const state = { generation: 0 };
    const retriever: ClaimsRetriever = {
      ...fixedRetriever({}),
      get generation() {
        return state.generation;
      },
    };
    const { minter } = testMinter(edKeyring);
    const route = mintingRoute({ userClaims: { retriever } });
    const first = await minter.mint(testToken(), route);
    state.generation += 1;
    expect(await minter.mint(testToken(), route)).not.toBe(first);
  });

  it('does not remember failures', async () => {
    const retrieve = vi
      .fn<ClaimsRetriever['retrieve']>()
      .mockRejectedValueOnce(new CountersignError('claims_unavailable', 'down'))
      .mockResolvedValue({ dialect: null, claims: new Map(), order: 'natural' });
    const { minter } = testMinter(edKeyring);
    const route = mintingRoute({ userClaims: { retriever: { name: 'flaky', retrieve } } });
    expect(await refusal(() => minter.mint(testToken(), route))).toBe('claims_unavailable');
    expect(await refusal(() => minter.mint(testToken(), route))).toBe('none');
  });

  it('does not remember failures of a retriever that throws at once', async () => {
    const retrieve = vi
      .fn<ClaimsRetriever['retrieve']>()
      .mockImplementationOnce(() => {
        throw new CountersignError('claims_unavailable', 'down');
      })
      .mockReturnValue({ dialect: null, claims: new Map(), order: 'natural' });
    const { minter } = testMinter(edKeyring);
    const route = mintingRoute({ userClaims: { retriever: { name: 'flaky', retrieve } } });
    expect(await refusal(() => minter.mint(testToken(), route))).toBe('claims_unavailable');
    expect(await refusal(() => minter.mint(testToken(), route))).toBe('none');
  });

  it('makes another one where nothing is remembered and nothing was waited for', async () => {
    const { minter } = testMinter(edKeyring, { cacheMax: 0 });
    const route = mintingRoute({ algorithm: 'none' });
    const first = await minter.mint(testToken(), route);
    expect(await minter.mint(testToken(), route)).not.toBe(first);
  });

  it('gives no caller the power to change what another one gets', async () => {
    const { minter } = testMinter(edKeyring);
    expect(Object.isFrozen(await minter.mint(testToken(), mintingRoute()))).toBe(true);
  });
});

describe('caller and roles', () => {
  it('AST-S38 carries the roles that the realm gave the caller', async () => {
    const { minter } = testMinter(edKeyring);
    const principal = testPrincipal({ roles: ['admin', 'developer'] });
    const route = mintingRoute({ userClaims: { retriever: fixedRetriever({}) } });
    const { claims } = decodedAssertion(await minter.mint(testToken({ principal }), route));
    expect(claims['http://wso2.org/claims/role']).toEqual(['admin', 'developer']);
  });
});
