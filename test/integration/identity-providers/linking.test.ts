/** Whom a foreign identity becomes: unique id, domains, the linking strategies, and what a link changes. */
import { beforeEach, describe, expect, it } from 'vitest';
import { completePendingLink, createLink, readLink } from '../../../src/tokens/links.ts';
import { createRegistration } from '../../../src/tokens/objects/registrations.ts';
import { changeUser, deleteUser } from '../../../src/tokens/objects/users.ts';
import { addProvider, IDP1 } from '../../support/identity-provider.ts';
import { APP_A, APP_N, EVERYWHERE, TEN1, U1, U2 } from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';
import { decodePart } from '../../support/tokens.ts';

const bench = await testTokenService();
const { service, clock } = bench;
const idp = await addProvider(bench);
/** Nobody is linked: users of the fixtures are found by several identities, one after another. */
beforeEach(async () => {
  await idp.change({});
  await service.store.links.deleteOfProvider(IDP1, 1000);
});

let people = 0;
/** Claims of somebody nobody has seen. */
function somebody(claims: object = {}): { sub: string; email: string; preferred_username: string } {
  people += 1;
  const name = `somebody-${people}`;
  return { sub: `id-${people}`, email: `${name}@acme.com`, preferred_username: name, ...claims };
}

const failure = async (work: Promise<unknown>) => {
  const error: unknown = await work.then(
    () => 'no failure',
    (thrown: unknown) => thrown,
  );
  return error instanceof Error && 'status' in error && 'errors' in error
    ? { status: error.status, errors: error.errors }
    : error;
};
const refusal = (claims: object, input: object = {}) => failure(idp.reconcile(idp.token(claims), input));
const login = (claims: object, input: object = {}) => idp.login(idp.token(claims), input);
const linkOf = (identityProviderUserId: string) =>
  readLink(service, { identityProviderId: IDP1, identityProviderUserId }, { ...EVERYWHERE, tenantId: TEN1 });
const userBy = (email: string) => service.store.users.findByEmail(TEN1, email);

describe('the unique id', () => {
  it('JWT-S23: is required', async () => {
    expect(await refusal(somebody({ sub: undefined }))).toEqual({ status: 401, errors: null });
    for (const sub of ['', null, {}, [], true, 1.5, 'x'.repeat(256), 'a\0b', 'a\n'])
      expect(await refusal(somebody({ sub }))).toEqual({ status: 401, errors: null });
  });

  it('IDP-S32: is the claim that the provider says', async () => {
    await idp.change({ oauth2: { uniqueIdClaim: 'oid' } });
    const claims = somebody({ oid: 'object-7' });
    const { user } = await login(claims);
    expect((await linkOf('object-7')).userId).toBe(user.id);
    expect(await refusal(somebody())).toEqual({ status: 401, errors: null });
  });

  it('IDP-S32: may be a number', async () => {
    const { user } = await login(somebody({ sub: 4711 }));
    expect((await linkOf('4711')).userId).toBe(user.id);
  });
});

describe('a name that is longer than names are', () => {
  const longEmail = `${'x'.repeat(60)}@${['y', 'z', 'w'].map((letter) => letter.repeat(63)).join('.')}.acme.com`;

  it.each([
    ['LinkByEmail', 'email', longEmail],
    ['LinkByUsername', 'preferred_username', 'x'.repeat(256)],
  ])('is refused with %s, and the event log says why', async (linkingStrategy, claim, value) => {
    await idp.change({ linkingStrategy, debug: true, domains: [] });
    expect(await refusal(somebody({ [claim]: value }))).toEqual({ status: 401, errors: null });
    expect((await idp.eventLogs()).at(-1)?.message).toContain(`Claim ${claim} is longer than`);
  });
});

