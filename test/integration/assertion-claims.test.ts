/** What the assertion says: default claims under a dialect, claims of the caller's token, and which of them are sent. */
import { describe, expect, it } from 'vitest';
import { assertionFor, gatewayPerTest, partText, RETRIEVER_TOKEN, t1, wso2 } from '../support/acceptance.ts';

const start = gatewayPerTest();

const REGISTERED = ['iss', 'sub', 'aud', 'iat', 'exp', 'jti'];
const SIX = ['subscriber', 'applicationname', 'apicontext', 'version', 'tier', 'enduser'];

/** Quick signatures: nothing here depends on them. */
const EDDSA = 'algorithm: EdDSA';

describe('the default claims', () => {
  it('are six, with the values of the application and the caller (AST-S16)', async () => {
    const gateway = await start();
    expect((await assertionFor(gateway)).payload).toMatchObject({
      [wso2('subscriber')]: 'admin',
      [wso2('applicationname')]: 'app2',
      [wso2('apicontext')]: '/placeFinder',
      [wso2('version')]: '1.0.0',
      [wso2('tier')]: 'Silver',
      [wso2('enduser')]: 'test-fusion',
    });
  });

  it('are all there is without a retriever (AST-S17)', async () => {
    const gateway = await start({ assertion: `${EDDSA}, userClaims: { retriever: none }` });
    const { payload } = await assertionFor(gateway, t1({ email: 'a@b' }));
    expect(Object.keys(payload)).toEqual([...REGISTERED, ...SIX.map(wso2)]);
  });

  it('are more in the extended set, spelled as API Manager does (AST-P18)', async () => {
    const gateway = await start({
      assertion: `${EDDSA}, standardClaims: extended`,
      application: 'uuid: a-uuid',
    });
    const { payload } = await assertionFor(gateway);
    const names = `subscriber applicationid applicationname applicationtier apiname apicontext version tier keytype
      usertype enduser enduserTenantId applicationUUId`;
    expect(Object.keys(payload).slice(REGISTERED.length)).toEqual(names.split(/\s+/).map(wso2));
    expect(payload).toMatchObject({ [wso2('keytype')]: 'PRODUCTION', [wso2('applicationid')]: '42' });
  });

  it('are left out on request', async () => {
    const gateway = await start({ assertion: `${EDDSA}, standardClaims: none` });
    expect(Object.keys((await assertionFor(gateway)).payload)).toEqual(REGISTERED);
  });

  it('take a configured dialect, and no other one is seen (AST-S19)', async () => {
    const gateway = await start({ assertion: `${EDDSA}, dialect: "http://acme.org/c", ${RETRIEVER_TOKEN}` });
    const { payload } = await assertionFor(gateway);
    expect(payload['http://acme.org/c/subscriber']).toBe('admin');
    expect(Object.keys(payload).filter((name) => name.startsWith('http://wso2.org'))).toEqual([]);
  });

  it.each([
    ['""', 'subscriber'],
    ['/', '/subscriber'],
    ['"http://acme.org/c/"', 'http://acme.org/c/subscriber'],
    ['"urn:acme"', 'urn:acme/subscriber'],
  ])('under the dialect %s are called like %s (AST-P20)', async (dialect, name) => {
    const gateway = await start({ assertion: `${EDDSA}, dialect: ${dialect}` });
    expect((await assertionFor(gateway)).payload[name]).toBe('admin');
  });

  it('win over claims of the token with the same name, and the log says which (AST-P29)', async () => {
    const gateway = await start({ more: 'observability: { logs: { level: debug } }' });
    const { payload } = await assertionFor(gateway, t1({ tier: 'Gold', [wso2('enduser')]: 'root' }));
    expect(payload).toMatchObject({ [wso2('tier')]: 'Silver', [wso2('enduser')]: 'test-fusion' });
    const line = gateway.log.find(({ claims }) => claims !== undefined);
    expect(line).toMatchObject({ level: 'debug', route: 'placefinder' });
    expect(line?.['claims']).toEqual(expect.arrayContaining([wso2('tier'), wso2('enduser')]));
    expect(JSON.stringify(gateway.log)).not.toContain('Gold');
  });
});

