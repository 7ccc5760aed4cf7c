/** Attacks through claims and transport: rows J14–J17, J22, J23 and J25 of the threat table. */
import { describe, expect, it } from 'vitest';
import { parseClaimPath } from '../../src/core/claim-path.ts';
import { extractCredential } from '../../src/core/credential.ts';
import { KeyPolicyError } from '../../src/jwt/jwk-policy.ts';
import { importSecret } from '../../src/jwt/keys.ts';
import { BEARER, refusalOf, testRealm } from '../support/policy.ts';
import { compact, hmac } from '../support/tokens.ts';
import { secretKey } from '../support/verification-keys.ts';
import { fusionRig, goodClaims, goodToken, rigOf, SECRET } from '../support/verifier.ts';

describe('J14 time', () => {
  it.each([
    ['exp', '1', 'invalid_claim'],
    ['exp', null, 'invalid_claim'],
    ['exp', true, 'invalid_claim'],
    ['exp', [1], 'invalid_claim'],
    ['exp', -1, 'invalid_claim'],
    ['exp', 1_900_000_000_000, 'invalid_claim'],
    ['exp', 0, 'expired'],
    ['exp', 1_900_000_000.5, 'accepted'],
    ['exp', undefined, 'missing_claim'],
    ['nbf', 'soon', 'invalid_claim'],
    ['nbf', -1, 'invalid_claim'],
    ['nbf', 1_900_000_000, 'not_yet_valid'],
    ['iat', null, 'invalid_claim'],
    ['iat', 1_900_000_000, 'not_yet_valid'],
    ['iat', 1_900_000_000_000, 'not_yet_valid'],
  ])('J14 judges %s %j: %s', async (claim, value, verdict) => {
    const rig = fusionRig();
    expect(await rig.verdict(goodToken(rig.clock, { [claim]: value }))).toBe(verdict);
  });

  it('J14 refuses from exp + skew on, to the second', async () => {
    const rig = fusionRig({ clockSkewMs: 60_000 });
    const nowSeconds = rig.clock() / 1000;
    const verdictAt = (exp: number) => rig.verdict(goodToken(rig.clock, { exp }));
    expect(await verdictAt(nowSeconds - 61)).toBe('expired');
    expect(await verdictAt(nowSeconds - 60)).toBe('expired');
    expect(await verdictAt(nowSeconds - 59)).toBe('accepted');
  });

  it('J14 refuses from maxAge + skew on', async () => {
    const rig = fusionRig({ clockSkewMs: 0, maxAgeMs: 60_000 });
    const nowSeconds = rig.clock() / 1000;
    expect(await rig.verdict(goodToken(rig.clock, { iat: nowSeconds - 60 }))).toBe('too_old');
    expect(await rig.verdict(goodToken(rig.clock, { iat: nowSeconds - 59 }))).toBe('accepted');
    expect(await rig.verdict(goodToken(rig.clock, { iat: undefined }))).toBe('missing_claim');
  });
});

describe('J15 audience', () => {
  it.each([
    [['api', 7]],
    [[]],
    [''],
    [[['api']]],
    [{ api: true }],
    ['API'],
    ['ap'],
    ['api '],
    ['api2'],
    [null],
    [undefined],
  ])('J15 refuses aud %j', async (aud) => {
    const rig = fusionRig({ audiences: ['api'] });
    expect(await rig.verdict(goodToken(rig.clock, { aud }))).toBe('wrong_audience');
  });
});

describe('J16 issuer', () => {
  it.each(['fusion/', 'FUSION', 'fusion.evil', 'fusion\u0000', ' fusion', 'fus', ''])(
    'J16 refuses iss %j',
    async (iss) => {
      const rig = fusionRig();
      expect(await rig.verdict(goodToken(rig.clock, { iss }))).toBe('unknown_issuer');
    },
  );

  it.each([[['evil', 'fusion']], [{ fusion: 1 }], [null], [1]])('J16 refuses iss %j', async (iss) => {
    const rig = fusionRig();
    expect(await rig.verdict(goodToken(rig.clock, { iss }))).toBe('invalid_claim');
  });

  it('J16 refuses a token of realm A where only realm B is asked, though they share a key', async () => {
    const key = secretKey(SECRET);
    const realms = ['a', 'b'].map((name) => testRealm({ name, issuer: `https://${name}.test` }));
    const rig = rigOf(realms.map((realm) => ({ realm, signingKeys: [key], keySet: null })));
    const token = goodToken(rig.clock, { iss: 'https://a.test' });
    expect(await rig.verdict(token, realms.slice(0, 1))).toBe('accepted');
    expect(await rig.verdict(token, realms.slice(1))).toBe('unknown_issuer');
  });
});

