/** Identity providers: the object, lookup, links, what they leave in the event log. */
import { afterAll, describe, expect, it } from 'vitest';
import { startApi } from '../../support/api.ts';
import { IDP1, K_ACME } from '../../support/identity-provider.ts';
import { APP_A, APP_N, TEN1, U1 } from '../../support/token-fixtures.ts';

const api = await startApi();
afterAll(() => api.close());

const PATH = '/api/identity-provider';
const LINK = `${PATH}/link`;
const create = (members: object, path = PATH) => api.admin('POST', path, { identityProvider: members });

describe('POST /api/identity-provider', () => {
  it('makes one with a new id (IDP-S01)', async () => {
    const { status, body } = await create({ type: 'ExternalJWT', name: 'S01', headerKeyParameter: 'kid' });
    expect(status).toBe(200);
    expect(body.identityProvider).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      insertInstant: api.clock(),
      lastUpdateInstant: api.clock(),
    });
  });

  it('makes one with the id it is given, once (IDP-S02)', async () => {
    const id = '77777777-7777-4777-8777-777777777777';
    expect((await create({ name: 'S02' }, `${PATH}/${id}`)).body.identityProvider.id).toBe(id);
    const { status, body } = await create({ name: 'S02 again' }, `${PATH}/${id}`);
    expect([status, body.fieldErrors['identityProvider.id'][0].code]).toEqual([
      400,
      '[duplicate]identityProvider.id',
    ]);
  });

  it('needs a name that no other has (IDP-S03)', async () => {
    const nameless = await create({});
    expect([nameless.status, Object.keys(nameless.body.fieldErrors)]).toEqual([
      400,
      ['identityProvider.name'],
    ]);
    const { status, body } = await create({ name: 'Acme Corp. ADFS' });
    expect([status, body.fieldErrors['identityProvider.name'][0].code]).toEqual([
      400,
      '[duplicate]identityProvider.name',
    ]);
  });

  it('fills in the defaults (IDP-S05)', async () => {
    const { body } = await create({ name: 'S05' });
    expect(body.identityProvider).toMatchObject({
      type: 'ExternalJWT',
      debug: false,
      enabled: false,
      headerKeyParameter: 'kid',
      linkingStrategy: 'LinkByEmail',
      oauth2: {
        emailClaim: 'email',
        emailVerifiedClaim: 'email_verified',
        uniqueIdClaim: 'sub',
        usernameClaim: 'preferred_username',
      },
    });
  });

  it.each([
    [{ type: 'OpenIDConnect' }, 'identityProvider.type'],
    [{ claimMap: { x: 'shoeSize' } }, 'identityProvider.claimMap.x'],
    [{ verificationKeyIds: [U1] }, 'identityProvider.verificationKeyIds'],
    [{ lambdaConfiguration: { reconcileId: U1 } }, 'identityProvider.lambdaConfiguration.reconcileId'],
    [{ domains: ['ACME.com'] }, 'identityProvider.domains'],
    [{ keys: { '': 'no PEM' } }, 'identityProvider.keys'],
  ])('names the field of %j (IDP-P15, IDP-S44, IDP-S49)', async (members, field) => {
    const { status, body } = await create({ name: 'wrong', ...members });
    expect([status, Object.keys(body.fieldErrors)]).toEqual([400, [field]]);
  });
});

describe('identity providers', () => {
  it('are shown, listed, changed and taken away with an API key (IDP-S04)', async () => {
    const { body } = await create({ name: 'S04', claimMap: { a: 'UserData' } });
    const target = `${PATH}/${body.identityProvider.id}`;
    expect((await api.admin('GET', target)).body).toEqual(body);
    const patched = await api.admin('PATCH', target, {
      identityProvider: { debug: true, claimMap: { b: 'fullName' } },
    });
    expect(patched.body.identityProvider).toMatchObject({
      debug: true,
      claimMap: { a: 'UserData', b: 'fullName' },
    });
    const put = await api.admin('PUT', target, { identityProvider: { name: 'S04' } });
    expect(put.body.identityProvider).toMatchObject({ debug: false, claimMap: {} });
    for (const query of ['', '?type=ExternalJWT']) {
      const list = (await api.admin('GET', `${PATH}${query}`)).body.identityProviders;
      expect(list.map(({ id }: { id: string }) => id)).toContain(body.identityProvider.id);
    }
    expect((await api.admin('GET', `${PATH}?type=Google`)).body).toEqual({ identityProviders: [] });
    expect((await api.admin('DELETE', target)).status).toBe(200);
    expect((await api.admin('GET', target)).status).toBe(404);
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE'])
      expect((await api.call(method, target)).status).toBe(401);
  });

  it('are searched by name and application', async () => {
    const search = (criteria: object) => api.admin('POST', `${PATH}/search`, { search: criteria });
    const byName = await search({ name: '*acme*' });
    expect([byName.body.total, byName.body.identityProviders[0].id]).toEqual([1, IDP1]);
    expect((await search({ applicationId: APP_N })).body.total).toBe(1);
    expect((await search({ startRow: 1, name: 'acme' })).body).toEqual({ identityProviders: [], total: 1 });
  });
});

