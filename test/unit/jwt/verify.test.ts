/** The verifier against the acceptance rows of the Fusion realm. */
import { describe, expect, it } from 'vitest';
import { parseClaimPath } from '../../../src/core/claim-path.ts';
import { CountersignError } from '../../../src/core/errors.ts';
import { testRealm } from '../../support/policy.ts';
import { base64url, compact, hmac, hs256, signed, testKey } from '../../support/tokens.ts';
import { fakeKeySet, publicKey, secretKey } from '../../support/verification-keys.ts';
import { fusionRig, goodClaims, goodToken, rigOf, SECRET } from '../../support/verifier.ts';

const unknownKid = () => new CountersignError('unknown_kid', 'not in the set');

describe('verify', () => {
  it('FJR-S05 accepts HS256 with the secret and refuses another secret', async () => {
    const rig = fusionRig();
    expect(await rig.verdict(goodToken(rig.clock))).toBe('accepted');
    expect(await rig.verdict(hs256('wrong-secret', goodClaims(rig.clock)))).toBe('bad_signature');
  });

  it('FJR-S06 refuses other algorithms for a shared secret', async () => {
    const rig = fusionRig();
    const claims = goodClaims(rig.clock);
    const tokens = [
      compact({ alg: 'HS384' }, claims, hmac(SECRET, 'sha384')),
      compact({ alg: 'HS512' }, claims, hmac(SECRET, 'sha512')),
      signed(testKey('RS256'), claims),
    ];
    for (const token of tokens) expect(await rig.verdict(token)).toBe('alg_not_allowed');
  });

  it('FJR-S06 refuses an algorithm of the realm that the key does not serve', async () => {
    const rig = fusionRig({ algorithms: ['HS256', 'HS512'] });
    const token = compact({ alg: 'HS512' }, goodClaims(rig.clock), hmac(SECRET, 'sha512'));
    expect(await rig.verdict(token)).toBe('alg_not_allowed');
  });

  it.each([
    ['payload', 1],
    ['header', 0],
    ['signature', 2],
  ])('FJR-S08 refuses a token with a changed %s', async (_part, index) => {
    const rig = fusionRig();
    const parts = goodToken(rig.clock).split('.');
    const part = parts[index] ?? '';
    const at = part.length - 2;
    const changed = `${part.slice(0, at)}${part.charAt(at) === 'A' ? 'B' : 'A'}${part.slice(at + 1)}`;
    expect(await rig.verdict(parts.with(index, changed).join('.'))).toMatch(/malformed|bad_signature/);
  });

  it.each([
    ['fusion2', 'unknown_issuer'],
    ['Fusion', 'unknown_issuer'],
    ['fusion/', 'unknown_issuer'],
    [undefined, 'missing_claim'],
    [['fusion'], 'invalid_claim'],
  ])('FJR-S09 refuses iss %j', async (iss, code) => {
    const rig = fusionRig();
    expect(await rig.verdict(goodToken(rig.clock, { iss }))).toBe(code);
  });

  it.each([
    ['now', 'invalid_claim'],
    [1_700_000_000, 'accepted'],
    [1_700_000_000.5, 'accepted'],
  ])('FJR-S10 judges iat %j', async (iat, verdict) => {
    const rig = fusionRig();
    expect(await rig.verdict(goodToken(rig.clock, { iat }))).toBe(verdict);
  });

  it('FJR-S11 accepts the shape of the seed sample: iat in milliseconds, no exp, no typ', async () => {
    const rig = fusionRig({ requireExpiration: false });
    const payload =
      '{"iss":"fusion","iat":1536782517864,"sub":"test-fusion","groups":["group-one","group-two"]}';
    const { principal } = await rig.verify(compact('{"alg":"HS256"}', payload, hmac(SECRET)));
    expect(principal.subject).toBe('test-fusion');
  });

  it('FJR-S12 names the caller by sub', async () => {
    const rig = fusionRig();
    expect((await rig.verify(goodToken(rig.clock))).principal.subject).toBe('test-fusion');
  });

  it('FJR-S13 refuses a token without sub and names the claim', async () => {
    const rig = fusionRig();
    const refused = rig.verify(goodToken(rig.clock, { sub: undefined }));
    await expect(refused).rejects.toMatchObject({ code: 'missing_claim', parameter: 'sub' });
  });

  it('FJR-S14 names the caller by another claim', async () => {
    const rig = fusionRig({ subjectClaim: parseClaimPath('email') });
    expect((await rig.verify(goodToken(rig.clock, { email: 'b@x' }))).principal.subject).toBe('b@x');
    expect(await rig.verdict(goodToken(rig.clock))).toBe('missing_claim');
  });

  it('FJR-S15 names the caller by a nested claim', async () => {
    const rig = fusionRig({ subjectClaim: parseClaimPath('/user/name') });
    const token = goodToken(rig.clock, { user: { name: 'z' } });
    expect((await rig.verify(token)).principal.subject).toBe('z');
  });

  it('FJR-S16 reads groups from the configured claim only', async () => {
    const rig = fusionRig({ groupsClaim: parseClaimPath('memberOf') });
    const rolesOf = async (claims: object) =>
      (await rig.verify(goodToken(rig.clock, { ...claims }))).principal.roles;
    expect(await rolesOf({ memberOf: ['group-two'] })).toContain('admin');
    expect(await rolesOf({ groups: ['group-two'] })).not.toContain('admin');
  });

  it.each([
    ['FJR-S17', ['group-two'], ['authenticated', 'admin']],
    ['FJR-S18 FJR-S19', ['group-one'], ['authenticated', 'search-user', 'developer']],
    [
      'FJR-S20',
      ['group-one', 'group-two', 'group-one'],
      ['authenticated', 'search-user', 'developer', 'admin'],
    ],
    ['FJR-S21', ['nope'], ['authenticated']],
    ['FJR-S22', undefined, ['authenticated']],
    ['FJR-S23', 'group-two', ['authenticated', 'admin']],
  ])('%s gives groups %j the roles %j', async (_row, groups, roles) => {
    const rig = fusionRig();
    expect((await rig.verify(goodToken(rig.clock, { groups }))).principal.roles).toEqual(roles);
  });

  it('FJR-S23 takes groups that are no strings as none, and warns once without their values', async () => {
    const rig = fusionRig();
    const token = goodToken(rig.clock, { groups: 7 });
    expect((await rig.verify(token)).principal.roles).toEqual(['authenticated']);
    await rig.verify(token);
    expect(rig.log.lines).toEqual([
      {
        level: 'warn',
        message: 'Token accepted with notices',
        fields: { realm: 'fusion', notices: [expect.stringContaining('claim groups')] },
      },
    ]);
  });

  it('FJR-S24 accepts a token by a key of the set', async () => {
    const key = testKey('ES256', 'k1');
    const keySet = fakeKeySet([publicKey(key)], unknownKid);
    const realm = testRealm({ algorithms: ['ES256'] });
    const rig = rigOf([{ realm, signingKeys: [], keySet }]);
    const verified = await rig.verify(signed(key, goodClaims(rig.clock)));
    expect(verified).toMatchObject({ algorithm: 'ES256', kid: 'k1' });
  });

  it('FJR-S26 takes the set for its kids and the configured key for tokens without', async () => {
    const key = testKey('ES256', 'k1');
    const keySet = fakeKeySet([publicKey(key)], unknownKid);
    const realm = testRealm({ algorithms: ['ES256', 'HS256'] });
    const rig = rigOf([{ realm, signingKeys: [secretKey(SECRET)], keySet }]);
    expect(await rig.verdict(signed(key, goodClaims(rig.clock)))).toBe('accepted');
    expect(await rig.verdict(goodToken(rig.clock))).toBe('accepted');
    expect(await rig.verdict(goodToken(rig.clock, {}, { kid: 'k1' }))).toBe('alg_not_allowed');
    expect(await rig.verdict(goodToken(rig.clock, {}, { kid: 'k9' }))).toBe('unknown_kid');
  });

  it('FJR-S27 accepts an unsigned token where the realm says so and has no key', async () => {
    const realm = testRealm({
      name: 'open',
      issuer: 'unsigned-app',
      allowUnsigned: true,
      algorithms: [],
      requireExpiration: false,
    });
    const open = rigOf([{ realm, signingKeys: [], keySet: null }]);
    const token = `${base64url({ alg: 'none' })}.${base64url({ iss: 'unsigned-app', sub: 'u' })}.`;
    expect(await open.verify(token)).toMatchObject({ algorithm: 'none', principal: { subject: 'u' } });
    const fusion = fusionRig({ requireExpiration: false, allowUnsigned: true });
    const same = `${base64url({ alg: 'none' })}.${base64url({ iss: 'fusion', sub: 'u' })}.`;
    expect(await fusion.verdict(same)).toBe('alg_not_allowed');
  });

  it.each([
    ['abc', 'bad_signature'],
    ['ab=', 'malformed'],
    ['.', 'malformed'],
  ])('FJR-S28 refuses an unsigned token that ends in .%s', async (end, code) => {
    const realm = testRealm({ allowUnsigned: true, algorithms: [], requireExpiration: false });
    const rig = rigOf([{ realm, signingKeys: [], keySet: null }]);
    const token = `${base64url({ alg: 'none' })}.${base64url({ iss: 'fusion', sub: 'u' })}.`;
    expect(await rig.verdict(token)).toBe('accepted');
    expect(await rig.verdict(`${token}${end}`)).toBe(code);
  });

  it('FJR-S31 refuses an expired token', async () => {
    const rig = fusionRig({ clockSkewMs: 0 });
    const nowSeconds = rig.clock() / 1000;
    expect(await rig.verdict(goodToken(rig.clock, { exp: nowSeconds - 1 }))).toBe('expired');
    expect(await rig.verdict(goodToken(rig.clock, { exp: nowSeconds }))).toBe('expired');
    expect(await rig.verdict(goodToken(rig.clock, { exp: nowSeconds + 1 }))).toBe('accepted');
  });

  it('FJR-S32 requires exp unless the realm says otherwise', async () => {
    const strict = fusionRig();
    const lax = fusionRig({ requireExpiration: false });
    const token = goodToken(strict.clock, { exp: undefined });
    await expect(strict.verify(token)).rejects.toMatchObject({ code: 'missing_claim', parameter: 'exp' });
    expect(await lax.verdict(token)).toBe('accepted');
  });

  it('FJR-C42 chooses the realm by iss', async () => {
    const key = testKey('RS256');
    const rig = rigOf([
      { realm: testRealm(), signingKeys: [secretKey(SECRET)], keySet: null },
      {
        realm: testRealm({ name: 'corp', issuer: 'https://idp.test', algorithms: ['RS256'] }),
        signingKeys: [publicKey(key)],
        keySet: null,
      },
    ]);
    expect((await rig.verify(goodToken(rig.clock))).realm.name).toBe('fusion');
    const foreign = signed(key, goodClaims(rig.clock, { iss: 'https://idp.test' }));
    expect((await rig.verify(foreign)).realm.name).toBe('corp');
  });

  it.each([
    [['api'], 'accepted'],
    ['api', 'accepted'],
    [['x', 'api'], 'accepted'],
    ['x', 'wrong_audience'],
    [undefined, 'wrong_audience'],
  ])('FJR-C46 judges aud %j', async (aud, verdict) => {
    const rig = fusionRig({ audiences: ['api'] });
    expect(await rig.verdict(goodToken(rig.clock, { aud }))).toBe(verdict);
  });

  it('FJR-C47 allows nbf within the clock skew only', async () => {
    const strict = fusionRig({ clockSkewMs: 0 });
    const lax = fusionRig({ clockSkewMs: 60_000 });
    const token = goodToken(strict.clock, { nbf: strict.clock() / 1000 + 30 });
    expect([await strict.verdict(token), await lax.verdict(token)]).toEqual(['not_yet_valid', 'accepted']);
  });
});

