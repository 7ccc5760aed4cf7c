/** Assertion plans: what is remembered for one route, realm, dialect or size never shows in the assertion of another. */
import { describe, expect, it } from 'vitest';
import { type AssertionInput, assertionPayload, type UserClaims } from '../../../src/core/assertion.ts';
import { parseClaimPath } from '../../../src/core/claim-path.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { testPolicy } from '../../support/minting.ts';
import { testPrincipal, testRealm, testRoute } from '../../support/policy.ts';

const DIALECT = 'http://wso2.org/claims';
const policy = testPolicy({
  includeRealm: true,
  userClaims: { convertDialect: true, exclude: new Set(['email']) },
});
const route = testRoute();
const realm = testRealm();

function found(claims: JsonObject, rest: Partial<UserClaims> = {}): UserClaims {
  return { dialect: null, claims: new Map(Object.entries(claims)), order: 'natural', ...rest };
}

function claimsOf({ subject, ...rest }: Partial<AssertionInput>): JsonObject {
  const input = { policy, route, userClaims: found({}), nowMs: 0, jti: 'j', ...rest };
  const caller = subject ?? { principal: testPrincipal(), realm, expiresAtMs: Infinity };
  return JSON.parse(assertionPayload({ ...input, subject: caller }).text);
}

const callerOf = (name: string, overrides: Parameters<typeof testRealm>[0] = {}, subject = 'ada') => ({
  principal: testPrincipal({ subject }),
  realm: testRealm({ name, ...overrides }),
  expiresAtMs: Infinity,
});

describe('assertionPlan', () => {
  it('C04 keeps the realms of a route apart', () => {
    const claimMapping = new Map([['email', 'mail']]);
    const userClaims = found({ mail: 'a@b' });
    const one = claimsOf({ subject: callerOf('one', { claimMapping }), userClaims });
    const two = claimsOf({ subject: callerOf('two'), userClaims });
    expect([one[`${DIALECT}/realm`], two[`${DIALECT}/realm`]]).toEqual(['one', 'two']);
    // Excluded under the name that the realm gives it, and in that realm only.
    expect([one[`${DIALECT}/mail`], two[`${DIALECT}/mail`]]).toEqual([undefined, 'a@b']);
  });

  it('C04 keeps the callers of a realm apart', () => {
    const subject = callerOf('one');
    const other = { ...subject, principal: testPrincipal({ subject: 'bob', roles: ['admin'] }) };
    const [ada, bob] = [claimsOf({ subject }), claimsOf({ subject: other })];
    expect([ada['sub'], ada[`${DIALECT}/enduser`]]).toEqual(['ada', 'ada']);
    expect([bob['sub'], bob[`${DIALECT}/enduser`], bob[`${DIALECT}/role`]]).toEqual([
      'bob',
      'bob',
      ['admin'],
    ]);
  });

  it('H07 keeps routes apart: each has its audience', () => {
    const other = testRoute({ application: { ...route.application, name: 'other', tier: 'Gold' } });
    const [one, two] = [claimsOf({ route }), claimsOf({ route: other })];
    expect([one['aud'], two['aud']]).toEqual([route.application.name, 'other']);
    expect(two[`${DIALECT}/tier`]).toBe('Gold');
  });

  it('keeps routes apart that select other claims', () => {
    const selective = testPolicy({ userClaims: { selective: true } });
    const selecting = (claims: readonly string[]) =>
      testRoute({ application: { ...route.application, claims } });
    const userClaims = found({ name: 'Ada', mail: 'a@b' });
    const sent = [['name'], ['mail'], []].map((names) =>
      claimsOf({ policy: selective, route: selecting(names), userClaims }),
    );
    const has = (name: string) => sent.map((claims) => Object.hasOwn(claims, `${DIALECT}/${name}`));
    expect([has('name'), has('mail')]).toEqual([
      [true, false, false],
      [false, true, false],
    ]);
  });

  it('keeps policies apart', () => {
    const other = testPolicy({ issuer: 'other', userClaims: { convertDialect: false } });
    const userClaims = found({ email: 'a@b' });
    expect(claimsOf({ userClaims })).not.toHaveProperty([`${DIALECT}/email`]);
    expect(claimsOf({ policy: other, userClaims })).toMatchObject({ iss: 'other', email: 'a@b' });
  });

  it('J16 lets no claim of a caller name the realm, also where the assertion does not say it', () => {
    const silent = testPolicy({ includeRealm: false });
    const byName = claimsOf({ policy: silent, userClaims: found({ realm: 'staff' }) });
    const byUri = claimsOf({ policy: silent, userClaims: found({ [`${DIALECT}/realm`]: 'staff' }) });
    for (const claims of [byName, byUri]) expect(claims).not.toHaveProperty([`${DIALECT}/realm`]);
  });

  it("AST-S56 uses a retriever's dialect for the one assertion, and the policy's for the next", () => {
    for (const dialect of ['urn:a', null, 'urn:b']) {
      const claims = claimsOf({ userClaims: found({ name: 'Ada' }, { dialect }) });
      expect(claims).toHaveProperty([`${dialect ?? DIALECT}/name`], 'Ada');
      expect(claims).toHaveProperty([`${dialect ?? DIALECT}/enduser`]);
    }
  });

  it('H06 leaves groups out only where that was asked for', () => {
    const subject = callerOf('one', { groupsClaim: parseClaimPath('groups') });
    const userClaims = found({ groups: ['a'] });
    const sent = [true, false, true].map((dropGroups) => claimsOf({ subject, userClaims, dropGroups }));
    expect(sent.map((claims) => Object.hasOwn(claims, `${DIALECT}/groups`))).toEqual([false, true, false]);
  });

  it('tells names apart that get the dialect for one caller and not for another', () => {
    const plain = testPolicy({ userClaims: { convertDialect: false } });
    const prefixed = { prefixed: new Set(['name']) };
    const sent = [prefixed, {}, prefixed].map((rest) =>
      claimsOf({ policy: plain, userClaims: found({ name: 'Ada' }, rest) }),
    );
    expect(sent.map((claims) => Object.hasOwn(claims, 'name'))).toEqual([false, true, false]);
  });

  it('C06 judges names beyond those that it remembers as it does the others', () => {
    const names = Array.from({ length: 1200 }, (_, number) => `claim-${number}`);
    const userClaims = found(
      Object.fromEntries([...names, 'email', 'x'.repeat(200)].map((name) => [name, 1])),
    );
    for (const claims of [claimsOf({ userClaims }), claimsOf({ userClaims })]) {
      for (const name of names) expect(claims[`${DIALECT}/${name}`]).toBe(1);
      expect(claims[`${DIALECT}/${'x'.repeat(200)}`]).toBe(1);
      expect(claims).not.toHaveProperty([`${DIALECT}/email`]);
    }
  });
});
