import { describe, expect, it } from 'vitest';
import { importFusion } from '../../../src/import/fusion.ts';
import { settingsIn } from '../../support/imports.ts';

const KEY = 'a signing key that is long enough for HS256';
const realm = (members: object, outer: object = {}) => ({
  name: 'fusion',
  realmType: 'jwt',
  enabled: true,
  ...outer,
  config: { issuer: 'fusion', signingKey: KEY, ...members },
});
const imported = (object: unknown) => importFusion(JSON.stringify(object));
const realmsOf = (object: unknown) => settingsIn(imported(object).yaml)['realms'];
const secretIn = (variable: string) => ({ secret: `\${${variable}}` });

describe('importFusion()', () => {
  it('reads one realm', () => {
    expect(realmsOf(realm({ groupsKey: 'groups', userIdAttribute: 'email' }))).toEqual([
      {
        name: 'fusion',
        issuer: 'fusion',
        signingKey: secretIn('FUSION_SIGNING_KEY'),
        requireExpiration: false,
        claims: { subject: 'email', groups: 'groups' },
        roles: {},
      },
    ]);
  });

  it.each([
    ['jwtIssuer', { issuer: undefined, jwtIssuer: 'a' }, { issuer: 'a' }],
    ['JWT Issuer', { issuer: undefined, 'JWT Issuer': 'a' }, { issuer: 'a' }],
    [
      'jwtSetUri',
      { signingKey: '', jwtSetUri: 'https://a.example/jwks' },
      { jwksUri: 'https://a.example/jwks' },
    ],
    [
      'JWT Set URL',
      { signingKey: '', 'JWT Set URL': 'https://a.example/jwks' },
      { jwksUri: 'https://a.example/jwks' },
    ],
    ['a timeout', { jwkSetTimeout: '2000' }, { jwks: { timeout: '2000ms' } }],
    ['Groups Key', { 'Groups Key': 'g' }, { claims: { groups: 'g' } }],
    ['a name with a slash', { userIdAttribute: '/a~b/c' }, { claims: { subject: '/~1a~0b~1c' } }],
    ['a name with a dollar', { groupsKey: `\${HOME}` }, { claims: { groups: `\${HOME}` } }],
  ])('understands %s', (_what, members, expected) => {
    expect(realmsOf(realm(members))).toMatchObject([expected]);
  });

  it.each([
    ['pairs as objects', [{ group: 'a', roles: 'x  y' }], { a: ['x', 'y'] }],
    ['pairs as lists', [['a', ['x']]], { a: ['x'] }],
    ['one object', { a: 'x', b: ['y'] }, { a: ['x'], b: ['y'] }],
    ['a group without roles', [{ group: 'a', roles: '' }], { a: [] }],
  ])('reads groups as %s', (_what, groupsMapping, mapping) => {
    expect(realmsOf(realm({ groupsMapping }))).toMatchObject([{ roles: { mapping } }]);
  });

  it('lists groups and roles that it does not understand', () => {
    const groupsMapping = [{ group: 'a', roles: [{ name: 'x' }] }, 'b', { roles: 'y' }];
    const { leftOut } = imported(realm({ groupsMapping }, { roles: { admin: true } }));
    expect(leftOut.map(({ path }) => path)).toEqual([
      'roles',
      'config.groupsMapping[0]',
      'config.groupsMapping[1]',
      'config.groupsMapping[2]',
    ]);
  });

  it.each([
    ['is missing', undefined],
    ['is empty', ''],
    ['is masked', '********'],
    ['is no text', { id: 1 }],
  ])('never opens a realm whose key %s: the variable has to be set', (_what, signingKey) => {
    const { yaml, leftOut } = imported(realm({ signingKey }));
    expect(settingsIn(yaml)['realms']).toMatchObject([{ signingKey: secretIn('FUSION_SIGNING_KEY') }]);
    expect(settingsIn(yaml)['realms']).not.toMatchObject([{ allowUnsigned: true }]);
    expect(leftOut.map(({ path }) => path)).toEqual(['config.signingKey']);
  });

  it('needs no key beside a key set', () => {
    const [read] = realmsOf(realm({ signingKey: '', jwkSetUri: 'https://a.example/jwks' })) as object[];
    expect(read).not.toHaveProperty('signingKey');
  });

  it('makes two realms of one issuer of a key and a key set: they never serve one', () => {
    const [keySet, secret] = realmsOf(realm({ jwkSetUri: 'https://a.example/jwks' })) as object[];
    const issuer = 'fusion';
    expect(keySet).toMatchObject({ name: 'fusion', issuer, jwksUri: 'https://a.example/jwks' });
    expect(keySet).not.toHaveProperty('signingKey');
    expect(secret).toMatchObject({
      name: 'fusion-secret',
      issuer,
      signingKey: secretIn('FUSION_SIGNING_KEY'),
    });
    expect(secret).not.toHaveProperty('jwksUri');
  });

  it('allows a short key, and says so', () => {
    const { yaml } = imported(realm({ signingKey: 'short' }));
    expect(settingsIn(yaml)['realms']).toMatchObject([{ signingKey: { allowWeakSecret: true } }]);
    expect(yaml).not.toContain('short\n');
    expect(yaml).toContain('shorter than RFC 7518');
  });

  it('wants a public key in a file', () => {
    const signingKey = '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----';
    expect(realmsOf(realm({ signingKey }))).toMatchObject([{ signingKey: { pemFile: 'fusion.pem' } }]);
  });

  it('prints no key', () => {
    const { yaml, leftOut } = imported(realm({ other: KEY }));
    expect(yaml + JSON.stringify(leftOut)).not.toContain(KEY);
  });

  it.each([
    [
      ['a b', 'a/b'],
      ['a-b', 'a-b-2'],
      ['A_B_SIGNING_KEY', 'A_B_2_SIGNING_KEY'],
    ],
    [
      ['a-b', 'a_b', 'a-b-2'],
      ['a-b', 'a_b-2', 'a-b-2-2'],
      ['A_B_SIGNING_KEY', 'A_B_2_SIGNING_KEY', 'A_B_2_2_SIGNING_KEY'],
    ],
    [['../x'], ['x'], ['X_SIGNING_KEY']],
    [['1st'], ['1st'], ['_1ST_SIGNING_KEY']],
    [['é'], ['fusion'], ['FUSION_SIGNING_KEY']],
  ])('names the realms %j %j', (names, expected, variables) => {
    const realms = realmsOf(names.map((name) => realm({}, { name }))) as Record<string, unknown>[];
    expect(realms.map(({ name }) => name)).toEqual(expected);
    expect(realms.map(({ signingKey }) => signingKey)).toEqual(variables.map(secretIn));
  });

  it.each([
    ['no JSON', '{', 'is not JSON'],
    ['no realm', '[]', 'holds no enabled realm whose realmType is jwt'],
    ['only realms of other types', '{"realmType":"ldap"}', 'holds no enabled realm whose realmType is jwt'],
    ['a realm that is off', '{"realmType":"jwt","enabled":false}', 'holds no enabled realm'],
    ['a realm that is neither on nor off', '{"realmType":"jwt","enabled":"maybe"}', 'holds no enabled realm'],
    ['a realm without issuer', '{"realmType":"jwt","name":"a"}', 'the realm has no issuer'],
    ['a text', '"jwt"', 'the file is no realm object'],
    ['a list of texts', '["jwt"]', '[0] is no realm object'],
    ['two thousand realms', JSON.stringify(Array.from({ length: 2000 }, () => ({}))), 'holds more than 1000'],
  ])('refuses %s', (_what, text, message) => {
    expect(() => importFusion(text)).toThrow(message);
  });
});
