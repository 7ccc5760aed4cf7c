/** Users, registrations and configuration objects: made, shown, changed, taken away. */

import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { wholeWebhook } from '../../../src/tokens/objects/webhooks.ts';
import { startApi } from '../../support/api.ts';
import {
  APP_A,
  APP_B,
  configure,
  loginTo,
  TEN1,
  TEN2,
  U2,
  USER_PASSWORD,
} from '../../support/token-fixtures.ts';

const api = await startApi();
afterAll(() => api.close());

const UNKNOWN = '99999999-9999-4999-8999-999999999999';

/** Each kind with a body, a change of one member, and how the change shows. */
const KINDS: readonly [field: string, path: string, body: object, change: object][] = [
  ['tenant', '/api/tenant', { name: 'New', issuer: 'new.test' }, { issuer: 'newer.test' }],
  ['application', '/api/application', { name: 'New', tenantId: TEN1 }, { name: 'Newer' }],
  [
    'lambda',
    '/api/lambda',
    { name: 'New', type: 'JWTPopulate', body: 'function populate() {}' },
    { name: 'Newer' },
  ],
  ['apiKey', '/api/api-key', { name: 'New' }, { name: 'Newer' }],
  ['webhook', '/api/webhook', { url: 'https://hooks.test/a' }, { url: 'https://hooks.test/b' }],
  ['identityProvider', '/api/identity-provider', { name: 'New' }, { debug: true }],
];

describe.each(KINDS)('%s', (field, path, body, change) => {
  it('is made, with an id and its instants, and shown', async () => {
    const { status, body: made } = await api.admin('POST', path, { [field]: body });
    const { id } = made[field];
    expect(status).toBe(200);
    expect(made[field]).toMatchObject({ ...body, insertInstant: api.clock(), source: 'API' });
    const { key: _, ...shown } = made[field];
    expect((await api.admin('GET', `${path}/${id}`)).body[field]).toEqual(shown);
    const list: { id: string }[] =
      Object.values<{ id: string }[]>((await api.admin('GET', path)).body)[0] ?? [];
    expect(list.map((one) => one.id)).toContain(id);
    await api.admin('DELETE', `${path}/${id}?hardDelete=true`);
  });

  it('is made with a given id, once', async () => {
    const id = '77777777-7777-4777-8777-777777777777';
    expect((await api.admin('POST', `${path}/${id}`, { [field]: body })).body[field].id).toBe(id);
    const again = await api.admin('POST', `${path}/${id}`, { [field]: { ...body, name: 'Other' } });
    expect([again.status, Object.keys(again.body.fieldErrors)]).toEqual([400, [`${field}.id`]]);
    await api.admin('DELETE', `${path}/${id}?hardDelete=true`);
  });

  it('is changed by PATCH, replaced by PUT, and taken away', async () => {
    const { body: made } = await api.admin('POST', path, { [field]: { ...body, ...named() } });
    const target = `${path}/${made[field].id}`;
    api.clock.advanceMs(1000);
    const patched = await api.admin('PATCH', target, { [field]: change });
    expect(patched.body[field]).toMatchObject({
      ...change,
      insertInstant: api.clock() - 1000,
      lastUpdateInstant: api.clock(),
    });
    const replaced = await api.admin('PUT', target, { [field]: { ...body, ...named() } });
    expect(replaced.body[field]).toMatchObject(body);
    const { status, text } = await api.admin('DELETE', `${target}?hardDelete=true`);
    expect([status, text]).toEqual([200, '']);
    for (const method of ['GET', 'DELETE'])
      expect((await api.admin(method, `${target}?hardDelete=true`)).status).toBe(404);
  });

  it('is not there: 404', async () => {
    expect((await api.admin('GET', `${path}/${UNKNOWN}`)).status).toBe(404);
    expect((await api.admin('PUT', `${path}/${UNKNOWN}`, { [field]: body })).status).toBe(404);
    expect((await api.admin('PATCH', `${path}/${UNKNOWN}`, { [field]: {} })).status).toBe(404);
  });

  it('is named where it is missing or no object', async () => {
    for (const json of [{}, { [field]: 7 }]) {
      const { status, body: refused } = await api.admin('POST', path, json);
      expect([status, Object.keys(refused.fieldErrors)]).toEqual([400, [field]]);
    }
  });

  function named() {
    return 'name' in body ? { name: body.name } : {};
  }
});