describe('verify, two realms with one issuer', () => {
  const [one, two] = ['the first secret of two: 32 bytes', 'the second secret of two: 32 bytes'];
  const twoRealms = () =>
    rigOf([
      { realm: testRealm({ name: 'a', defaultRoles: ['a'] }), signingKeys: [secretKey(one)], keySet: null },
      { realm: testRealm({ name: 'b', defaultRoles: ['b'] }), signingKeys: [secretKey(two)], keySet: null },
    ]);

  it('FJR-C43 tries them in order; roles come from the realm that verified', async () => {
    const rig = twoRealms();
    const rolesOf = async (secret: string) =>
      (await rig.verify(hs256(secret, goodClaims(rig.clock)))).principal.roles;
    expect([await rolesOf(one), await rolesOf(two)]).toEqual([['a'], ['b']]);
  });

  it('FJR-C43 reports the refusal that got furthest', async () => {
    const rig = twoRealms();
    expect(await rig.verdict(hs256(one, goodClaims(rig.clock, { sub: undefined })))).toBe('missing_claim');
    expect(await rig.verdict(hs256('neither of the two secrets above', goodClaims(rig.clock)))).toBe(
      'bad_signature',
    );
  });

  it('stops at a realm that cannot answer', async () => {
    const keySet = fakeKeySet([], unknownKid);
    keySet.fail(new CountersignError('keys_unavailable', 'down', { retryAfterSeconds: 5 }));
    const rig = rigOf([
      { realm: testRealm({ name: 'a' }), signingKeys: [], keySet },
      { realm: testRealm({ name: 'b' }), signingKeys: [secretKey(SECRET)], keySet: null },
    ]);
    await expect(rig.verify(goodToken(rig.clock))).rejects.toMatchObject({
      code: 'keys_unavailable',
      retryAfterSeconds: 5,
    });
  });

  it('asks no realm outside the route', async () => {
    const rig = twoRealms();
    const token = hs256(two, goodClaims(rig.clock));
    expect(await rig.verdict(token, rig.realms.slice(0, 1))).toBe('bad_signature');
    expect(await rig.verdict(token, [])).toBe('unknown_issuer');
  });

  it('fails closed for a realm it has no binding of', async () => {
    const rig = fusionRig();
    expect(await rig.verdict(goodToken(rig.clock), [testRealm()])).toBe('internal_error');
  });
});