describe('GET /api/identity-provider/lookup', () => {
  const lookup = (query: string) => api.call('GET', `${PATH}/lookup?${query}`);

  it('says who manages a domain, and nothing else of it (IDP-S51, IDP-S52)', async () => {
    const oauth2 = {
      authorization_endpoint: 'https://acme.com/authorize',
      token_endpoint: 'https://acme.com/token',
    };
    await api.provider.change({ oauth2 });
    for (const domain of ['acme.com', 'jenny@acme.com', 'ACME.com']) {
      const { status, body } = await lookup(`domain=${domain}`);
      expect(status).toBe(200);
      expect(body.identityProvider).toEqual({
        applicationIds: [APP_A, APP_N],
        id: IDP1,
        name: 'Acme Corp. ADFS',
        type: 'ExternalJWT',
        oauth2,
      });
    }
    await api.provider.change({});
  });

  it('knows no other domain, and wants one (IDP-S51)', async () => {
    expect((await lookup('domain=other.com')).status).toBe(404);
    expect((await lookup('')).status).toBe(400);
  });
});

describe('links', () => {
  it('are made, shown and taken away (IDP-P26)', async () => {
    const identityProviderLink = { identityProviderId: IDP1, identityProviderUserId: 'linked', userId: U1 };
    const made = await api.admin('POST', LINK, { identityProviderLink });
    expect(made.body.identityProviderLink).toMatchObject({ ...identityProviderLink, tenantId: TEN1 });
    const query = `identityProviderId=${IDP1}&identityProviderUserId=linked&userId=${U1}`;
    const one = await api.admin('GET', `${LINK}?${query}`);
    expect(one.body).toEqual(made.body);
    for (const more of ['', `&identityProviderId=${IDP1}`]) {
      const { body } = await api.admin('GET', `${LINK}?userId=${U1}${more}`);
      expect(body.identityProviderLinks).toEqual([made.body.identityProviderLink]);
    }
    expect((await api.admin('DELETE', `${LINK}?${query}`)).status).toBe(200);
    expect((await api.admin('DELETE', `${LINK}?${query}`)).status).toBe(404);
    expect((await api.admin('GET', `${LINK}?${query}`)).status).toBe(404);
  });

  it('name what is missing', async () => {
    const { body } = await api.admin('POST', LINK, { identityProviderLink: { userId: U1 } });
    expect(Object.keys(body.fieldErrors)).toEqual([
      'identityProviderLink.identityProviderId',
      'identityProviderLink.identityProviderUserId',
    ]);
    expect((await api.admin('GET', LINK)).status).toBe(400);
  });
});

describe('the event log', () => {
  it('has an entry of each reconcile of a provider with debug, without signatures (IDP-S28)', async () => {
    await api.provider.change({ debug: true });
    const token = api.provider.token({ sub: 'debugged', email: 'debug@acme.com' });
    const json = { applicationId: APP_A, identityProviderId: IDP1, data: { token } };
    expect((await api.call('POST', '/api/jwt/reconcile', { json })).status).toBe(200);
    const { body, text } = await api.admin('POST', '/api/system/event-log/search', {
      search: { type: 'Debug', message: 'debugged' },
    });
    const [entry] = body.eventLogs;
    expect([body.total, entry.type]).toEqual([1, 'Debug']);
    expect(text).not.toContain(token.split('.')[2]);
    expect((await api.admin('GET', `/api/system/event-log/${entry.id}`)).body).toEqual({ eventLog: entry });
    expect((await api.admin('GET', '/api/system/event-log/999999')).status).toBe(404);
    expect((await api.admin('GET', '/api/system/event-log/x')).status).toBe(400);
  });
});

describe('keys of providers', () => {
  it('are not taken away while a provider uses them', async () => {
    expect((await api.admin('DELETE', `/api/key/${K_ACME}`)).status).toBe(400);
  });
});
