import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/core/json.ts';
import { numericDate } from '../../../src/core/time.ts';
import { lambdaSchema } from '../../../src/objects/lambda.ts';
import type { User } from '../../../src/objects/user.ts';
import { signAccessToken } from '../../../src/tokens/access-token.ts';
import type { AccessTokenRequest } from '../../../src/tokens/access-token-claims.ts';
import { ServiceError } from '../../../src/tokens/failure.ts';
import { createLambda } from '../../../src/tokens/objects/lambdas.ts';
import { registrationWith } from '../../../src/tokens/usable-user.ts';
import { APP_A, APP_B, APP_H, configure, K_PUB, TEN1, U1 } from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';
import { decodePart } from '../../support/tokens.ts';

let shownRoles: readonly string[] = [];
let populate: (claims: JsonObject) => JsonObject = (claims) => claims;
const { service, clock } = await testTokenService({
  lambdas: {
    populate: async (_, { claims, registration }) => {
      shownRoles = registration.roles;
      return populate(claims);
    },
  },
});
const user = await service.store.users.get(U1);

async function signed(applicationId: string | null, members: Partial<AccessTokenRequest> = {}) {
  const request: AccessTokenRequest = {
    user: user!,
    application: service.catalog().applications.get(applicationId ?? '') ?? null,
    registration: registrationWith(user!, applicationId),
    authenticationType: 'PASSWORD',
    authTimeSeconds: 1000,
    sid: 'the-session',
    expiresSeconds: null,
    isRefresh: false,
    ...members,
  };
  const { token, expiresInstant } = await signAccessToken(service, service.catalog(), request);
  return { header: decodePart(token, 0), claims: decodePart(token, 1), expiresInstant };
}

const of = (members: Partial<User>) => ({ user: { ...user!, ...members } });

describe('signAccessToken()', () => {
  it('carries the claims of a registered user, and no others (JWT-P92)', async () => {
    const { header, claims, expiresInstant } = await signed(APP_A);
    const now = numericDate(clock());
    expect(header).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'kid-rs', gty: ['password'] });
    expect(claims).toEqual({
      aud: APP_A,
      applicationId: APP_A,
      roles: ['admin'],
      sub: U1,
      iss: 'acme.com',
      iat: now,
      exp: now + 3600,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      email: 'u1@acme.com',
      email_verified: true,
      preferred_username: 'u1-acme.com',
      authenticationType: 'PASSWORD',
      auth_time: 1000,
      tid: TEN1,
      sid: 'the-session',
    });
    expect(expiresInstant).toBe((now + 3600) * 1000);
  });

  it('says nothing of roles without a registration, and nothing of a session without one (JWT-S09)', async () => {
    const { claims } = await signed(APP_A, { registration: null, sid: null });
    expect(claims).toMatchObject({ aud: APP_A });
    for (const name of ['applicationId', 'roles', 'sid']) expect(claims).not.toHaveProperty(name);
  });

  it('carries no role that the application no longer has', async () => {
    const application = service.catalog().applications.get(APP_A)!;
    const registration = { ...registrationWith(user!, APP_A)!, roles: ['admin', 'user', 'gone'] };
    const roles = application.roles.filter(({ name }) => name !== 'admin');
    const { claims } = await signed(APP_A, { registration, application: { ...application, roles } });
    expect(claims['roles']).toEqual(['user']);
  });

  it('ends with the account of its user', async () => {
    const expiry = clock() + 60_500;
    const { claims, expiresInstant } = await signed(APP_A, of({ expiry }));
    expect([claims['exp'], expiresInstant]).toEqual([numericDate(expiry), numericDate(expiry) * 1000]);
  });

  it('takes user.data.email where the user has no address, unverified (JWT-S98)', async () => {
    const { email: _, ...rest } = user!;
    const data = { email: 'd@acme.com' };
    expect((await signed(APP_A, { user: { ...rest, data } })).claims).toMatchObject({
      email: 'd@acme.com',
      email_verified: false,
    });
    expect((await signed(APP_A, of({ data }))).claims).toMatchObject({ email: 'u1@acme.com' });
    const without = (await signed(APP_A, { user: { ...rest, data: { email: 7 } } })).claims;
    expect(without).not.toHaveProperty('email');
    expect(without).not.toHaveProperty('email_verified');
  });

  it('names the grants in order: how the user came in, and the refresh (JWT-P92)', async () => {
    const federated = { authenticationType: 'FEDERATED_JWT', isRefresh: true };
    expect((await signed(APP_A, federated)).header['gty']).toEqual([
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
      'refresh_token',
    ]);
    expect((await signed(APP_A, { authenticationType: 'OTHER' })).header['gty']).toEqual([]);
  });

  it('is signed by the application’s own key while its configuration is enabled, else by the tenant’s', async () => {
    expect((await signed(APP_H)).header).toMatchObject({ alg: 'HS512', kid: 'kid-hs' });
    const disabled = service.catalog().applications.get(APP_H);
    const application = {
      ...disabled!,
      jwtConfiguration: { ...disabled!.jwtConfiguration, enabled: false },
    };
    expect((await signed(APP_H, { application })).header).toMatchObject({ kid: 'kid-rs' });
  });

  it('fails where no key can sign', async () => {
    const broken = await testTokenService();
    for (const accessTokenKeyId of [null, K_PUB]) {
      await configure(broken.service, 'tenants', TEN1, (tenant) => ({
        ...tenant,
        jwtConfiguration: { ...tenant.jwtConfiguration, accessTokenKeyId },
      }));
      const request = { application: null, registration: null };
      const catalog = broken.service.catalog();
      await expect(
        signAccessToken(broken.service, catalog, {
          ...request,
          user: user!,
          authenticationType: 'PASSWORD',
          authTimeSeconds: 1,
          sid: null,
          expiresSeconds: null,
          isRefresh: false,
        }),
      ).rejects.toMatchObject({ status: 500 });
    }
  });
});

