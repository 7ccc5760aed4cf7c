import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseClaimPath } from '../../../src/core/claim-path.ts';
import type { Json, JsonObject } from '../../../src/core/json.ts';
import { checkAudience, checkValidity, principalOf, validityOf } from '../../../src/core/principal.ts';
import type { Realm } from '../../../src/core/realm.ts';
import { refusalOf, testRealm } from '../../support/policy.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const NOW = NOW_MS / 1000;
const SKEW = 60;

function validityRefusal(claims: JsonObject, realm: Partial<Realm> = {}): string | null {
  return refusalOf(() => checkValidity(validityOf(claims, testRealm(realm)), NOW_MS));
}

/** 10^400 and its kind, as JSON.parse reads them. */
const PARSED: (text: string) => Json = JSON.parse;

describe('validityOf() and checkValidity()', () => {
  it.each([
    ['exp one second before the end of the leeway', { exp: NOW - SKEW - 1 }, 'expired'],
    ['exp at the end of the leeway', { exp: NOW - SKEW }, 'expired'],
    ['exp one second within the leeway', { exp: NOW - SKEW + 1 }, null],
    ['exp a fraction within the leeway', { exp: NOW - SKEW + 0.001 }, null],
    ['exp in the future', { exp: NOW + 300 }, null],
    ['exp 0', { exp: 0 }, 'expired'],
    ['exp -0', { exp: -0 }, 'expired'],
    ['exp -1', { exp: -1 }, 'invalid_claim'],
    ['exp a float', { exp: NOW + 0.5 }, null],
    ['exp a string', { exp: String(NOW + 300) }, 'invalid_claim'],
    ['exp null', { exp: null }, 'invalid_claim'],
    ['exp true', { exp: true }, 'invalid_claim'],
    ['exp a list', { exp: [NOW + 300] }, 'invalid_claim'],
    ['exp an object', { exp: { valueOf: NOW + 300 } }, 'invalid_claim'],
    ['exp 1e400', { exp: PARSED('1e400') }, 'invalid_claim'],
    ['exp 1e300', { exp: 1e300 }, 'invalid_claim'],
    ['exp in milliseconds', { exp: NOW_MS + 300_000 }, 'invalid_claim'],
    ['no exp', {}, 'missing_claim'],
    ['exp lent by a prototype', Object.create({ exp: NOW + 300 }), 'missing_claim'],
    ['nbf at the end of the leeway', { exp: NOW + 300, nbf: NOW + SKEW }, null],
    ['nbf beyond the leeway', { exp: NOW + 300, nbf: NOW + SKEW + 1 }, 'not_yet_valid'],
    ['nbf in the past', { exp: NOW + 300, nbf: NOW - 1 }, null],
    ['nbf a string', { exp: NOW + 300, nbf: '0' }, 'invalid_claim'],
    ['nbf in milliseconds', { exp: NOW + 300, nbf: NOW_MS }, 'invalid_claim'],
    ['FJR-S10 iat a string', { exp: NOW + 300, iat: 'now' }, 'invalid_claim'],
    ['FJR-S10 iat whole', { exp: NOW + 300, iat: 1_700_000_000 }, null],
    ['FJR-S10 iat a fraction', { exp: NOW + 300, iat: 1_700_000_000.5 }, null],
    ['iat at the end of the leeway', { exp: NOW + 300, iat: NOW + SKEW }, null],
    ['iat beyond the leeway', { exp: NOW + 300, iat: NOW + SKEW + 1 }, 'not_yet_valid'],
    ['iat negative', { exp: NOW + 300, iat: -1 }, 'invalid_claim'],
    ['iat null', { exp: NOW + 300, iat: null }, 'invalid_claim'],
    ['iat 1e400', { exp: NOW + 300, iat: PARSED('1e400') }, 'invalid_claim'],
    ['iat 1e300', { exp: NOW + 300, iat: 1e300 }, 'not_yet_valid'],
    ['expired and not yet valid', { exp: NOW - 300, nbf: NOW + 300 }, 'expired'],
  ] as [string, JsonObject, string | null][])('J14 %s', (_name, claims, refusal) =>
    expect(validityRefusal(claims)).toBe(refusal),
  );

  it('FJR-S11 reads iat in milliseconds, and needs no exp where the realm says so', () => {
    expect(validityRefusal({ iat: 1_536_782_517_864 }, { requireExpiration: false })).toBeNull();
  });

  it.each([
    ['auto', NOW_MS + 59_000, null],
    ['auto', NOW_MS + 61_000, 'not_yet_valid'],
    ['auto', NOW, null],
    ['seconds', NOW_MS, 'not_yet_valid'],
    ['milliseconds', NOW_MS, null],
    ['milliseconds', NOW, null],
  ] as const)('FJR-S11 with iatUnit %s reads %d', (iatUnit, iat, refusal) =>
    expect(validityRefusal({ exp: NOW + 300, iat }, { iatUnit })).toBe(refusal),
  );

  it('checks an exp that the realm does not require', () => {
    expect(validityRefusal({ exp: NOW - 300 }, { requireExpiration: false })).toBe('expired');
  });

  it.each([
    ['no iat', { exp: NOW + 300 }, 'missing_claim'],
    ['iat within maxAge', { exp: NOW + 300, iat: NOW - 600 }, null],
    ['iat within maxAge and leeway', { exp: NOW + 300, iat: NOW - 659 }, null],
    ['iat at the end of both', { exp: NOW + 300, iat: NOW - 660 }, 'too_old'],
    ['an exp after that', { exp: NOW - 30, iat: NOW - 660 }, 'too_old'],
    ['an exp before that', { exp: NOW - 500, iat: NOW - 660 }, 'expired'],
  ] as [string, JsonObject, string | null][])('J14 with maxAge 10 m: %s', (_name, claims, refusal) =>
    expect(validityRefusal(claims, { maxAgeMs: 600_000 })).toBe(refusal),
  );

  it('gives exp as the issuer wrote it, without leeway', () => {
    expect(validityOf({ exp: NOW }, testRealm()).expiresAtMs).toBe(NOW_MS);
    expect(validityOf({}, testRealm({ requireExpiration: false })).expiresAtMs).toBe(Infinity);
  });

  it.each([
    ['iat and no exp', { iat: NOW - 595 }, NOW + 5],
    ['an exp after maxAge', { iat: NOW - 595, exp: NOW + 300 }, NOW + 5],
    ['an exp before maxAge', { iat: NOW - 595, exp: NOW + 2 }, NOW + 2],
  ] as [string, JsonObject, number][])(
    'gives the end of maxAge, where that is sooner, to what is derived from a token with %s (AST-P52)',
    (_what, claims, end) => {
      const realm = testRealm({ requireExpiration: false, maxAgeMs: 600_000 });
      expect(validityOf(claims, realm).expiresAtMs).toBe(end * 1000);
    },
  );

  it('names the claim that is missing or wrong', () => {
    expect(() => validityOf({}, testRealm())).toThrow(expect.objectContaining({ parameter: 'exp' }));
    expect(() => validityOf({ exp: 1, nbf: 'x' }, testRealm())).toThrow(
      expect.objectContaining({ parameter: 'nbf' }),
    );
  });

  it('J14 opens no window for an exp that is past, whatever else the token says', () => {
    fc.assert(
      fc.property(fc.nat(NOW - SKEW), fc.jsonValue(), fc.jsonValue(), (exp, iat, nbf) => {
        expect(validityRefusal({ exp, iat: iat as Json, nbf: nbf as Json })).not.toBeNull();
      }),
    );
  });
});