describe('verify, order of the checks', () => {
  it('asks for no key where header or clock refuse the token', async () => {
    const key = testKey('ES256', 'k1');
    const keySet = fakeKeySet([publicKey(key)], unknownKid);
    const rig = rigOf([{ realm: testRealm({ algorithms: ['ES256'] }), signingKeys: [], keySet }]);
    const claims = goodClaims(rig.clock);
    await rig.verdict(signed(key, { ...claims, exp: 1 }));
    await rig.verdict(signed(key, { ...claims, iss: 'other' }));
    await rig.verdict(signed(key, claims, { typ: 'logout+jwt' }));
    await rig.verdict(signed(key, claims, { alg: 'HS256' }));
    expect(keySet.asked).toEqual([]);
  });

  it('C01 refuses a token that expired while its key was fetched', async () => {
    const key = testKey('ES256', 'k1');
    const keySet = fakeKeySet([publicKey(key)], unknownKid);
    const rig = rigOf([{ realm: testRealm({ algorithms: ['ES256'] }), signingKeys: [], keySet }]);
    const pending = rig.verdict(signed(key, goodClaims(rig.clock)));
    rig.clock.advanceMs(3_600_000);
    expect(await pending).toBe('expired');
  });

  it('tells nothing of the audience before the signature verifies', async () => {
    const rig = fusionRig({ audiences: ['api'] });
    const forged = hs256('wrong-secret', goodClaims(rig.clock, { aud: 'x' }));
    expect(await rig.verdict(forged)).toBe('bad_signature');
  });

  it('passes keys_unavailable on', async () => {
    const key = testKey('ES256', 'k1');
    const keySet = fakeKeySet([publicKey(key)], unknownKid);
    keySet.fail(new CountersignError('keys_unavailable', 'down', { retryAfterSeconds: 5 }));
    const rig = rigOf([{ realm: testRealm({ algorithms: ['ES256'] }), signingKeys: [], keySet }]);
    expect(await rig.verdict(signed(key, goodClaims(rig.clock)))).toBe('keys_unavailable');
  });
});