describe('managed domains', () => {
  it.each(['a@acme.com', 'A@ACME.COM', 'b@Acme.Com'])('IDP-S42: let %s in', async (email) => {
    expect((await login(somebody({ email }))).status).toBe(200);
  });

  it.each([
    'a@sub.acme.com',
    'a@notacme.com',
    'bob@other.com',
    'a@acme.com.evil.org',
    'acme.com',
    undefined,
    7,
  ])('JWT-S24, IDP-S42: keep %s out', async (email) => {
    expect(await refusal(somebody({ email }))).toEqual({ status: 401, errors: null });
  });

  it('JWT-S24, IDP-S43: none: any address', async () => {
    await idp.change({ domains: [] });
    expect((await login(somebody({ email: 'a@anything.org' }))).status).toBe(200);
  });

  it('IDP-S44: are stored in lower case', async () => {
    await idp.change({ domains: ['ACME.com'] });
    expect(service.catalog().identityProviders.get(IDP1)?.domains).toEqual(['acme.com']);
    expect((await login(somebody())).status).toBe(200);
  });

  it('IDP-S45: may be several', async () => {
    await idp.change({ domains: ['acme.com', 'acme.org'] });
    expect((await login(somebody())).status).toBe(200);
    expect((await login(somebody({ email: 'some.one@acme.org' }))).status).toBe(200);
  });

  it('keep out who has no address, whatever the strategy', async () => {
    await idp.change({ linkingStrategy: 'LinkByUsername' });
    expect(await refusal(somebody({ email: undefined }))).toEqual({ status: 401, errors: null });
  });

  it('hold for linked users too', async () => {
    const claims = somebody();
    await login(claims);
    expect(await refusal({ ...claims, email: 'x@elsewhere.org' })).toMatchObject({ status: 401 });
  });
});

describe('LinkByEmail', () => {
  it('IDP-S16: makes a user with the address, and a link', async () => {
    const claims = somebody();
    const { user, status } = await login(claims);
    expect(status).toBe(200);
    expect(user).toMatchObject({ email: claims.email, tenantId: TEN1, active: true });
    expect(user.username).toBeUndefined();
    expect(await linkOf(claims.sub)).toMatchObject({
      userId: user.id,
      identityProviderName: 'Acme Corp. ADFS',
      identityProviderType: 'ExternalJWT',
    });
  });

  it('IDP-S17: links the user who has the address, in any case', async () => {
    const { user } = await login(somebody({ email: 'U1@Acme.com' }));
    expect(user.id).toBe(U1);
  });

  it('refuses another identity at the address of a user who is linked: it may be somebody else’s by now', async () => {
    const claims = somebody();
    const { user } = await login(claims);
    const newcomer = { ...claims, sub: 'the-next-one-with-the-address' };
    expect(await refusal(newcomer)).toEqual({
      status: 400,
      errors: {
        generalErrors: [
          expect.objectContaining({ code: '[ExternalAuthenticationException]ExistingUserAlreadyLinked' }),
        ],
      },
    });
    await expect(linkOf(newcomer.sub)).rejects.toMatchObject({ status: 404 });
    expect((await login(claims)).user.id).toBe(user.id);
  });

  it('links another identity of a linked user where the limit of links leaves room', async () => {
    const claims = somebody();
    const { user } = await login(claims);
    const limit = { enabled: true, maximumLinks: 2 };
    await idp.change({ tenantConfiguration: { [TEN1]: { limitUserLinkCount: limit } } });
    expect((await login({ ...claims, sub: 'another-of-the-same' })).user.id).toBe(user.id);
    expect(await refusal({ ...claims, sub: 'a-third-one' })).toMatchObject({ status: 400 });
  });

  it('IDP-P21: asks the link first, and not the address', async () => {
    const claims = somebody();
    const { user } = await login(claims);
    const second = await login({ ...claims, email: 'u2@acme.com', email_verified: false });
    expect(second.user.id).toBe(user.id);
    expect(second.user.email).toBe(claims.email);
  });

  it('IDP-S33: takes the address from the claim that the provider says', async () => {
    await idp.change({ oauth2: { emailClaim: 'mail' } });
    const { user } = await login(somebody({ email: 'x@other.com', mail: 'by-mail@acme.com' }));
    expect(user.email).toBe('by-mail@acme.com');
    expect(await refusal(somebody({ mail: 'x@other.com' }))).toMatchObject({ status: 401 });
  });

  it('refuses a token without address', async () => {
    await idp.change({ domains: [] });
    expect(await refusal(somebody({ email: undefined }))).toEqual({ status: 401, errors: null });
  });

  it('marks the address as verified only where the token says so', async () => {
    expect((await login(somebody({ email_verified: true }))).user.verified).toBe(true);
    expect((await login(somebody({ email_verified: undefined }))).user.verified).toBe(false);
  });
});

