import { describe, expect, it } from 'vitest';
import { tokenRetriever } from '../../../src/claims/token.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import type { Realm } from '../../../src/core/realm.ts';
import {
  decodedAssertion,
  mintingRoute,
  testKeyring,
  testMinter,
  tokenWithClaims,
} from '../../support/minting.ts';
import { testPrincipal, testRealm } from '../../support/policy.ts';
import { testKey } from '../../support/tokens.ts';

const GIVEN_NAME = 'http://wso2.org/claims/givenname';
const keyring = await testKeyring([testKey('EdDSA')]);

async function retrieved(claims: JsonObject, realm: Partial<Realm> = {}) {
  const found = await tokenRetriever().retrieve(testPrincipal({ claims }), testRealm(realm));
  return { ...found, claims: Object.fromEntries(found.claims) };
}

/** What the assertion says beyond the claims that it always carries. */
async function minted(claims: JsonObject, realm: Partial<Realm> = {}, convertDialect = true) {
  const { minter } = testMinter(keyring);
  const route = mintingRoute({
    standardClaims: 'none',
    userClaims: { retriever: tokenRetriever(), convertDialect, exclude: new Set(['role']) },
  });
  const assertion = await minter.mint(tokenWithClaims(claims, { realm: testRealm(realm) }), route);
  const { iss, sub, aud, iat, exp, jti, ...rest } = decodedAssertion(assertion).claims;
  return { rest, jti };
}

describe('tokenRetriever', () => {
  it('AST-S21 hands on the claims of the token', async () => {
    expect((await minted({ email: 'a@b', given_name: 'P' })).rest).toEqual({
      'http://wso2.org/claims/email': 'a@b',
      'http://wso2.org/claims/given_name': 'P',
    });
  });

  it('AST-P30 copies nothing that the issuer said about the token', async () => {
    const about = { iss: 'i', sub: 's', aud: 'a', exp: 1, nbf: 1, iat: 1, jti: 'theirs' };
    const wso2 = { application: {}, tierInfo: {}, subscribedAPIs: [] };
    const { rest, jti } = await minted({ ...about, ...wso2 });
    expect([rest, jti]).toEqual([{}, 'jti-1']);
  });

  it('AST-P32 gives a mapped claim its new name only, and hands on the others', async () => {
    const claimMapping = new Map([['given_name', GIVEN_NAME]]);
    const { claims } = await retrieved({ given_name: 'P', email: 'a@b' }, { claimMapping });
    expect(claims).toEqual({ [GIVEN_NAME]: 'P', email: 'a@b' });
  });

  it('AST-P32 lets the mapped claim win over a claim that has the name already', async () => {
    const claimMapping = new Map([['given_name', GIVEN_NAME]]);
    const { claims } = await retrieved({ [GIVEN_NAME]: 'forged', given_name: 'P' }, { claimMapping });
    expect(claims).toEqual({ [GIVEN_NAME]: 'P' });
  });

  it('AST-P32 takes the first claim of the mapping that the token has', async () => {
    const claimMapping = new Map([
      ['nickname', 'urn:name'],
      ['given_name', 'urn:name'],
      ['name', 'urn:name'],
    ]);
    const { claims } = await retrieved({ name: 'N', given_name: 'P' }, { claimMapping });
    expect(claims).toEqual({ 'urn:name': 'P' });
  });

  it('AST-P32 maps a registered claim where the realm says so', async () => {
    const { claims } = await retrieved(
      { iss: 'https://idp' },
      { claimMapping: new Map([['iss', 'urn:idp']]) },
    );
    expect(claims).toEqual({ 'urn:idp': 'https://idp' });
  });

  it('AST-P32 drops claims without mapping where the realm says so', async () => {
    const realm = { claimMapping: new Map([['given_name', GIVEN_NAME]]), unmappedClaims: 'drop' as const };
    expect((await retrieved({ given_name: 'P', email: 'a@b' }, realm)).claims).toEqual({ [GIVEN_NAME]: 'P' });
  });

  it.each([
    ['pass', { email: 'a@b' }],
    ['prefix', { 'http://wso2.org/claims/email': 'a@b' }],
  ] as const)(
    'AST-P32 with unmappedClaims %s and no conversion of the dialect',
    async (unmappedClaims, expected) => {
      expect((await minted({ email: 'a@b' }, { unmappedClaims }, false)).rest).toEqual(expected);
    },
  );

  it('reads own members only', async () => {
    const { claims } = await retrieved({}, { claimMapping: new Map([['constructor', 'urn:c']]) });
    expect(claims).toEqual({});
  });
});