describe('verify, at once or later', () => {
  function rs256Rig() {
    const key = testKey('RS256', 'r1');
    const rig = rigOf([
      { realm: testRealm({ algorithms: ['RS256'] }), signingKeys: [publicKey(key)], keySet: null },
    ]);
    return { ...rig, key };
  }

  it('answers at once for RSA with a known key', () => {
    const { verifier, realms, clock, key } = rs256Rig();
    const verified = verifier.verify(signed(key, goodClaims(clock)), realms);
    expect(verified).toMatchObject({ kid: 'r1', principal: { subject: 'test-fusion' } });
  });

  it('refuses at once for RSA with a known key', () => {
    const { verifier, realms, clock } = rs256Rig();
    const forged = signed(testKey('RS256', 'r1'), goodClaims(clock));
    expect(() => verifier.verify(forged, realms)).toThrow(expect.objectContaining({ code: 'bad_signature' }));
  });

  it('answers later where the signature goes to the thread pool, and asks the realms in order', async () => {
    const [first, second] = [testKey('ES256', 'k1'), testKey('ES256', 'k1')];
    const bindings = [first, second].map((key, index) => ({
      realm: testRealm({ name: `realm-${index}`, algorithms: ['ES256'] }),
      signingKeys: [publicKey(key)],
      keySet: null,
    }));
    const { verifier, realms, clock } = rigOf(bindings);
    const verified = verifier.verify(signed(second, goodClaims(clock)), realms);
    expect(verified).toBeInstanceOf(Promise);
    expect(await verified).toMatchObject({ realm: { name: 'realm-1' } });
  });

  it('tries every key of the kid, whichever answers later', async () => {
    const [other, key] = [testKey('ES256', 'k1'), testKey('ES256', 'k1')];
    const { verdict, clock } = rigOf([
      {
        realm: testRealm({ algorithms: ['ES256'] }),
        signingKeys: [publicKey(other), publicKey(key)],
        keySet: null,
      },
    ]);
    expect(await verdict(signed(key, goodClaims(clock)))).toBe('accepted');
    expect(await verdict(signed(testKey('ES256', 'k1'), goodClaims(clock)))).toBe('bad_signature');
  });
});