describe('LinkByEmailForExistingUser', () => {
  beforeEach(() => idp.change({ linkingStrategy: 'LinkByEmailForExistingUser' }));

  it('IDP-S18, JWT-S26: finds nobody: 404 without a body, and nobody is made', async () => {
    const claims = somebody();
    expect(await refusal(claims)).toEqual({ status: 404, errors: null });
    expect(await userBy(claims.email)).toBeNull();
  });

  it('IDP-S18: links who is there', async () => {
    expect((await login(somebody({ email: 'u2@acme.com' }))).user.id).toBe(U2);
  });
});

describe('an address that is not verified', () => {
  it.each(['LinkByEmail', 'LinkByEmailForExistingUser'])(
    'IDP-S19: is refused by %s',
    async (linkingStrategy) => {
      await idp.change({ linkingStrategy });
      const claims = somebody({ email_verified: false });
      expect(await refusal(claims)).toMatchObject({
        status: 400,
        errors: { generalErrors: [{ code: '[ExternalAuthenticationException]UnverifiedEmail' }] },
      });
      expect(await userBy(claims.email)).toBeNull();
      await expect(linkOf(claims.sub)).rejects.toMatchObject({ status: 404 });
    },
  );

  it.each([
    [undefined, 200],
    [true, 200],
    ['true', 200],
    ['false', 400],
    [false, 400],
    ['no', 400],
    [0, 400],
    [null, 400],
  ])('IDP-P20: email_verified %j is %i', async (value, status) => {
    const claims = somebody({ email_verified: value });
    const result = status === 200 ? await login(claims) : await refusal(claims);
    expect(result).toMatchObject({ status });
  });

  it('IDP-S34: is what the claim of the provider says', async () => {
    await idp.change({ oauth2: { emailVerifiedClaim: 'ev' } });
    expect(await refusal(somebody({ ev: false }))).toMatchObject({ status: 400 });
    expect(await login(somebody({ email_verified: false }))).toMatchObject({ status: 200 });
  });

  it('matters to no other strategy', async () => {
    await idp.change({ linkingStrategy: 'LinkByUsername' });
    expect(await login(somebody({ email_verified: false }))).toMatchObject({ status: 200 });
  });
});

describe('LinkByUsername', () => {
  it('IDP-P22: makes a user with the name, or finds who has it', async () => {
    await idp.change({ linkingStrategy: 'LinkByUsername' });
    const claims = somebody();
    const made = await login(claims);
    expect(made.user.username).toBe(claims.preferred_username);
    expect(made.user.email).toBeUndefined();
    expect(await refusal({ ...claims, sub: 'another-id' })).toMatchObject({ status: 400 });
    expect((await login(somebody({ preferred_username: 'U1-acme.com' }))).user.id).toBe(U1);
  });

  it('IDP-P22: refuses a token without the name', async () => {
    await idp.change({ linkingStrategy: 'LinkByUsername' });
    for (const preferred_username of [undefined, '', 7, 'a\0b', '\u212Aevin', 'e\u0301va'])
      expect(await refusal(somebody({ preferred_username }))).toEqual({ status: 401, errors: null });
  });

  it('IDP-P22: …ForExistingUser finds nobody: 404', async () => {
    await idp.change({ linkingStrategy: 'LinkByUsernameForExistingUser' });
    expect(await refusal(somebody())).toEqual({ status: 404, errors: null });
    expect((await login(somebody({ preferred_username: 'u2-acme.com' }))).user.id).toBe(U2);
  });

  it('IDP-S35: takes the name from the claim that the provider says', async () => {
    await idp.change({ linkingStrategy: 'LinkByUsername', oauth2: { usernameClaim: 'uid' } });
    expect((await login(somebody({ uid: 'by-uid' }))).user.username).toBe('by-uid');
  });
});

