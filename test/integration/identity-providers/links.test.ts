/** Links made, read and taken away by the API; what lookup tells; what a provider may name. */
import { beforeEach, describe, expect, it } from 'vitest';
import { checkIdentityProvider } from '../../../src/identity-providers/check-provider.ts';
import { identityProviderSchema } from '../../../src/objects/identity-provider.ts';
import { lambdaSchema } from '../../../src/objects/lambda.ts';
import { ServiceError } from '../../../src/tokens/failure.ts';
import {
  completePendingLink,
  createLink,
  deleteLink,
  listLinks,
  pendLink,
  readLink,
  readPendingLink,
} from '../../../src/tokens/links.ts';
import { lookUpProvider } from '../../../src/tokens/lookup.ts';
import {
  createIdentityProvider,
  deleteIdentityProvider,
} from '../../../src/tokens/objects/identity-providers.ts';
import { createLambda } from '../../../src/tokens/objects/lambdas.ts';
import { acme, addProvider, IDP1, providerOf, publicPem } from '../../support/identity-provider.ts';
import {
  APP_A,
  APP_B,
  APP_N,
  APP_T2,
  EVERYWHERE,
  K_RS,
  TEN1,
  TEN2,
  U1,
  U1_T2,
  U2,
} from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';
import { testKey } from '../../support/tokens.ts';

const NOBODY = '00000000-0000-4000-8000-000000000999';
const IN_TEN1 = { ...EVERYWHERE, tenantId: TEN1 };
const IN_TEN2 = { ...EVERYWHERE, tenantId: TEN2 };

const bench = await testTokenService();
const { service, clock } = bench;
const idp = await addProvider(bench);
beforeEach(() => idp.change({}));

const failure = async (work: Promise<unknown>) => {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  return error instanceof ServiceError ? [error.status, fieldsOf(error)] : error;
};
const fieldsOf = ({ errors }: ServiceError) =>
  errors === null
    ? null
    : (errors.generalErrors?.map(({ code }) => code) ?? Object.keys(errors.fieldErrors ?? {}));
const refusalOf = (work: () => unknown) => failure(Promise.resolve().then(work));

let ids = 0;
const identity = () => {
  ids += 1;
  return { identityProviderId: IDP1, identityProviderUserId: `external-${ids}` };
};