describe('the claims of the token', () => {
  it('are added under the dialect (AST-S21)', async () => {
    const gateway = await start();
    const { payload } = await assertionFor(gateway, t1({ email: 'a@b', given_name: 'P' }));
    expect(payload).toMatchObject({ [wso2('email')]: 'a@b', [wso2('given_name')]: 'P' });
  });

  it('come in natural order after the default claims (AST-S23)', async () => {
    const gateway = await start();
    const { value } = await assertionFor(gateway, t1({ zip: '1', Age: 2, age: 3, city: 'x', groups: [] }));
    const names = [...partText(value, 1).matchAll(/"(http[^"]*)":/g)].map(([, name]) => name);
    const user = ['Age', 'age', 'city', 'groups', 'role', 'zip'];
    expect(names).toEqual([...SIX, ...user].map(wso2));
  });

  it('that registered ones are, are not copied (AST-P30)', async () => {
    const gateway = await start();
    const about = { aud: 'x', nbf: 1, jti: 'theirs', application: {}, tierInfo: {}, subscribedAPIs: [] };
    const first = await assertionFor(gateway, t1(about));
    const second = await assertionFor(gateway, t1({ ...about, other: 1 }));
    expect(Object.keys(first.payload)).toEqual([...REGISTERED, ...[...SIX, 'groups', 'role'].map(wso2)]);
    expect(first.payload['jti']).not.toBe('theirs');
    expect(second.payload['jti']).not.toBe(first.payload['jti']);
  });

  it('that are excluded are not sent, their neighbours are (AST-P31)', async () => {
    const assertion = `${EDDSA}, userClaims: { retriever: token, exclude: [mobileno, "${wso2('pin')}"] }`;
    const gateway = await start({ assertion });
    const { payload } = await assertionFor(gateway, t1({ mobileno: '1', department: 'd', pin: 7 }));
    expect(payload[wso2('department')]).toBe('d');
    expect(JSON.stringify(payload)).not.toMatch(/mobileno|pin/);
  });

  it.each([
    ['pass', { [wso2('givenname')]: 'P', email: 'a@b' }],
    ['drop', { [wso2('givenname')]: 'P' }],
    ['prefix', { [wso2('givenname')]: 'P', [wso2('email')]: 'a@b' }],
  ])(
    'that the realm maps have the new name, others as unmappedClaims: %s says (AST-P32)',
    async (unmapped, expected) => {
      const gateway = await start({
        assertion: `${EDDSA}, standardClaims: none, userClaims: { retriever: token, convertDialect: false, exclude: [role, groups] }`,
        realm: `claimMapping: { given_name: "${wso2('givenname')}" }, unmappedClaims: ${unmapped}`,
      });
      const { payload } = await assertionFor(gateway, t1({ given_name: 'P', email: 'a@b' }));
      const user = Object.entries(payload).filter(([name]) => !REGISTERED.includes(name));
      expect(Object.fromEntries(user)).toEqual(expected);
    },
  );
});

describe('values that are lists', () => {
  const claims = { mail: 'a,,,b', tags: ['x', 'y'], address: { city: 'x' }, rows: [{ a: 1 }] };

  it('are arrays; objects stay objects (AST-P33)', async () => {
    const gateway = await start();
    expect((await assertionFor(gateway, t1(claims))).payload).toMatchObject({
      [wso2('mail')]: ['a', 'b'],
      [wso2('tags')]: ['x', 'y'],
      [wso2('address')]: { city: 'x' },
      [wso2('rows')]: [{ a: 1 }],
      [wso2('role')]: ['authenticated', 'search-user', 'developer', 'admin'],
    });
  });

  it('are joined where that is chosen (AST-P33, AST-S38)', async () => {
    const gateway = await start({
      assertion: `${EDDSA}, userClaims: { retriever: token, multiValue: join }`,
    });
    expect((await assertionFor(gateway, t1({ ...claims, groups: ['group-two'] }))).payload).toMatchObject({
      [wso2('mail')]: 'a,b',
      [wso2('tags')]: 'x,y',
      [wso2('address')]: { city: 'x' },
      [wso2('rows')]: [{ a: 1 }],
      [wso2('role')]: 'authenticated,admin',
    });
  });
});

describe('the roles', () => {
  it('are those that the realm gives, not what the token says they are (AST-S38)', async () => {
    const gateway = await start();
    const { payload } = await assertionFor(gateway, t1({ groups: ['group-one'], role: ['root'] }));
    expect(payload[wso2('role')]).toEqual(['authenticated', 'search-user', 'developer']);
  });
});

describe('selected claims', () => {
  const token = t1({ emailaddress: 'a@b', mobile: '1', exp: 9_999_999_999 });
  const application = 'claims: [emailaddress]';
  const userClaims = (selective: boolean) => `userClaims: { retriever: token, selective: ${selective} }`;

  it('do not count unless that is chosen: all are sent (AST-S34)', async () => {
    const gateway = await start({ application });
    const { payload } = await assertionFor(gateway, token);
    expect(payload).toMatchObject({ [wso2('emailaddress')]: 'a@b', [wso2('mobile')]: '1' });
  });

  it('alone are sent where that is chosen (AST-S35)', async () => {
    const gateway = await start({ assertion: `${EDDSA}, ${userClaims(true)}`, application });
    const { payload } = await assertionFor(gateway, token);
    expect(Object.keys(payload)).toEqual([...REGISTERED, wso2('enduser'), wso2('emailaddress')]);
  });

  it('that no list names are none: the caller alone is named (AST-S35)', async () => {
    const gateway = await start({ assertion: `${EDDSA}, ${userClaims(true)}` });
    expect(Object.keys((await assertionFor(gateway, token)).payload)).toEqual([
      ...REGISTERED,
      wso2('enduser'),
    ]);
  });

  it.each([
    ['Subject', userClaims(true), 'sub'],
    ['sub', userClaims(false), 'Subject'],
  ])('name the caller in profile wso2-appm as %s with %s (AST-P36)', async (name, settings, other) => {
    const gateway = await start({ assertion: `profile: wso2-appm, algorithm: NONE, ${settings}` });
    const { payload } = await assertionFor(gateway, token);
    expect(payload[name]).toBe('test-fusion');
    expect(payload).not.toHaveProperty(other);
  });

  it('or not, an assertion of wso2-appm without retriever names the caller in enduser only (AST-P36)', async () => {
    const gateway = await start({ assertion: 'profile: wso2-appm, algorithm: NONE' });
    const { payload } = await assertionFor(gateway, token);
    expect(Object.keys(payload)).toEqual(['iss', 'exp', ...SIX.map(wso2)]);
  });
});
