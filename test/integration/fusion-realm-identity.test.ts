import { describe, expect, it } from 'vitest';
import { t1, t1Claims } from '../support/acceptance.ts';
import {
  fusionRealm,
  lastClaim,
  MINTING,
  PLACES,
  realm,
  realmGateways,
  refusalOf,
  statusOf,
  warnings,
} from '../support/fusion.ts';
import { keySet, startIdp } from '../support/idp.ts';
import { hs256, signed, testKey } from '../support/tokens.ts';

const start = realmGateways();
const ROLES = '/api/roles';
const seconds = () => Math.floor(Date.now() / 1000);

describe('the name of the user', () => {
  it('is sub, in the assertion and in the access log (FJR-S12)', async () => {
    const gateway = await start([fusionRealm()]);
    expect(await statusOf(gateway, t1())).toBe(200);
    expect(lastClaim(gateway, 'enduser')).toBe('test-fusion');
    expect(gateway.log).toContainEqual(
      expect.objectContaining({ msg: 'request', user: 'test-fusion', realm: 'fusion', status: 200 }),
    );
  });

  it('is the claim that the realm names, which must then be there (FJR-S14)', async () => {
    const gateway = await start([fusionRealm({ claims: '{ subject: email }', roles: null })]);
    expect(await statusOf(gateway, t1({ sub: 'a', email: 'b@x' }))).toBe(200);
    expect(lastClaim(gateway, 'enduser')).toBe('b@x');
    expect(await statusOf(gateway, t1({ sub: 'a' }))).toBe(401);
  });

  it('is found by a JSON pointer (FJR-S15)', async () => {
    const gateway = await start([fusionRealm({ claims: '{ subject: /user/name }', roles: null })]);
    expect(await statusOf(gateway, t1({ user: { name: 'z' } }))).toBe(200);
    expect(lastClaim(gateway, 'enduser')).toBe('z');
  });

  it('is found under a literal name with dots and slashes (FJR-S15)', async () => {
    const gateway = await start([
      fusionRealm({ claims: '{ subject: "https://acme.test/user.name" }', roles: null }),
    ]);
    expect(await statusOf(gateway, t1({ 'https://acme.test/user.name': 'y' }))).toBe(200);
    expect(lastClaim(gateway, 'enduser')).toBe('y');
  });
});

/** The roles in the assertion that the caller with these claims gets. */
async function rolesOf(realmYaml: string, changes: object): Promise<unknown> {
  const gateway = await start([realmYaml]);
  expect(await statusOf(gateway, t1(changes))).toBe(200);
  return lastClaim(gateway, 'role');
}

describe('groups', () => {
  it('stand in the claim that the realm names, and in no other (FJR-S16)', async () => {
    const memberOf = fusionRealm({ claims: '{ groups: memberOf }' });
    expect(await rolesOf(memberOf, { memberOf: ['group-two'] })).toContain('admin');
    expect(await rolesOf(memberOf, { groups: ['group-two'] })).toEqual(['authenticated']);
  });

  it('open the routes of their roles, and no others (FJR-S17)', async () => {
    const gateway = await start([fusionRealm()]);
    expect(await statusOf(gateway, t1({ groups: ['group-two'] }), ROLES)).toBe(200);
    expect(await statusOf(gateway, t1({ groups: ['group-one'] }), ROLES)).toBe(403);
  });

  it('give several roles, separated by a space (FJR-S18)', async () => {
    expect(await rolesOf(fusionRealm(), { groups: ['group-one'] })).toEqual([
      'authenticated',
      'search-user',
      'developer',
    ]);
  });

  it('give the same roles however much white space stands between (FJR-S19)', async () => {
    const roles = '{ mapping: { group-one: "search-user   developer " } }';
    expect(await rolesOf(fusionRealm({ roles }), { groups: ['group-one'] })).toEqual([
      'search-user',
      'developer',
    ]);
  });

  it('give the union of their roles, each once (FJR-S20)', async () => {
    expect(await rolesOf(fusionRealm(), { groups: ['group-one', 'group-two', 'group-one'] })).toEqual([
      'authenticated',
      'search-user',
      'developer',
      'admin',
    ]);
  });

  it('that share a role give it once (FJR-S20)', async () => {
    const roles = '{ default: [reader], mapping: { a: reader writer, b: writer } }';
    expect(await rolesOf(fusionRealm({ roles }), { groups: ['a', 'b'] })).toEqual(['reader', 'writer']);
  });

  it('that nobody mapped give nothing (FJR-S21)', async () => {
    const gateway = await start([fusionRealm()]);
    expect(await statusOf(gateway, t1({ groups: ['nope'] }))).toBe(200);
    expect(lastClaim(gateway, 'role')).toEqual(['authenticated']);
    expect(await statusOf(gateway, t1({ groups: ['nope'] }), ROLES)).toBe(403);
  });

  it('may be missing: the default roles are given (FJR-S22)', async () => {
    const gateway = await start([fusionRealm()]);
    expect(await statusOf(gateway, t1({ groups: undefined }), '/members')).toBe(200);
  });

  it('may be one string (FJR-S23)', async () => {
    expect(await rolesOf(fusionRealm(), { groups: 'group-two' })).toContain('admin');
  });

  it('that are no text are taken as none, and warned about (FJR-S23)', async () => {
    const gateway = await start([fusionRealm()]);
    expect(await statusOf(gateway, t1({ groups: 7 }))).toBe(200);
    expect(lastClaim(gateway, 'role')).toEqual(['authenticated']);
    expect(warnings(gateway)).toContainEqual(expect.stringMatching(/"realm":"fusion".*claim groups/));
  });

  it('need no claim at all: the realm is valid, and gives the default roles (FJR-P41)', async () => {
    const withoutGroups = fusionRealm({ claims: null, roles: '{ default: [authenticated] }' });
    expect(await rolesOf(withoutGroups, { groups: ['group-two'] })).toEqual(['authenticated']);
  });
});