describe('checkAudience()', () => {
  const audiences = ['orders', 'https://api.test'];

  it.each([
    ['a string', 'orders', true],
    ['a list', ['x', 'orders'], true],
    ['a list of one', ['https://api.test'], true],
    ['another', 'invoices', false],
    ['case', 'Orders', false],
    ['a substring', 'order', false],
    ['a superstring', 'orders2', false],
    ['a trailing space', 'orders ', false],
    ['a trailing slash', 'https://api.test/', false],
    ['a joined list', 'orders https://api.test', false],
    ['an empty string', '', false],
    ['an empty list', [], false],
    ['a nested list', [['orders']], false],
    ['a mixed list', ['orders', 1], false],
    ['a list with null', ['orders', null], false],
    ['an object', { orders: true }, false],
    ['a number', 1, false],
    ['null', null, false],
    ['true', true, false],
  ] as [string, Json, boolean][])('J15 %s', (_name, aud, accepted) =>
    expect(refusalOf(() => checkAudience({ aud }, audiences))).toBe(accepted ? null : 'wrong_audience'),
  );

  it('J15 refuses a token without aud, or with one that a prototype lends', () => {
    expect(refusalOf(() => checkAudience({}, audiences))).toBe('wrong_audience');
    expect(refusalOf(() => checkAudience(Object.create({ aud: 'orders' }), audiences))).toBe(
      'wrong_audience',
    );
  });

  it('checks nothing where the realm lists no audiences', () => {
    expect(refusalOf(() => checkAudience({ aud: 7 }, []))).toBeNull();
  });
});