describe('signAccessToken() with a populate lambda', async () => {
  const body = lambdaSchema.parse({ name: 'p', type: 'JWTPopulate', body: 'function populate() {}' });
  const lambda = await createLambda(service, undefined, body);
  await configure(service, 'applications', APP_B, (present) => ({
    ...present,
    lambdaConfiguration: { accessTokenPopulateId: lambda.id },
  }));
  const now = numericDate(clock());

  it('keeps added and changed claims (JWT-P93)', async () => {
    populate = (claims) => ({ ...claims, dept: 'R&D', roles: ['extra'], email: 'x@y' });
    expect((await signed(APP_B)).claims).toMatchObject({ dept: 'R&D', roles: ['extra'], email: 'x@y' });
  });

  it('shows it no role that the application no longer has', async () => {
    populate = (claims) => claims;
    await signed(APP_B, { registration: { ...registrationWith(user!, APP_B)!, roles: ['user', 'gone'] } });
    expect(shownRoles).toEqual(['user']);
  });

  it('puts reserved claims back, changed, removed or added (JWT-P93, security.md T09)', async () => {
    const { claims: before } = await signed(APP_A);
    const reserved = ['sub', 'iat', 'exp', 'tid', 'auth_time', 'iss', 'jti', 'sid', 'aud', 'applicationId'];
    populate = (claims) => ({
      ...Object.fromEntries(
        Object.entries(claims).map(([name, value]) => [name, reserved.includes(name) ? 'x' : value]),
      ),
      amr: ['mfa'],
      cnf: { jkt: 'x' },
      gty: ['x'],
      tty: 'x',
    });
    const changed = (await signed(APP_B)).claims;
    expect(changed).toMatchObject({
      sub: U1,
      aud: APP_B,
      applicationId: APP_B,
      sid: 'the-session',
      iat: now,
    });
    expect(Object.keys(changed).toSorted()).toEqual(Object.keys(before).toSorted());
    populate = () => ({ dept: 'x' });
    expect((await signed(APP_B)).claims).toMatchObject({
      dept: 'x',
      sub: U1,
      exp: now + 3600,
      iss: 'acme.com',
    });
  });

  it.each([
    ['shortened', 60, 60],
    ['shortened to whole seconds', 60.9, 60],
    ['not lengthened', 7200, 3600],
    ['not ended before it begins', 0, 3600],
    ['not turned back', -5, 3600],
  ])('lets the life be %s (JWT-P93)', async (_, wanted, given) => {
    populate = (claims) => ({ ...claims, exp: now + wanted });
    const { claims, expiresInstant } = await signed(APP_B);
    expect(claims['exp']).toBe(now + given);
    expect(expiresInstant).toBe((now + given) * 1000);
  });

  it('is not asked without a registration, nor while it is not enabled', async () => {
    populate = () => {
      throw new Error('asked');
    };
    await expect(signed(APP_B)).rejects.toThrow('asked');
    await expect(signed(APP_B, { registration: null })).resolves.toBeDefined();
    const enable = (enabled: boolean) =>
      configure(service, 'lambdas', lambda.id, (present) => ({ ...present, enabled }));
    await enable(false);
    await expect(signed(APP_B)).resolves.toBeDefined();
    await enable(true);
  });

  it('fails where the lambda does', async () => {
    populate = () => {
      throw new ServiceError(500, 'too long');
    };
    await expect(signed(APP_B)).rejects.toMatchObject({ status: 500 });
  });
});