describe('objects of the configuration file', () => {
  it('are shown as such, and not changed (IDP-S06)', async () => {
    const { body } = await api.admin('POST', '/api/application', {
      application: { name: 'file', tenantId: TEN1 },
    });
    const target = `/api/application/${body.application.id}`;
    await configure(api.service, 'applications', body.application.id, (one) => ({
      ...one,
      source: 'Config',
    }));
    expect((await api.admin('GET', target)).body.application.source).toBe('Config');
    const patch = await api.admin('PATCH', target, { application: { name: 'x' } });
    const removal = await api.admin('DELETE', `${target}?hardDelete=true`);
    expect([patch.status, removal.status]).toEqual([400, 400]);
    expect(patch.body.generalErrors[0].code).toBe('[readOnly]application');
  });
});

describe('applications', () => {
  it('are deactivated by DELETE without hardDelete, and keep their users', async () => {
    const { refreshToken } = await loginTo(api.service, APP_B);
    expect((await api.admin('DELETE', `/api/application/${APP_B}`)).status).toBe(200);
    expect((await api.admin('GET', `/api/application/${APP_B}`)).body.application.active).toBe(false);
    const json = { refreshToken: refreshToken.value };
    expect((await api.call('POST', '/api/jwt/refresh', { json })).status).toBe(404);
    await api.admin('PATCH', `/api/application/${APP_B}`, { application: { active: true } });
    expect((await api.call('POST', '/api/jwt/refresh', { json })).status).toBe(200);
  });
});

describe('API keys', () => {
  it('are shown to their maker once, and work', async () => {
    const { body } = await api.admin('POST', '/api/api-key', { apiKey: { name: 'made' } });
    const { id, key } = body.apiKey;
    expect((await api.call('GET', '/api/tenant', { auth: key })).status).toBe(200);
    const shown = await api.admin('GET', `/api/api-key/${id}`);
    expect(shown.text).not.toContain(key);
    expect(shown.text).not.toContain('Hash');
    expect((await api.admin('PATCH', `/api/api-key/${id}`, { apiKey: { name: 'x' } })).text).not.toContain(
      key,
    );
    expect((await api.call('GET', '/api/tenant', { auth: key })).status).toBe(200);
    await api.admin('DELETE', `/api/api-key/${id}`);
    expect((await api.call('GET', '/api/tenant', { auth: key })).status).toBe(401);
  });
});