const rolesOf = (groups: Json, realm: Partial<Realm> = {}) =>
  principalOf({ sub: 'a', groups }, testRealm(realm)).principal.roles;

describe('principalOf() subject', () => {
  it('FJR-S12 takes sub', () => {
    expect(principalOf({ sub: 'test-fusion' }, testRealm()).principal.subject).toBe('test-fusion');
  });

  it('FJR-S13 refuses a token without it, and names it', () => {
    expect(() => principalOf({}, testRealm())).toThrow(
      expect.objectContaining({ code: 'missing_claim', parameter: 'sub' }),
    );
  });

  it('FJR-S14 takes another claim, and refuses a token without that', () => {
    const realm = testRealm({ subjectClaim: parseClaimPath('email') });
    expect(principalOf({ sub: 'a', email: 'b@x' }, realm).principal.subject).toBe('b@x');
    expect(refusalOf(() => principalOf({ sub: 'a' }, realm))).toBe('missing_claim');
  });

  it('FJR-S15 takes a nested claim', () => {
    const realm = testRealm({ subjectClaim: parseClaimPath('/user/name') });
    expect(principalOf({ user: { name: 'z' } }, realm).principal.subject).toBe('z');
  });

  it.each([[''], [7], [null], [true], [['a']], [{ a: 'a' }]] as Json[][])('refuses the subject %j', (sub) =>
    expect(refusalOf(() => principalOf({ sub: sub ?? null }, testRealm()))).toBe('invalid_claim'),
  );
});

describe('principalOf() required claims', () => {
  const realm = testRealm({ requiredClaims: [parseClaimPath('email'), parseClaimPath('/a/b')] });

  it.each([
    [{ sub: 's', email: '', a: { b: false } }, null],
    [{ sub: 's', email: 'x', a: {} }, 'missing_claim'],
    [{ sub: 's', a: { b: 1 } }, 'missing_claim'],
    [{ sub: 's', email: null, a: { b: 1 } }, 'missing_claim'],
  ] as [JsonObject, string | null][])('for %j: %s', (claims, refusal) =>
    expect(refusalOf(() => principalOf(claims, realm))).toBe(refusal),
  );
});