describe('the Link API', () => {
  it('IDP-P26: makes, reads, lists and takes away a link', async () => {
    const name = identity();
    const made = await createLink(service, { ...name, userId: U1, displayName: 'Bob' }, EVERYWHERE);
    expect(made).toEqual({
      ...name,
      userId: U1,
      tenantId: TEN1,
      displayName: 'Bob',
      identityProviderName: 'Acme Corp. ADFS',
      identityProviderType: 'ExternalJWT',
      insertInstant: clock(),
      lastLoginInstant: null,
    });
    expect(await readLink(service, { ...name, userId: U1 }, EVERYWHERE)).toEqual(made);
    expect(await readLink(service, name, IN_TEN1)).toEqual(made);
    expect(await listLinks(service, { userId: U1 }, EVERYWHERE)).toContainEqual(made);
    expect(await listLinks(service, { userId: U1, identityProviderId: IDP1 }, EVERYWHERE)).toContainEqual(
      made,
    );
    expect(await listLinks(service, { userId: U1, identityProviderId: NOBODY }, EVERYWHERE)).toEqual([]);
    expect(await deleteLink(service, { ...name, userId: U1 }, EVERYWHERE)).toEqual(made);
    expect(await failure(readLink(service, name, IN_TEN1))).toEqual([404, null]);
    expect(await failure(deleteLink(service, { ...name, userId: U1 }, EVERYWHERE))).toEqual([404, null]);
  });

  it('IDP-P26: knows no unknown user, provider or identity', async () => {
    const name = identity();
    expect(await failure(createLink(service, { ...name, userId: NOBODY }, EVERYWHERE))).toEqual([404, null]);
    const unknown = { ...name, identityProviderId: NOBODY };
    expect(await failure(createLink(service, { ...unknown, userId: U1 }, EVERYWHERE))).toEqual([404, null]);
    expect(await failure(readLink(service, { ...name, userId: U1 }, EVERYWHERE))).toEqual([404, null]);
    expect(await failure(listLinks(service, { userId: NOBODY }, EVERYWHERE))).toEqual([404, null]);
  });

  it('IDP-P26: links an identity once', async () => {
    const name = identity();
    await createLink(service, { ...name, userId: U1 }, EVERYWHERE);
    const again = [400, ['identityProviderLink.identityProviderUserId']];
    expect(await failure(createLink(service, { ...name, userId: U2 }, EVERYWHERE))).toEqual(again);
    expect(await failure(readLink(service, { ...name, userId: U2 }, EVERYWHERE))).toEqual([404, null]);
    expect(await failure(deleteLink(service, { ...name, userId: U2 }, EVERYWHERE))).toEqual([404, null]);
  });

  it('IDP-P26: keeps tenants apart', async () => {
    const name = identity();
    expect(await failure(createLink(service, { ...name, userId: U1 }, IN_TEN2))).toEqual([404, null]);
    await createLink(service, { ...name, userId: U1 }, IN_TEN1);
    await createLink(service, { ...name, userId: U1_T2 }, IN_TEN2);
    expect((await readLink(service, name, IN_TEN1)).userId).toBe(U1);
    expect((await readLink(service, name, IN_TEN2)).userId).toBe(U1_T2);
    expect(await failure(readLink(service, name, EVERYWHERE))).toEqual([400, ['[TenantIdRequired]']]);
    expect(await failure(listLinks(service, { userId: U1 }, IN_TEN2))).toEqual([404, null]);
  });

  it('does not link users of another tenant than the provider’s', async () => {
    await idp.change({ tenantId: TEN1 });
    expect(await failure(createLink(service, { ...identity(), userId: U1_T2 }, EVERYWHERE))).toEqual([
      404,
      null,
    ]);
  });

  it('IDP-P24: shows a pending link to who holds its id, within the tenant', async () => {
    const { identityProviderUserId } = identity();
    const pending = {
      identityProviderId: IDP1,
      identityProviderUserId,
      tenantId: TEN1,
      displayName: 'bob',
      email: 'bob@acme.com',
      username: 'bob',
    };
    const id = await pendLink(service, pending);
    const found = await readPendingLink(service, id, EVERYWHERE);
    expect(found).toMatchObject(pending);
    expect(JSON.stringify(found)).not.toContain(id);
    const foreign = completePendingLink(service, { pendingIdPLinkId: id, userId: U1_T2 }, EVERYWHERE);
    expect(await failure(foreign)).toEqual([404, null]);
    const invalid = [400, ['[InvalidPendingIdPLinkId]']];
    expect(await failure(readPendingLink(service, id, IN_TEN2))).toEqual(invalid);
    expect(await failure(readPendingLink(service, `${id}x`, EVERYWHERE))).toEqual(invalid);
  });
});

describe('lookUpProvider()', () => {
  it('IDP-S51, IDP-S52: finds a provider by domain or address, and shows nothing that is nobody’s business', async () => {
    await idp.change({
      oauth2: {
        authorization_endpoint: 'https://acme.com/authorize',
        token_endpoint: 'https://acme.com/token',
        uniqueIdClaim: 'oid',
      },
      applicationConfiguration: { [APP_A]: { enabled: true }, [APP_N]: { enabled: false } },
    });
    const shown = {
      applicationIds: [APP_A],
      id: IDP1,
      name: 'Acme Corp. ADFS',
      type: 'ExternalJWT',
      oauth2: {
        authorization_endpoint: 'https://acme.com/authorize',
        token_endpoint: 'https://acme.com/token',
      },
    };
    for (const domain of ['acme.com', 'ACME.com', 'jenny@acme.com', 'Jenny@x@ACME.COM'])
      expect(lookUpProvider(service, { domain })).toEqual(shown);
  });

  it.each(['acme.org', 'sub.acme.com', 'acme.com@other.org', 'constructor'])(
    'IDP-S51: finds none for %s',
    async (domain) => {
      expect(await refusalOf(() => lookUpProvider(service, { domain }))).toEqual([404, null]);
    },
  );

  it('IDP-S51: wants a domain', async () => {
    for (const domain of ['', undefined])
      expect(await refusalOf(() => lookUpProvider(service, { domain }))).toEqual([400, ['domain']]);
  });

  it('finds no disabled provider', async () => {
    await idp.change({ enabled: false });
    expect(await refusalOf(() => lookUpProvider(service, { domain: 'acme.com' }))).toEqual([404, null]);
  });

  it('prefers the provider of the tenant, then the one of all', async () => {
    const body = identityProviderSchema.parse({
      name: 'Acme in TEN2',
      enabled: true,
      tenantId: TEN2,
      domains: ['acme.com', 'only.test'],
    });
    const own = await createIdentityProvider(service, undefined, body, checkIdentityProvider);
    expect(lookUpProvider(service, { domain: 'acme.com' }).id).toBe(IDP1);
    expect(lookUpProvider(service, { domain: 'acme.com', tenantId: TEN1 }).id).toBe(IDP1);
    expect(lookUpProvider(service, { domain: 'acme.com', tenantId: TEN2 })).toMatchObject({
      id: own.id,
      tenantId: TEN2,
    });
    expect(lookUpProvider(service, { domain: 'only.test' }).id).toBe(own.id);
    expect(await refusalOf(() => lookUpProvider(service, { domain: 'only.test', tenantId: TEN1 }))).toEqual([
      404,
      null,
    ]);
    await deleteIdentityProvider(service, own.id, EVERYWHERE);
  });
});

