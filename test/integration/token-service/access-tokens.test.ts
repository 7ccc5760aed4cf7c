/** What access tokens say, and what users are shown. */
import { afterAll, describe, expect, it } from 'vitest';
import { startApi } from '../../support/api.ts';
import { APP_A, APP_B, addUser, K_RS, loginTo, TEN1, U1 } from '../../support/token-fixtures.ts';
import { decodePart } from '../../support/tokens.ts';

const lambdas = {
  populate: async (_: string, { claims }: { readonly claims: object }) => ({
    ...claims,
    dept: 'R&D',
    sub: 'someone else',
    exp: 9_999_999_999,
    iat: 1,
    tid: 'elsewhere',
  }),
};
const api = await startApi({ lambdas });
afterAll(() => api.close());

const login = async (loginId = 'u1@acme.com', applicationId = APP_A) => {
  const { token, refreshToken } = await loginTo(api.service, applicationId, loginId);
  return { header: decodePart(token, 0), claims: decodePart(token, 1), refreshToken };
};

describe('access tokens', () => {
  it('hold the claims of FusionAuth (JWT-P92)', async () => {
    const { header, claims, refreshToken } = await login();
    const now = Math.floor(api.clock() / 1000);
    expect(claims).toEqual({
      aud: APP_A,
      applicationId: APP_A,
      roles: ['admin'],
      sub: U1,
      iss: 'acme.com',
      exp: now + 3600,
      iat: now,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      email: 'u1@acme.com',
      email_verified: true,
      preferred_username: expect.any(String),
      authenticationType: 'PASSWORD',
      auth_time: now,
      tid: TEN1,
      sid: refreshToken.id,
    });
    expect(header).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'kid-rs', gty: expect.any(Array) });
  });

  it('hold what a lambda adds, and not what it may not change (JWT-P93)', async () => {
    const lambda = { name: 'populate', type: 'JWTPopulate', body: 'function populate() {}' };
    const { body } = await api.admin('POST', '/api/lambda', { lambda });
    const lambdaConfiguration = { accessTokenPopulateId: body.lambda.id };
    await api.admin('PATCH', `/api/application/${APP_B}`, { application: { lambdaConfiguration } });
    const { claims } = await login('u1@acme.com', APP_B);
    const now = Math.floor(api.clock() / 1000);
    expect(claims).toMatchObject({ dept: 'R&D', sub: U1, iat: now, exp: now + 3600, tid: TEN1 });
  });

  it('hold the address of user.data where the user has none (JWT-S98)', async () => {
    const id = '00000000-0000-4000-8000-000000000998';
    await addUser(api.service, id, TEN1, 'd0@acme.com', [[APP_A, ['user']]]);
    const user = await api.service.store.users.get(id);
    if (user === null) throw new Error('the user was made');
    const { email: _, ...nameless } = { ...user, username: 'dee', data: { email: 'd@acme.com' } };
    await api.service.store.users.update(nameless);
    expect((await login('dee')).claims['email']).toBe('d@acme.com');
    await api.admin('PATCH', `/api/user/${id}`, { user: { email: 'own@acme.com' } });
    expect((await login('dee')).claims['email']).toBe('own@acme.com');
  });
});

describe('users', () => {
  it('keep the instant of their first verification (JWT-S100)', async () => {
    const user = { email: 'v@acme.com', tenantId: TEN1, verified: true };
    const { body } = await api.admin('POST', '/api/user', { user });
    const { id, verifiedInstant } = body.user;
    const patch = async (members: object) =>
      (await api.admin('PATCH', `/api/user/${id}`, { user: members })).body.user;
    api.clock.advanceMs(1000);
    await patch({ email: 'v2@acme.com', verified: false });
    const again = await patch({ verified: true });
    expect([verifiedInstant, again.verified, again.verifiedInstant]).toEqual([
      api.clock() - 1000,
      true,
      verifiedInstant,
    ]);
  });
});

describe('keys of tokens', () => {
  it('are not taken away while something uses them', async () => {
    const { status, body } = await api.admin('DELETE', `/api/key/${K_RS}`);
    expect([status, body.generalErrors[0].code]).toEqual([400, '[inUse]key']);
  });
});