describe('principalOf() groups and roles', () => {
  it.each([
    ['FJR-S17 one group, one role', ['group-two'], ['authenticated', 'admin']],
    ['FJR-S18 several roles of a group', ['group-one'], ['authenticated', 'search-user', 'developer']],
    [
      'FJR-S20 the union, each role once',
      ['group-one', 'group-two', 'group-one'],
      ['authenticated', 'search-user', 'developer', 'admin'],
    ],
    ['FJR-S21 an unknown group', ['nope'], ['authenticated']],
    ['FJR-S23 one string', 'group-two', ['authenticated', 'admin']],
    ['FJR-S23 a number', 7, ['authenticated']],
    ['FJR-S23 null', null, ['authenticated']],
    ['FJR-S23 an object', { 'group-two': true }, ['authenticated']],
    ['FJR-S23 an empty list', [], ['authenticated']],
    ['J25 a nested list', [['group-two']], ['authenticated']],
    ['J25 a mixed list', [7, 'group-two', null], ['authenticated', 'admin']],
    ['J25 a comma list in one string', 'group-one,group-two', ['authenticated']],
    ['J25 a space list in one string', 'group-one group-two', ['authenticated']],
    ['J25 a prefix', ['group-tw'], ['authenticated']],
    ['J25 a suffix', ['group-two2', 'xgroup-two'], ['authenticated']],
    ['J25 another case', ['GROUP-TWO'], ['authenticated']],
    ['J25 white space', [' group-two', 'group-two\u0000'], ['authenticated']],
    ['J25 names of a prototype', ['__proto__', 'constructor', 'toString'], ['authenticated']],
  ] as [string, Json, string[]][])('%s', (_name, groups, roles) => expect(rolesOf(groups)).toEqual(roles));

  it('J25 compares code points: NFD is another group than NFC', () => {
    const realm = { rolesOfGroup: new Map([['caf\u00e9', ['admin']]]) };
    expect(rolesOf(['caf\u00e9'], realm)).toContain('admin');
    expect(rolesOf(['cafe\u0301'], realm)).not.toContain('admin');
  });

  it('FJR-S22 gives default roles without a groups claim', () => {
    expect(principalOf({ sub: 'a' }, testRealm()).principal.roles).toEqual(['authenticated']);
  });

  it('FJR-S16 reads the claim that the realm names, and no other', () => {
    const realm = testRealm({ groupsClaim: parseClaimPath('memberOf') });
    expect(principalOf({ sub: 'a', memberOf: ['group-two'] }, realm).principal.roles).toContain('admin');
    expect(principalOf({ sub: 'a', groups: ['group-two'] }, realm).principal.roles).not.toContain('admin');
  });

  it('J25 gives nothing for a claim named roles, and no groups to a realm without a groups claim', () => {
    expect(principalOf({ sub: 'a', roles: 'admin' }, testRealm()).principal.roles).toEqual(['authenticated']);
    const { principal } = principalOf({ sub: 'a', groups: ['group-two'] }, testRealm({ groupsClaim: null }));
    expect(principal).toMatchObject({ groups: [], roles: ['authenticated'] });
  });

  it('FJR-S23 warns of groups that are no strings, by claim name', () => {
    const { notices } = principalOf({ sub: 'a', groups: 7 }, testRealm());
    expect(notices).toEqual(['claim groups holds groups that are no strings; they are left out']);
    expect(principalOf({ sub: 'a', groups: ['x'] }, testRealm()).notices).toEqual([]);
  });

  it('J25 leaves Object.prototype as it was', () => {
    principalOf(JSON.parse('{"sub":"a","groups":["__proto__"],"__proto__":{"admin":true}}'), testRealm());
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });

  it('FJR-S20 grants exactly the union of what the groups map to, each role once', () => {
    const group = fc.constantFrom('group-one', 'group-two', 'nope', '');
    fc.assert(
      fc.property(fc.array(group), (groups) => {
        const roles = rolesOf(groups);
        expect(new Set(roles).size).toBe(roles.length);
        expect(roles.includes('admin')).toBe(groups.includes('group-two'));
        expect(roles.includes('developer')).toBe(groups.includes('group-one'));
        expect(roles).toContain('authenticated');
      }),
    );
  });
});

describe('principalOf() scopes', () => {
  it.each([
    ['read write', ['read', 'write']],
    ['  read  ', ['read']],
    ['', []],
    ['read,write', ['read,write']],
    [
      ['read', 'write', 7],
      ['read', 'write'],
    ],
    [{ read: true }, []],
    [7, []],
    [null, []],
  ] as [Json, string[]][])('reads %j as %j', (scope, scopes) =>
    expect(principalOf({ sub: 'a', scope }, testRealm()).principal.scopes).toEqual(scopes),
  );

  it('reads the claim that the realm names', () => {
    const realm = testRealm({ scopesClaim: parseClaimPath('scp') });
    expect(principalOf({ sub: 'a', scp: ['r'], scope: 'w' }, realm).principal.scopes).toEqual(['r']);
  });
});