describe('webhooks', () => {
  const secrets = {
    headers: { Authorization: 'Bearer canary-header', 'X-Tenant': 'canary-tenant' },
    httpAuthenticationUsername: 'us',
    httpAuthenticationPassword: 'canary-password',
  };
  const basic = {
    url: 'https://hooks.test/p',
    headers: { 'X-Tenant': 'canary-tenant' },
    httpAuthenticationUsername: secrets.httpAuthenticationUsername,
    httpAuthenticationPassword: secrets.httpAuthenticationPassword,
  };
  const make = async (webhook: object = basic) => {
    const { body, text } = await api.admin('POST', '/api/webhook', { webhook });
    const path = `/api/webhook/${body.webhook.id}`;
    const stored = () => api.service.catalog().webhooks.get(body.webhook.id) ?? expect.unreachable();
    return { path, text, stored, whole: () => wholeWebhook(api.service, stored()) };
  };

  it('do not show their password, and keep it through a PATCH', async () => {
    const { path, text, stored } = await make();
    const before = stored().httpAuthenticationPassword;
    const patched = await api.admin('PATCH', path, { webhook: { description: 'x' } });
    expect(text + patched.text).not.toMatch(/canary-password|httpAuthenticationPassword/);
    expect(before).toBeTypeOf('string');
    expect(stored().httpAuthenticationPassword).toBe(before);
  });

  it('do not show their headers, and keep them through a PATCH, and a PUT that has none', async () => {
    const { path, text, whole } = await make();
    const patched = await api.admin('PATCH', path, { webhook: { description: 'x' } });
    const { webhook } = (await api.admin('GET', path)).body;
    const put = await api.admin('PUT', path, { webhook });
    const listed = await api.admin('GET', '/api/webhook');
    expect(text + patched.text + put.text + listed.text).not.toMatch(/canary|"headers"/);
    expect(whole()).toMatchObject({ ...basic, description: 'x' });
  });

  it('change header by header through a PATCH (RFC 7396), and as a whole through a PUT', async () => {
    const { path, whole } = await make();
    await api.admin('PATCH', path, { webhook: { headers: { 'X-Tenant': null, 'X-Other': 'new' } } });
    expect(whole()).toMatchObject({
      headers: { 'X-Other': 'new' },
      httpAuthenticationPassword: 'canary-password',
    });
    await api.admin('PUT', path, { webhook: { url: basic.url, headers: {} } });
    expect(whole().headers).toEqual({});
  });

  it('lose their password with their username', async () => {
    const { path, whole } = await make();
    const half = await api.admin('PATCH', path, { webhook: { httpAuthenticationPassword: null } });
    expect([half.status, Object.keys(half.body.fieldErrors)]).toEqual([
      400,
      ['webhook.httpAuthenticationPassword'],
    ]);
    await api.admin('PUT', path, { webhook: { url: basic.url } });
    expect(whole().httpAuthenticationPassword).toBeUndefined();
    expect(whole().httpAuthenticationUsername).toBeUndefined();
  });

  it.each([
    [{ httpAuthenticationUsername: 'us' }, 'webhook.httpAuthenticationPassword'],
    [{ httpAuthenticationPassword: 'pw' }, 'webhook.httpAuthenticationUsername'],
    [
      { httpAuthenticationUsername: 'a:b', httpAuthenticationPassword: 'pw' },
      'webhook.httpAuthenticationUsername',
    ],
    [secrets, 'webhook.headers'],
    [{ headers: { 'Content-Type': 'text/plain' } }, 'webhook.headers.Content-Type'],
    [{ headers: { 'X-FusionAuth-Signature-JWT': 'x' } }, 'webhook.headers.X-FusionAuth-Signature-JWT'],
    [{ headers: { 'bad name': 'x' } }, 'webhook.headers.bad name'],
    [{ headers: { a: 'x\r\ny: z' } }, 'webhook.headers.a'],
    [{ headers: { a: '1', A: '2' } }, 'webhook.headers'],
    [{ url: 'https://us:pw@hooks.test/' }, 'webhook.url'],
  ])('that would be called otherwise than they say are refused: %j', async (members, field) => {
    const webhook = { url: 'https://hooks.test/', ...members };
    const { status, body } = await api.admin('POST', '/api/webhook', { webhook });
    expect([status, Object.keys(body.fieldErrors)]).toEqual([400, [field]]);
  });
});