describe('LinkAnonymously', () => {
  it('IDP-P23: makes a user with neither address nor name, and finds it again', async () => {
    await idp.change({ linkingStrategy: 'LinkAnonymously' });
    const claims = somebody();
    const { user } = await login(claims);
    expect([user.email, user.username]).toEqual([undefined, undefined]);
    expect((await linkOf(claims.sub)).displayName).toBeNull();
    expect((await login(claims)).user.id).toBe(user.id);
  });
});

describe('Disabled', () => {
  it('IDP-P25: links nobody, and takes links that the Link API made', async () => {
    await idp.change({ linkingStrategy: 'Disabled' });
    const claims = somebody();
    expect(await refusal(claims)).toEqual({ status: 404, errors: null });
    const link = { identityProviderId: IDP1, identityProviderUserId: claims.sub, userId: U1 };
    await createLink(service, link, EVERYWHERE);
    expect((await login(claims)).user.id).toBe(U1);
  });
});

describe('CreatePendingLink', () => {
  const pend = async (claims: object) => {
    const result = await idp.reconcile(idp.token(claims));
    if (result.status !== 232) throw new Error('no pending link');
    return result.pendingIdPLinkId;
  };
  beforeEach(() => idp.change({ linkingStrategy: 'CreatePendingLink' }));

  it('IDP-P24: waits until somebody is linked', async () => {
    const claims = somebody();
    const pendingIdPLinkId = await pend(claims);
    expect(pendingIdPLinkId).toMatch(/^[\w-]{43}$/);
    const link = await completePendingLink(service, { pendingIdPLinkId, userId: U2 }, EVERYWHERE);
    expect(link).toMatchObject({ userId: U2, identityProviderUserId: claims.sub });
    expect((await login(claims)).user.id).toBe(U2);
  });

  it('IDP-P24: is good once', async () => {
    const pendingIdPLinkId = await pend(somebody());
    const completions = [U1, U2, U1].map((userId) =>
      failure(completePendingLink(service, { pendingIdPLinkId, userId }, EVERYWHERE)),
    );
    const results = await Promise.all(completions);
    expect(results.filter((result) => result === 'no failure')).toHaveLength(1);
    expect(results.filter((result) => result !== 'no failure')).toEqual(
      Array.from({ length: 2 }, () => ({
        status: 400,
        errors: { generalErrors: [expect.objectContaining({ code: '[InvalidPendingIdPLinkId]' })] },
      })),
    );
  });

  it('IDP-P24: dies after an hour', async () => {
    const pendingIdPLinkId = await pend(somebody());
    clock.advanceMs(3600 * 1000);
    expect(
      await failure(completePendingLink(service, { pendingIdPLinkId, userId: U1 }, EVERYWHERE)),
    ).toMatchObject({ status: 400 });
  });

  it('IDP-P24: keeps waiting where the user is not there', async () => {
    const pendingIdPLinkId = await pend(somebody());
    const nobody = { pendingIdPLinkId, userId: APP_A };
    expect(await failure(completePendingLink(service, nobody, EVERYWHERE))).toMatchObject({ status: 404 });
    await completePendingLink(service, { pendingIdPLinkId, userId: U1 }, EVERYWHERE);
  });
});