describe('the call of the seed', () => {
  it('with an administrator reaches the backend as it was sent (FJR-S33)', async () => {
    const gateway = await start([fusionRealm()]);
    expect(await statusOf(gateway, t1(), ROLES)).toBe(200);
    expect(gateway.backend.received).toMatchObject([{ method: 'GET', url: ROLES }]);
  });
});

describe('the answer', () => {
  it('without a token is a challenge without error (FJR-S34)', async () => {
    const gateway = await start([fusionRealm()]);
    const refusal = await refusalOf(gateway, null);
    expect(refusal).toMatchObject({
      status: 401,
      code: 'no_token',
      challenge: 'Bearer realm="countersign"',
    });
  });

  it.each([
    ['a bad token', () => hs256('wrong-secret', t1Claims()), 401, 'bad_signature', 'invalid_token'],
    ['a missing role', () => t1({ groups: [] }), 403, 'insufficient_role', 'insufficient_scope'],
  ])('to %s is a problem with code and challenge (FJR-S34)', async (_what, token, status, code, error) => {
    const gateway = await start([fusionRealm()]);
    const answer = await gateway.get(ROLES, token());
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('www-authenticate')).toContain(`error="${error}"`);
    expect(await answer.json()).toMatchObject({ status, code });
    expect(gateway.backend.received).toHaveLength(0);
  });
});

describe('several realms', () => {
  const key = testKey('RS256', 'k1');

  it.each([
    ['is named in the assertion with includeRealm', `${MINTING}, includeRealm: true`, ['fusion', 'corp']],
    ['is not named without it', MINTING, [undefined, undefined]],
  ])('the one whose issuer the token names decides, and %s (FJR-C42)', async (_what, assertion, names) => {
    const idp = await startIdp();
    idp.answerJwks(keySet([key.jwk]));
    const corp = realm({ name: 'corp', issuer: '"https://idp.test"', jwksUri: `"${idp.jwksUri}"` });
    const gateway = await start([fusionRealm(), corp], { assertion });
    const tokens = [t1(), signed(key, { iss: 'https://idp.test', sub: 'u', exp: seconds() + 300 })];
    for (const [index, token] of tokens.entries()) {
      expect(await statusOf(gateway, token, PLACES)).toBe(200);
      expect(lastClaim(gateway, 'realm')).toBe(names[index]);
    }
    await idp.close();
  });

  it('with one issuer are tried in order, and roles come from the one that verified (FJR-C43)', async () => {
    const one = (name: string) =>
      fusionRealm({
        name,
        signingKey: `{ secret: secret-of-${name}, allowWeakSecret: true }`,
        roles: `{ default: [from-${name}] }`,
      });
    const gateway = await start([one('s1'), one('s2')]);
    for (const name of ['s1', 's2']) {
      expect(await statusOf(gateway, hs256(`secret-of-${name}`, t1Claims()))).toBe(200);
      expect(lastClaim(gateway, 'role')).toEqual([`from-${name}`]);
    }
  });
});