describe('keys', () => {
  const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    format: 'pem',
    type: 'pkcs8',
  });

  it.each(['RS256', 'ES256', 'Ed25519', 'HS256'])(
    'are made for %s, without what signs in the answer',
    async (algorithm) => {
      const { status, body, text } = await api.admin('POST', '/api/key/generate', {
        key: { name: algorithm, algorithm },
      });
      expect([status, body.key.algorithm, body.key.hasPrivateKey]).toEqual([200, algorithm, true]);
      expect(text).not.toMatch(/PRIVATE|privateKey"|secret|sealed/);
      if (algorithm === 'HS256') expect(body.key).not.toHaveProperty('publicKey');
      else expect(createPublicKey(body.key.publicKey).type).toBe('public');
    },
  );

  it('are imported, renamed and taken away, without what signs and for whom in any answer', async () => {
    const key = { name: 'mine', privateKey: pem, algorithm: 'ES256' };
    const made = await api.admin('POST', `/api/key/import/${UNKNOWN}`, { key });
    const renamed = await api.admin('PUT', `/api/key/${UNKNOWN}`, { key: { name: 'ours' } });
    const list = await api.admin('GET', '/api/key');
    expect([made.status, renamed.body.key.name]).toEqual([200, 'ours']);
    expect(made.text + renamed.text + list.text).not.toMatch(/PRIVATE|sealed|signedFor/);
    expect((await api.admin('DELETE', `/api/key/${UNKNOWN}`)).status).toBe(200);
    expect((await api.admin('GET', `/api/key/${UNKNOWN}`)).status).toBe(404);
  });

  it('that are none are refused', async () => {
    const { status } = await api.admin('POST', '/api/key/import', { key: { name: 'x', privateKey: 'x' } });
    expect(status).toBe(400);
  });
});