describe('uniqueIdentityClaim', () => {
  it('IDP-S41: finds users by its address each time, as before links', async () => {
    await idp.change({ uniqueIdentityClaim: 'mail', linkingStrategy: 'LinkByEmail' });
    const claims = somebody({ sub: undefined, mail: 'older@acme.com' });
    const { user } = await login(claims);
    expect(user.email).toBe('older@acme.com');
    expect((await login(claims)).user.id).toBe(user.id);
    expect((await login({ ...claims, mail: 'u1@acme.com' })).user.id).toBe(U1);
    expect(service.catalog().identityProviders.get(IDP1)?.uniqueIdentityClaim).toBe('mail');
  });

  it('IDP-S41: still refuses an address that is not verified', async () => {
    await idp.change({ uniqueIdentityClaim: 'email' });
    expect(await refusal(somebody({ email: 'u1@acme.com', email_verified: false }))).toMatchObject({
      status: 400,
    });
  });

  it('IDP-S41: is required where it is set', async () => {
    await idp.change({ uniqueIdentityClaim: 'mail' });
    expect(await refusal(somebody())).toEqual({ status: 401, errors: null });
  });
});

describe('noLink', () => {
  it('IDP-P08: without a link: 404, and nothing is made', async () => {
    const claims = somebody();
    expect(await refusal(claims, { noLink: true })).toEqual({ status: 404, errors: null });
    expect(await userBy(claims.email)).toBeNull();
  });

  it('IDP-P08: does not link who could be found either', async () => {
    const claims = somebody({ email: 'u2@acme.com' });
    expect(await refusal(claims, { noLink: true })).toEqual({ status: 404, errors: null });
    await expect(linkOf(claims.sub)).rejects.toMatchObject({ status: 404 });
  });

  it('IDP-P08: makes nobody where users are found by address alone', async () => {
    await idp.change({ uniqueIdentityClaim: 'email' });
    const claims = somebody();
    expect(await refusal(claims, { noLink: true })).toEqual({ status: 404, errors: null });
    expect(await userBy(claims.email)).toBeNull();
    expect((await login(somebody({ email: 'u2@acme.com' }), { noLink: true })).user.id).toBe(U2);
  });

  it('IDP-P08: with a link: as ever', async () => {
    const claims = somebody();
    await login(claims);
    expect((await login(claims, { noLink: true })).status).toBe(200);
  });
});

describe('the user', () => {
  it('JWT-S34: is refused while deactivated: 404', async () => {
    const claims = somebody();
    const { user } = await login(claims);
    await changeUser(service, user.id, EVERYWHERE, ({ registrations: _, ...present }) => ({
      ...present,
      password: undefined,
      active: false,
    }));
    expect(await refusal(claims)).toEqual({ status: 404, errors: null });
  });

  it('JWT-S34: is refused after the end of the account: 410', async () => {
    const claims = somebody();
    const { user } = await login(claims);
    await changeUser(service, user.id, EVERYWHERE, ({ registrations: _, ...present }) => ({
      ...present,
      password: undefined,
      expiry: clock() - 1,
    }));
    expect(await refusal(claims)).toEqual({ status: 410, errors: null });
  });

  it('is made anew where it was deleted', async () => {
    const claims = somebody();
    const { user } = await login(claims);
    await deleteUser(service, user.id, EVERYWHERE);
    expect((await login(claims)).user.id).not.toBe(user.id);
  });
});