describe('J17 tokens of another kind', () => {
  it.each(['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'JOSE', 'at+jwt+jwt', 'application/', 'JWT ', ''])(
    'J17 refuses typ %j by default',
    async (typ) => {
      const rig = fusionRig();
      expect(await rig.verdict(goodToken(rig.clock, {}, { typ }))).toBe('wrong_type');
    },
  );

  it.each(['JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/JWT', undefined])(
    'J17 accepts typ %j by default',
    async (typ) => {
      const rig = fusionRig();
      expect(await rig.verdict(goodToken(rig.clock, {}, { typ }))).toBe('accepted');
    },
  );

  it.each(['JWT', undefined, 'dpop+jwt'])('J17 refuses typ %j where at+jwt is required', async (typ) => {
    const rig = fusionRig({ types: ['at+jwt'] });
    expect(await rig.verdict(goodToken(rig.clock, {}, { typ: 'at+jwt' }))).toBe('accepted');
    expect(await rig.verdict(goodToken(rig.clock, {}, { typ }))).toBe('wrong_type');
  });
});

describe('J22 weak secrets', () => {
  it.each(['', 'secret', 'fusion-secret'])('J22 refuses %j as a secret', (secret) => {
    const options = { kid: null, algorithms: null, allowWeakSecret: false };
    expect(() => importSecret(Buffer.from(secret), options)).toThrow(KeyPolicyError);
  });
});

describe('J23 where the token stands', () => {
  const token = goodToken(fusionRig().clock);
  const extract = (values: readonly string[], query = '', location = BEARER) => {
    const headers = values.flatMap((value) => ['Authorization', value]);
    let found: string | null = null;
    const refusal = refusalOf(() => {
      found = extractCredential(headers, query, [location])?.token ?? null;
    });
    return refusal ?? found;
  };

  it('J23 takes exactly one Bearer token', () => {
    expect(extract([`Bearer ${token}`])).toBe(token);
  });

  it.each([['bearer'], ['BEARER'], ['bEARER']])('FJR-S03 J23 finds no credential under %s', (scheme) => {
    expect(extract([`${scheme} ${token}`])).toBeNull();
  });

  it.each([['bearer'], ['BEARER']])('J23 takes %s where the realm relaxes the case', (scheme) => {
    expect(extract([`${scheme} ${token}`], '', { ...BEARER, schemeCaseSensitive: false })).toBe(token);
  });

  it.each([
    [[`Bearer ${token}`, `Bearer ${token}`]],
    [[`Bearer ${token}`, 'Basic eDp5']],
    [[`Bearer ${token}, Bearer ${token}`]],
  ])('J23 refuses two credentials (%#)', (values) => {
    expect(extract(values)).toBe('ambiguous_credentials');
  });

  it.each([
    ['Bearer'],
    ['Bearer '],
    ['Bearer \t'],
    [`Bearer\t${token}`],
    [`Bearer ${token} x`],
    [`Bearer "${token}"`],
    [`Bearer Bearer ${token}`],
  ])('J23 refuses what is not one token (%#)', (value) => {
    expect(extract([value])).toMatch(/malformed|ambiguous_credentials/);
  });

  it.each([['Basic eDp5'], [`Bearerx ${token}`], [token], ['']])(
    'J23 finds no credential in another scheme (%#)',
    (value) => {
      expect(extract([value])).toBeNull();
    },
  );

  it('J23 ignores the query unless the realm opts in, and then refuses both', () => {
    const both = [BEARER, { kind: 'query', name: 'access_token' }] as const;
    const query = `?access_token=${token}`;
    expect(extract([], query)).toBeNull();
    expect(extractCredential([], query, both)?.token).toBe(token);
    expect(refusalOf(() => extractCredential(['Authorization', `Bearer ${token}`], query, both))).toBe(
      'ambiguous_credentials',
    );
  });
});

describe('J25 groups that want to be more', () => {
  const rolesOf = async (groups: unknown, claim = 'groups') => {
    const rig = fusionRig({ groupsClaim: parseClaimPath(claim) });
    return (await rig.verify(goodToken(rig.clock, { groups }))).principal.roles;
  };

  it.each([
    ['a NUL', 'group-two\u0000'],
    ['a comma', 'group-two,group-one'],
    ['a space', 'group-two '],
    ['another case', 'Group-Two'],
    ['a prefix', 'group-tw'],
    ['a suffix', 'group-two2'],
    ['a decomposed character', 'group\u2010two'],
    ['a member of the prototype', '__proto__'],
    ['a number', 2],
    ['an object', { 'group-two': true }],
    ['a list in a list', [['group-two']]],
  ])('J25 gives nothing for a group with %s', async (_case, group) => {
    expect(await rolesOf([group])).toEqual(['authenticated']);
  });

  it.each(['/__proto__/x', '/constructor/prototype', '/groups/0', 'groups.0', '/groups/length'])(
    'J25 finds nothing at the claim path %s',
    async (path) => {
      expect(await rolesOf(['group-two'], path)).toEqual(['authenticated']);
    },
  );

  it('J25 does not take roles from a claim of that name', async () => {
    const rig = fusionRig();
    const { principal } = await rig.verify(goodToken(rig.clock, { roles: 'admin', role: ['admin'] }));
    expect(principal.roles).toEqual(['authenticated']);
  });

  it('J25 pollutes no prototype', async () => {
    const rig = fusionRig();
    const payload = `${JSON.stringify(goodClaims(rig.clock)).slice(0, -1)},"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}`;
    const { principal } = await rig.verify(compact({ alg: 'HS256' }, payload, hmac(SECRET)));
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
    expect((principal.claims as Record<string, unknown>)['admin']).toBeUndefined();
  });
});