describe('users', () => {
  const user = { email: 'new@acme.com', tenantId: TEN1, password: USER_PASSWORD, firstName: 'Nia' };

  it('are made, found, changed, deactivated and taken away', async () => {
    const { body, text } = await api.admin('POST', '/api/user', { user });
    const { id } = body.user;
    expect(text).not.toMatch(/password"|passwordHash/);
    for (const query of ['email=NEW@acme.com', 'loginId=new@acme.com'])
      expect((await api.admin('GET', `/api/user?${query}`)).body.user.id).toBe(id);
    const patched = await api.admin('PATCH', `/api/user/${id}`, {
      user: { firstName: null, lastName: 'Nye' },
    });
    expect([patched.body.user.firstName, patched.body.user.lastName]).toEqual([undefined, 'Nye']);
    const put = await api.admin('PUT', `/api/user/${id}`, { user: { email: user.email } });
    expect(put.body.user).not.toHaveProperty('lastName');
    await api.admin('DELETE', `/api/user/${id}`);
    expect((await api.admin('GET', `/api/user/${id}`)).body.user.active).toBe(false);
    const back = await api.admin('PUT', `/api/user/${id}?reactivate=true`);
    expect(back.body.user).toMatchObject({ active: true, email: user.email });
    await api.admin('DELETE', `/api/user/${id}?hardDelete=true`);
    expect((await api.admin('GET', `/api/user/${id}`)).status).toBe(404);
  });

  it('keep their password through a PATCH', async () => {
    const { body } = await api.admin('POST', '/api/user', { user: { ...user, email: 'pw@acme.com' } });
    await api.admin('PATCH', `/api/user/${body.user.id}`, { user: { lastName: 'X' } });
    const login = { loginId: 'pw@acme.com', password: USER_PASSWORD };
    expect((await api.admin('POST', '/api/login', login)).status).toBe(200);
  });

  it.each([
    [{ tenantId: TEN1 }, 'user.email'],
    [{ email: 'x', tenantId: TEN1 }, 'user.email'],
    [{ email: 'a@b.cc', tenantId: UNKNOWN }, 'user.tenantId'],
    [{ email: 'a@b.cc', tenantId: TEN1, password: 'short' }, 'user.password'],
  ])('that are not in order are refused: %j', async (sent, field) => {
    const { status, body } = await api.admin('POST', '/api/user', { user: sent });
    expect([status, Object.keys(body.fieldErrors)]).toEqual([400, [field]]);
  });

  it('are found by a name that is given', async () => {
    expect((await api.admin('GET', '/api/user')).status).toBe(400);
    expect((await api.admin('GET', '/api/user?username=nobody')).status).toBe(404);
  });
});

describe('registrations', () => {
  const path = '/api/user/registration';

  it('are made with the default roles, changed and taken away', async () => {
    const made = await api.admin('POST', `${path}/${U2}`, { registration: { applicationId: APP_B } });
    expect(made.body.registration).toMatchObject({ applicationId: APP_B, roles: ['user'] });
    const again = await api.admin('POST', `${path}/${U2}`, { registration: { applicationId: APP_B } });
    expect(again.status).toBe(400);
    const registration = { applicationId: APP_B, roles: ['admin'], data: { a: 1 } };
    const patched = await api.admin('PATCH', `${path}/${U2}`, { registration });
    expect(patched.body.registration).toMatchObject(registration);
    const put = await api.admin('PUT', `${path}/${U2}`, {
      registration: { applicationId: APP_B, roles: [] },
    });
    expect(put.body.registration).toMatchObject({ roles: [], data: {} });
    expect((await api.admin('GET', `${path}/${U2}/${APP_B}`)).status).toBe(200);
    expect((await api.admin('DELETE', `${path}/${U2}/${APP_B}`)).status).toBe(200);
    expect((await api.admin('GET', `${path}/${U2}/${APP_B}`)).status).toBe(404);
  });

  it('lose a role that the application loses, and can be changed without naming roles again', async () => {
    const application = { name: 'roles', tenantId: TEN1, roles: [{ name: 'admin' }, { name: 'user' }] };
    const { id: applicationId } = (await api.admin('POST', '/api/application', { application })).body
      .application;
    const roles = ['admin', 'user'];
    await api.admin('POST', `${path}/${U2}`, { registration: { applicationId, roles } });
    const fewer = { ...application, roles: [{ name: 'user' }] };
    await api.admin('PUT', `/api/application/${applicationId}`, { application: fewer });
    const login = { loginId: 'u2@acme.com', password: USER_PASSWORD, applicationId };
    const { user } = (await api.admin('POST', '/api/login', login)).body;
    const own = ({ registrations }: { registrations: { applicationId: string; roles: string[] }[] }) =>
      registrations.find((one) => one.applicationId === applicationId)?.roles;
    expect(own(user)).toEqual(['user']);
    expect(own((await api.admin('GET', `/api/user/${U2}`)).body.user)).toEqual(['user']);
    expect((await api.admin('GET', `${path}/${U2}/${applicationId}`)).body.registration.roles).toEqual([
      'user',
    ]);
    for (const method of ['PUT', 'PATCH']) {
      const changed = await api.admin(method, `${path}/${U2}`, {
        registration: { applicationId, data: { a: 1 } },
      });
      expect([changed.status, changed.body.registration.roles]).toEqual([200, ['user']]);
    }
    await api.admin('PUT', `/api/application/${applicationId}`, { application });
    expect((await api.admin('GET', `${path}/${U2}/${applicationId}`)).body.registration.roles).toEqual([
      'user',
    ]);
    await api.admin('DELETE', `${path}/${U2}/${applicationId}`);
  });

  it('are made together with their user, or neither is', async () => {
    const user = { email: 'both@acme.com', tenantId: TEN1 };
    const wrong = await api.admin('POST', path, {
      user,
      registration: { applicationId: APP_A, roles: ['nope'] },
    });
    expect(wrong.status).toBe(400);
    expect((await api.admin('GET', '/api/user?email=both@acme.com')).status).toBe(404);
    const { status, body } = await api.admin('POST', path, { user, registration: { applicationId: APP_A } });
    expect([status, body.user.registrations]).toEqual([200, [body.registration]]);
  });
});

describe('what objects are told apart by', () => {
  const long = 'x'.repeat(256);

  it.each<[string, object, string]>([
    ['/api/user', { user: { tenantId: TEN1, username: long } }, 'user.username'],
    [
      '/api/user',
      {
        user: {
          tenantId: TEN1,
          email: `${'x'.repeat(60)}@${'y'.repeat(63)}.${'z'.repeat(63)}.${'w'.repeat(63)}.test`,
        },
      },
      'user.email',
    ],
    ['/api/tenant', { tenant: { name: long, issuer: 'x' } }, 'tenant.name'],
    ['/api/application', { application: { name: long, tenantId: TEN1 } }, 'application.name'],
    ['/api/identity-provider', { identityProvider: { name: long } }, 'identityProvider.name'],
    ['/api/key/generate', { key: { name: long, algorithm: 'ES256' } }, 'key.name'],
    ['/api/key/generate', { key: { name: 'k', kid: long, algorithm: 'ES256' } }, 'key.kid'],
    [
      '/api/identity-provider/link',
      { identityProviderLink: { identityProviderId: UNKNOWN, identityProviderUserId: long, userId: U2 } },
      'identityProviderLink.identityProviderUserId',
    ],
  ])('has a bound, also where the database has none: %s %#', async (path, sent, field) => {
    const { status, body } = await api.admin('POST', path, sent);
    expect([status, body.fieldErrors[field][0].code]).toEqual([400, `[tooLong]${field}`]);
  });
});

describe('a member that would have no effect', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    format: 'pem',
    type: 'pkcs8',
  });
  const keyed = { apiKey: { key: 'x'.repeat(40) } };

  it.each([
    ['PUT', `/api/user/${U2}`, { user: { email: 'u2@acme.com', tenantId: TEN2 } }, 'user.tenantId'],
    ['PATCH', `/api/user/${U2}`, { user: { tenantId: TEN2 } }, 'user.tenantId'],
    ['PATCH', `/api/application/${APP_B}`, { application: { tenantId: TEN2 } }, 'application.tenantId'],
    ['POST', '/api/key/generate', { key: { name: 'l', algorithm: 'ES256', length: 2048 } }, 'key.length'],
    ['POST', '/api/key/generate', { key: { name: 'l', algorithm: 'HS256', length: 512 } }, 'key.length'],
    ['POST', '/api/key/generate', { key: { name: 'l', algorithm: 'RS256', length: 1024 } }, 'key'],
    ['POST', '/api/key/import', { key: { name: 't', type: 'EC', privateKey: rsa } }, 'key.type'],
    [
      'POST',
      '/api/webhook',
      { webhook: { url: 'https://hooks.test/', tenantIds: [TEN1] } },
      'webhook.tenantIds',
    ],
  ])('is refused by %s %s', async (method, path, sent, field) => {
    const { status, body } = await api.admin(method, path, sent);
    expect([status, Object.keys(body.fieldErrors)]).toEqual([400, [field]]);
  });

  it.each(['PUT', 'PATCH'])('is refused: %s of an API key with another key', async (method) => {
    const { id } = (await api.admin('POST', '/api/api-key', { apiKey: {} })).body.apiKey;
    const { status, body } = await api.admin(method, `/api/api-key/${id}`, keyed);
    expect([status, Object.keys(body.fieldErrors)]).toEqual([400, ['apiKey.key']]);
    expect((await api.call('GET', '/api/tenant', { auth: keyed.apiKey.key })).status).toBe(401);
  });

  it('is taken where it says what is so', async () => {
    const generated = { key: { name: 'fits', algorithm: 'ES256', length: 256 } };
    expect((await api.admin('POST', '/api/key/generate', generated)).status).toBe(200);
    const imported = { key: { name: 'fits too', type: 'RSA', privateKey: rsa } };
    expect((await api.admin('POST', '/api/key/import', imported)).status).toBe(200);
    const user = { user: { email: 'u2@acme.com', tenantId: TEN1 } };
    expect((await api.admin('PATCH', `/api/user/${U2}`, user)).status).toBe(200);
  });
});