describe('the registration', () => {
  it('JWT-S27, IDP-S30: is made with the default roles, and stands in the token', async () => {
    const { user, tokens } = await login(somebody());
    expect(user.registrations).toMatchObject([{ applicationId: APP_A, roles: ['user'] }]);
    expect(decodePart(tokens?.token ?? '', 1)).toMatchObject({
      applicationId: APP_A,
      roles: ['user'],
      sub: user.id,
      tid: TEN1,
      iss: 'acme.com',
      authenticationType: 'FEDERATED_JWT',
      sid: tokens?.refreshToken?.id,
    });
  });

  it('keeps the roles that it has', async () => {
    const { user } = await login(somebody({ email: 'u1@acme.com' }));
    expect(user.registrations.find(({ applicationId }) => applicationId === APP_A)?.roles).toEqual(['admin']);
  });

  it('IDP-S31, JWT-S30: is not made where the provider makes none: 202, a token without roles, no refresh token', async () => {
    await idp.change({ applicationConfiguration: { [APP_A]: { enabled: true, createRegistration: false } } });
    const claims = somebody();
    const { user, status, tokens } = await login(claims);
    expect([status, user.registrations, tokens?.refreshToken]).toEqual([202, [], null]);
    const token = decodePart(tokens?.token ?? '', 1);
    expect(token).not.toHaveProperty('applicationId');
    expect(token).not.toHaveProperty('roles');
    await createRegistration(service, user.id, { applicationId: APP_A, data: {} }, EVERYWHERE);
    expect((await login(claims)).status).toBe(200);
  });

  it('JWT-S30: gives no refresh token where the application gives none', async () => {
    const { tokens } = await login(somebody(), { applicationId: APP_N });
    expect(tokens?.refreshToken).toBeNull();
  });

  it('JWT-S32: comes without tokens where none are wanted', async () => {
    const { tokens, user } = await login(somebody(), { noJWT: true });
    expect(tokens).toBeNull();
    expect(await service.store.refreshTokens.list({ userId: user.id }, 10)).toEqual([]);
  });
});

describe('a login', () => {
  it('IDP-P54, JWT-S28: leaves a record, its instants, and the address of the body before that of the call', async () => {
    const claims = somebody();
    const { user } = await login(claims);
    clock.advanceMs(60_000);
    const scope = { tenantId: null, ipAddress: '192.0.2.1' };
    await idp.reconcile(idp.token(claims), { ipAddress: '198.51.100.7' }, scope);
    await idp.reconcile(idp.token(claims), {}, scope);
    const records = await service.store.loginRecords.list(user.id, 10);
    expect(records.map(({ ipAddress }) => ipAddress).toSorted()).toEqual(
      ['192.0.2.1', '198.51.100.7', null].toSorted(),
    );
    expect(records[0]).toMatchObject({ applicationId: APP_A, tenantId: TEN1, instant: clock() });
    const after = await service.store.users.get(user.id);
    expect(after?.lastLoginInstant).toBe(clock());
    expect(after?.registrations[0]?.lastLoginInstant).toBe(clock());
    expect((await linkOf(claims.sub)).lastLoginInstant).toBe(clock());
    expect(after?.lastUpdateInstant).toBe(user.lastUpdateInstant);
  });

  it('JWT-S29: keeps the device with the refresh token', async () => {
    const device = { name: 'kitchen', description: 'Samsung', type: 'FRIDGE' };
    const { tokens } = await login(somebody(), { metaData: { device }, ipAddress: '198.51.100.8' });
    const record = await service.store.refreshTokens.get(tokens?.refreshToken?.id ?? '');
    expect(record?.metaData.device).toMatchObject({ ...device, lastAccessedAddress: '198.51.100.8' });
  });
});

describe('limitUserLinkCount', () => {
  it('IDP-P27: bounds the links of a user, by tenant, on both ways to make one', async () => {
    const limitUserLinkCount = { enabled: true, maximumLinks: 1 };
    await idp.change({ tenantConfiguration: { [TEN1]: { limitUserLinkCount } } });
    const claims = somebody();
    const { user } = await login(claims);
    const exceeded = {
      status: 400,
      errors: { generalErrors: [expect.objectContaining({ code: '[LinkCountExceeded]' })] },
    };
    expect(await refusal({ ...claims, sub: 'second-id' })).toEqual(exceeded);
    const link = { identityProviderId: IDP1, identityProviderUserId: 'third-id', userId: user.id };
    expect(await failure(createLink(service, link, EVERYWHERE))).toEqual(exceeded);
    expect((await login(claims)).status).toBe(200);
  });
});