describe('lookups and reconciles in turn', () => {
  it('IDP-P53: do not disturb each other, a thousand times', async () => {
    const claims = { sub: 'turns', email: 'turns@acme.com' };
    for (let turn = 0; turn < 500; turn += 1) {
      expect(lookUpProvider(service, { domain: 'jenny@acme.com' }).id).toBe(IDP1);
      expect((await idp.login(idp.token(claims))).status).toBe(200);
    }
  });
});

describe('checkIdentityProvider()', () => {
  const check = (members: object) =>
    refusalOf(() => checkIdentityProvider(service.catalog(), providerOf({ ...members })));

  it('takes a provider that is in order', async () => {
    expect(await check({ keys: { '': publicPem(acme), a: publicPem(testKey('RS256')) } })).toBeUndefined();
    expect(await check({ tenantId: TEN1, tenantConfiguration: { [TEN2]: {} } })).toBeUndefined();
  });

  it('IDP-P15: wants a lambda of its own type', async () => {
    const body = lambdaSchema.parse({ name: 'p', type: 'JWTPopulate', body: 'function populate() {}' });
    const { id } = await createLambda(service, undefined, body);
    const field = 'identityProvider.lambdaConfiguration.reconcileId';
    expect(await check({ lambdaConfiguration: { reconcileId: id } })).toEqual([400, [field]]);
    expect(await check({ lambdaConfiguration: { reconcileId: NOBODY } })).toEqual([400, [field]]);
  });

  it.each([
    [{ verificationKeyIds: [K_RS, NOBODY] }, 'verificationKeyIds'],
    [{ defaultKeyId: NOBODY }, 'defaultKeyId'],
    [{ applicationConfiguration: { [NOBODY]: {} } }, 'applicationConfiguration'],
    [{ tenantId: TEN1, applicationConfiguration: { [APP_T2]: {} } }, 'applicationConfiguration'],
    [{ tenantId: NOBODY, applicationConfiguration: {} }, 'tenantId'],
    [{ tenantConfiguration: { [NOBODY]: {} } }, 'tenantConfiguration'],
    [{ keys: { a: 'no key' } }, 'keys'],
    [{ keys: { a: acme.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() } }, 'keys'],
  ])('refuses what is not there or does not fit: %j', async (members, field) => {
    expect(await check(members)).toEqual([400, [`identityProvider.${field}`]]);
  });

  it('IDP-S03, IDP-S44: has its name and its domains alone', async () => {
    const create = (members: object) => {
      const body = identityProviderSchema.parse({ name: 'Another', ...members });
      return failure(createIdentityProvider(service, undefined, body, checkIdentityProvider));
    };
    expect(await create({ name: 'Acme Corp. ADFS' })).toEqual([400, ['identityProvider.name']]);
    expect(await create({ domains: ['ACME.com'] })).toEqual([400, ['identityProvider.domains']]);
  });

  it.each([{ claimMap: { x: 'shoeSize' } }, { claimMap: { '': 'firstName' } }, { claimMap: { x: '' } }])(
    'IDP-S49: maps claims with names to targets that there are: %j',
    (members) => {
      expect(identityProviderSchema.safeParse({ name: 'x', ...members }).success).toBe(false);
    },
  );

  it('IDP-S05: has the defaults of FusionAuth', () => {
    expect(identityProviderSchema.parse({ name: 'x' })).toMatchObject({
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
    const { applicationConfiguration } = providerOf({ applicationConfiguration: { [APP_B]: {} } });
    expect(applicationConfiguration[APP_B]).toEqual({ enabled: false, createRegistration: true });
  });
});