describe('verify, explain', () => {
  async function explained(token: string, rig = fusionRig()): Promise<string> {
    const lines: string[] = [];
    const note = (step: string, detail: string) => void lines.push(`${step}: ${detail}`);
    try {
      await rig.verifier.verify(token, rig.realms, note);
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(CountersignError);
    }
    return lines.join('\n');
  }

  it('tells each step of an acceptance', async () => {
    const { clock } = fusionRig();
    expect(await explained(goodToken(clock, { groups: ['group-two'], scope: 'read' }))).toBe(
      [
        'envelope: alg "HS256", kid null, typ "JWT"',
        'issuer: "fusion"',
        'realm: fusion: tried',
        'validity: from 2025-12-31T23:59:00.000Z until 2026-01-01T00:06:00.000Z, clock skew included',
        'key: without kid, HS256',
        'signature: verifies',
        'audience: not checked by this realm',
        'principal: subject "test-fusion", groups ["group-two"] → roles ["authenticated","admin"], scopes ["read"]',
      ].join('\n'),
    );
  });

  it('tells why a realm was skipped, and why one refused', async () => {
    const { clock } = fusionRig();
    expect(await explained(goodToken(clock, { iss: 'other' }))).toContain(
      'realm: fusion: skipped, its issuer is "fusion"',
    );
    expect(await explained(goodToken(clock, { exp: 1 }))).toContain('realm: fusion: expired');
  });

  it('tells of a remembered token', async () => {
    const rig = fusionRig();
    const token = goodToken(rig.clock);
    await rig.verify(token);
    expect(await explained(token, rig)).toBe('cache: verified before by realm fusion');
  });

  it('O01 never tells the token', async () => {
    const { clock } = fusionRig();
    for (const token of [goodToken(clock), goodToken(clock, { exp: 1 }), `${goodToken(clock)}A`]) {
      const text = await explained(token);
      for (const part of token.split('.')) expect(text).not.toContain(part);
    }
  });
});
