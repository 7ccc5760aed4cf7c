/** What is deleted takes along what hangs on it; nothing of it works any more, nor when another object gets its id. */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkIdentityProvider } from '../../../src/identity-providers/check-provider.ts';
import { applicationSchema } from '../../../src/objects/application.ts';
import { identityProviderSchema } from '../../../src/objects/identity-provider.ts';
import { lambdaSchema } from '../../../src/objects/lambda.ts';
import { tenantSchema } from '../../../src/objects/tenant.ts';
import { webhookSchema } from '../../../src/objects/webhook.ts';
import { authenticate } from '../../../src/tokens/authenticate.ts';
import { keepHouse } from '../../../src/tokens/housekeeping.ts';
import { completePendingLink, createLink, pendLink } from '../../../src/tokens/links.ts';
import { login } from '../../../src/tokens/login.ts';
import { createApplication, deleteApplication } from '../../../src/tokens/objects/applications.ts';
import {
  createIdentityProvider,
  deleteIdentityProvider,
  replaceIdentityProvider,
} from '../../../src/tokens/objects/identity-providers.ts';
import { deleteKey, importKey } from '../../../src/tokens/objects/keys.ts';
import { createLambda, deleteLambda } from '../../../src/tokens/objects/lambdas.ts';
import { deleteTenant } from '../../../src/tokens/objects/remove-tenant.ts';
import { createTenant } from '../../../src/tokens/objects/tenants.ts';
import { deleteUser, findUser } from '../../../src/tokens/objects/users.ts';
import { createWebhook } from '../../../src/tokens/objects/webhooks.ts';
import { refresh } from '../../../src/tokens/refresh.ts';
import { seedCatalog } from '../../../src/tokens/seed.ts';
import type { TokenService } from '../../../src/tokens/service.ts';
import type { Store } from '../../../src/tokens/store.ts';
import { validate } from '../../../src/tokens/validate.ts';
import { eachStore } from '../../support/store.ts';
import { aRefreshToken, aRegistration, aUser } from '../../support/stored-objects.ts';
import {
  APP_A,
  APP_B,
  APP_T2,
  addFixtures,
  addUser,
  configure,
  EVERYWHERE,
  K_RS,
  K_T2,
  KEY_T2,
  loginTo,
  TEN1,
  TEN2,
  U1,
  U1_T2,
  U2,
  USER_PASSWORD,
} from '../../support/token-fixtures.ts';
import { joinTestTokenService } from '../../support/token-service.ts';
import { testKey } from '../../support/tokens.ts';

const MINUTE_MS = 60_000;
const OWN_IDP = '00000000-0000-4000-8000-000000000601';
const SHARED_IDP = '00000000-0000-4000-8000-000000000602';
const HOOK = '00000000-0000-4000-8000-000000000701';

const tenantBody = tenantSchema.parse({ name: 'Second again', issuer: 'ten2.test' });
const providerBody = (members: object) => identityProviderSchema.parse({ name: randomUUID(), ...members });
const pem = () => testKey('ES256').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

/** A store that ends after the transaction that deletes an object, and so many batches of what hangs on it. */
function breakingAfter(batches: number, store: Store): Store {
  let left = batches + 1;
  const transaction: Store['transaction'] = async (work) => {
    if (left-- <= 0) throw new Error('the process ends here');
    return await store.transaction(work);
  };
  return { ...store, transaction };
}

describe('what is deleted', () => {
  eachStore((_, open) => {
    let service: TokenService;
    let clock: Awaited<ReturnType<typeof joinTestTokenService>>['clock'];
    /** Each test has a catalog of its own: one database serves them all. */
    const emptied = async () => {
      const { store } = service;
      for (const { kind, id } of await store.removals.list()) await store.removals.delete(kind, id);
      for (const user of [U1, U2, U1_T2]) await store.users.delete(user);
      const { revision: _revision, ...kinds } = service.catalog();
      for (const [kind, objects] of Object.entries(kinds))
        for (const id of objects.keys()) await store.catalog.delete(kind as keyof typeof kinds, id);
      await service.refreshCatalog();
    };
    beforeAll(async () => {
      ({ service, clock } = await joinTestTokenService({ database: { open } }));
    });
    const fixtures = async () => {
      await emptied();
      await addFixtures(service);
    };
    const addProvider = (id: string, members: object) =>
      createIdentityProvider(service, id, providerBody(members), checkIdentityProvider);
    const link = (userId: string, identityProviderId: string) =>
      createLink(service, { userId, identityProviderId, identityProviderUserId: 'uid' }, EVERYWHERE);
    const addUsers = async (count: number) => {
      const users = Array.from({ length: count }, () => aUser({ tenantId: TEN2 }));
      await service.store.transaction(async (records) => {
        for (const user of users) await records.users.insert(user);
      });
      return users.map(({ id }) => id);
    };
    const refused = (work: Promise<unknown>, status: number) =>
      expect(work).rejects.toMatchObject({ status });
    /** As a process knows it that has not heard of the latest changes. */
    const late = (): TokenService => {
      const stale = service.catalog();
      return { ...service, catalog: () => stale };
    };

    describe('a tenant', () => {
      it('goes with its users, their registrations, links and sessions (issue 4 §2)', async () => {
        await fixtures();
        await addProvider(OWN_IDP, { tenantId: TEN2 });
        await link(U1_T2, OWN_IDP);
        const { token, refreshToken } = await loginTo(service, APP_T2);
        const other = await loginTo(service, APP_A);
        await deleteTenant(service, TEN2, EVERYWHERE);
        const { store } = service;
        expect(await store.users.get(U1_T2)).toBeNull();
        expect(await store.users.hasAnyOf(TEN2)).toBe(false);
        expect(await store.refreshTokens.list({ tenantId: TEN2 }, 10)).toEqual([]);
        expect(await store.links.list(U1_T2)).toEqual([]);
        expect(await store.loginRecords.list(U1_T2, 10)).toEqual([]);
        expect(service.revocations.isRevoked(refreshToken.id)).toBe(true);
        await refused(validate(service, token, EVERYWHERE), 401);
        await refused(refresh(service, { refreshToken: refreshToken.value }, EVERYWHERE), 400);
        await expect(validate(service, other.token, EVERYWHERE)).resolves.toBeDefined();
        await expect(
          refresh(service, { refreshToken: other.refreshToken.value }, EVERYWHERE),
        ).resolves.toBeDefined();
      });

      it('goes with its applications, identity providers and API keys', async () => {
        await fixtures();
        await addProvider(OWN_IDP, { tenantId: TEN2 });
        await deleteTenant(service, TEN2, EVERYWHERE);
        const { tenants, applications, identityProviders, apiKeys } = service.catalog();
        expect([tenants.has(TEN2), applications.has(APP_T2), identityProviders.has(OWN_IDP)]).toEqual([
          false,
          false,
          false,
        ]);
        expect([...apiKeys.values()].filter(({ tenantId }) => tenantId === TEN2)).toEqual([]);
        expect(applications.has(APP_A)).toBe(true);
      });

      it('is named by no other object any more', async () => {
        await fixtures();
        await addProvider(SHARED_IDP, {
          applicationConfiguration: { [APP_A]: { enabled: true }, [APP_T2]: { enabled: true } },
          tenantConfiguration: { [TEN2]: {}, [TEN1]: {} },
          domains: ['kept.test'],
        });
        const hook = webhookSchema.parse({ url: 'https://h.test/', global: false, tenantIds: [TEN1, TEN2] });
        await createWebhook(service, HOOK, hook);
        expect(service.catalog().keys.get(K_T2)?.signedFor).toEqual([TEN2]);
        await deleteTenant(service, TEN2, EVERYWHERE);
        const { identityProviders, webhooks, keys } = service.catalog();
        const provider = identityProviders.get(SHARED_IDP) ?? expect.unreachable();
        expect(Object.keys(provider.applicationConfiguration)).toEqual([APP_A]);
        expect(Object.keys(provider.tenantConfiguration)).toEqual([TEN1]);
        expect(webhooks.get(HOOK)?.tenantIds).toEqual([TEN1]);
        expect(keys.get(K_T2)?.signedFor).toEqual([]);
        await expect(
          replaceIdentityProvider(service, SHARED_IDP, provider, EVERYWHERE, checkIdentityProvider),
        ).resolves.toBeDefined();
        await refused(createWebhook(service, undefined, hook), 400);
      });

      it('leaves nobody to another tenant of its id', async () => {
        await fixtures();
        const { refreshToken } = await loginTo(service, APP_T2);
        await deleteTenant(service, TEN2, EVERYWHERE);
        await createTenant(service, TEN2, tenantBody);
        expect(await service.store.users.hasAnyOf(TEN2)).toBe(false);
        expect(service.revocations.isRevoked(refreshToken.id)).toBe(true);
      });

      it('goes in batches, and what a process that ended has left goes with the next round', async () => {
        await fixtures();
        await addUsers(450);
        const broken = { ...service, store: breakingAfter(1, service.store) };
        await expect(deleteTenant(broken, TEN2, EVERYWHERE)).rejects.toThrow('the process ends here');
        await service.refreshCatalog();
        expect(service.catalog().tenants.has(TEN2)).toBe(false);
        expect(await service.store.users.hasAnyOf(TEN2)).toBe(true);
        await keepHouse(service);
        expect(await service.store.users.hasAnyOf(TEN2)).toBe(false);
      });

      it('takes what is left of another of its id along first', async () => {
        await fixtures();
        const [one = ''] = await addUsers(250);
        const broken = { ...service, store: breakingAfter(0, service.store) };
        await expect(deleteTenant(broken, TEN2, EVERYWHERE)).rejects.toThrow();
        await service.refreshCatalog();
        expect(await service.store.users.get(one)).not.toBeNull();
        await createTenant(service, TEN2, tenantBody);
        expect(await service.store.users.hasAnyOf(TEN2)).toBe(false);
        await addUsers(1);
        clock.advanceMs(2 * MINUTE_MS);
        await keepHouse(service);
        expect(await service.store.users.hasAnyOf(TEN2)).toBe(true);
      });

      it('takes along who was made by a call that was under way', async () => {
        await fixtures();
        await deleteTenant(service, TEN2, EVERYWHERE);
        await addUsers(1);
        clock.advanceMs(MINUTE_MS + 1);
        await keepHouse(service);
        expect(await service.store.users.hasAnyOf(TEN2)).toBe(false);
        expect(await service.store.removals.list()).toEqual([]);
      });

      it('that is not there is 404, unless users are left of it', async () => {
        await fixtures();
        const gone = randomUUID();
        await refused(deleteTenant(service, gone, EVERYWHERE), 404);
        await service.store.users.insert(aUser({ tenantId: gone }));
        await refused(deleteTenant(service, gone, { tenantId: TEN1, ipAddress: null }), 404);
        await deleteTenant(service, gone, EVERYWHERE);
        expect(await service.store.users.hasAnyOf(gone)).toBe(false);
      });

      it('stays where the file declares or names something of it', async () => {
        await fixtures();
        const ofFile = { source: 'Config' } as const;
        await configure(service, 'applications', APP_T2, (present) => ({ ...present, ...ofFile }));
        await refused(deleteTenant(service, TEN2, EVERYWHERE), 400);
        await configure(service, 'applications', APP_T2, (present) => ({ ...present, source: 'API' }));
        await createWebhook(
          service,
          HOOK,
          webhookSchema.parse({ url: 'https://h.test/', global: false, tenantIds: [TEN2] }),
        );
        await configure(service, 'webhooks', HOOK, (present) => ({ ...present, ...ofFile }));
        await refused(deleteTenant(service, TEN2, EVERYWHERE), 400);
        expect(await service.store.users.get(U1_T2)).not.toBeNull();
        expect(service.catalog().applications.has(APP_T2)).toBe(true);
      });

      it('that the file has dropped shuts out its API keys, and blocks no login of others', async () => {
        await fixtures();
        for (const id of [APP_T2]) await service.store.catalog.delete('applications', id);
        await service.store.catalog.delete('tenants', TEN2);
        await service.refreshCatalog();
        const call = {
          credential: { kind: 'apiKey', key: KEY_T2 },
          tenantId: null,
          ipAddress: null,
        } as const;
        const operation = { method: 'GET', endpoint: '/api/user', authentication: 'apiKey' } as const;
        await refused(authenticate(service, call, operation), 401);
        const [apiKey] = service.catalog().apiKeys.values();
        const caller = { kind: 'apiKey', apiKey: apiKey ?? expect.unreachable() } as const;
        const input = { loginId: 'u1@acme.com', password: USER_PASSWORD };
        expect((await login(service, input, caller, EVERYWHERE)).user.id).toBe(U1);
        expect((await findUser(service, { email: 'u1@acme.com' }, EVERYWHERE)).id).toBe(U1);
      });
    });

    describe('an application', () => {
      it('goes with its registrations and sessions, and no identity provider serves it (JWT-S45)', async () => {
        await fixtures();
        await addProvider(SHARED_IDP, {
          applicationConfiguration: { [APP_A]: { enabled: true }, [APP_B]: { enabled: true } },
        });
        const { token, refreshToken } = await loginTo(service, APP_A);
        await deleteApplication(service, APP_A, EVERYWHERE);
        const user = await service.store.users.get(U1);
        expect(user?.registrations.map(({ applicationId }) => applicationId)).not.toContain(APP_A);
        await refused(validate(service, token, EVERYWHERE), 401);
        await refused(refresh(service, { refreshToken: refreshToken.value }, EVERYWHERE), 400);
        const provider = service.catalog().identityProviders.get(SHARED_IDP) ?? expect.unreachable();
        expect(Object.keys(provider.applicationConfiguration)).toEqual([APP_B]);
        await expect(
          replaceIdentityProvider(service, SHARED_IDP, provider, EVERYWHERE, checkIdentityProvider),
        ).resolves.toBeDefined();
      });

      it('leaves nothing to another of its id, nor does a login that was under way', async () => {
        await fixtures();
        await addProvider(SHARED_IDP, { applicationConfiguration: { [APP_A]: { enabled: true } } });
        await deleteApplication(service, APP_A, EVERYWHERE);
        const { store } = service;
        await store.users.insertRegistration(U2, aRegistration({ applicationId: APP_A }));
        const session = aRefreshToken({ applicationId: APP_A, userId: U2, tenantId: TEN1 });
        await store.refreshTokens.insert({ ...session, accessExpiresInstant: clock() + MINUTE_MS });
        await createApplication(
          service,
          APP_A,
          applicationSchema.parse({ tenantId: TEN1, name: 'A' }),
          EVERYWHERE,
        );
        await service.revocations.refresh();
        expect((await store.users.get(U2))?.registrations).toEqual([]);
        expect(await store.refreshTokens.get(session.id)).toBeNull();
        expect(service.revocations.isRevoked(session.id)).toBe(true);
        const provider = service.catalog().identityProviders.get(SHARED_IDP);
        expect(provider?.applicationConfiguration).toEqual({});
      });

      it('that a process has deleted before it ended loses its registrations with the next round', async () => {
        await fixtures();
        const { refreshToken } = await loginTo(service, APP_A);
        const broken = { ...service, store: breakingAfter(0, service.store) };
        await expect(deleteApplication(broken, APP_A, EVERYWHERE)).rejects.toThrow();
        await service.refreshCatalog();
        expect(await service.store.refreshTokens.get(refreshToken.id)).toBeNull();
        const registered = async () =>
          (await service.store.users.get(U1))?.registrations.map(({ applicationId }) => applicationId);
        expect(await registered()).toContain(APP_A);
        await keepHouse(service);
        expect(await registered()).not.toContain(APP_A);
      });

      it('is made for no tenant that another process has deleted', async () => {
        await fixtures();
        const stale = late();
        await deleteTenant(service, TEN2, EVERYWHERE);
        const body = applicationSchema.parse({ tenantId: TEN2, name: 'late' });
        await refused(createApplication(stale, undefined, body, EVERYWHERE), 400);
      });
    });

    describe('an identity provider', () => {
      it('goes with its links, so that another of its id knows nobody', async () => {
        await fixtures();
        await addProvider(SHARED_IDP, {});
        await addProvider(OWN_IDP, {});
        await link(U1, SHARED_IDP);
        await link(U1, OWN_IDP);
        await deleteIdentityProvider(service, SHARED_IDP, EVERYWHERE);
        const { links } = service.store;
        expect((await links.list(U1)).map(({ identityProviderId }) => identityProviderId)).toEqual([OWN_IDP]);
        await links.insert({
          identityProviderId: SHARED_IDP,
          identityProviderUserId: 'late',
          tenantId: TEN1,
          userId: U1,
          displayName: null,
          insertInstant: clock(),
          lastLoginInstant: null,
        });
        await addProvider(SHARED_IDP, {});
        expect(await links.get(TEN1, SHARED_IDP, 'late')).toBeNull();
      });

      it('that a process has deleted before it ended loses its links with the next round, or to the next one', async () => {
        for (const next of [() => keepHouse(service), () => addProvider(SHARED_IDP, {})]) {
          await fixtures();
          await addProvider(SHARED_IDP, {});
          await link(U1, SHARED_IDP);
          const broken = { ...service, store: breakingAfter(0, service.store) };
          await expect(deleteIdentityProvider(broken, SHARED_IDP, EVERYWHERE)).rejects.toThrow();
          await service.refreshCatalog();
          expect(await service.store.links.list(U1)).toHaveLength(1);
          await next();
          expect(await service.store.links.list(U1)).toEqual([]);
        }
      });

      it('leaves no link that waits to another of its id', async () => {
        await fixtures();
        await addProvider(SHARED_IDP, {});
        const pending = {
          identityProviderId: SHARED_IDP,
          identityProviderUserId: 'uid',
          tenantId: TEN1,
          displayName: null,
          email: null,
          username: null,
        };
        const before = await pendLink(service, pending);
        await deleteIdentityProvider(service, SHARED_IDP, EVERYWHERE);
        clock.advanceMs(1);
        await addProvider(SHARED_IDP, {});
        const complete = (pendingIdPLinkId: string) =>
          completePendingLink(service, { pendingIdPLinkId, userId: U1 }, EVERYWHERE);
        await refused(complete(before), 400);
        await expect(complete(await pendLink(service, pending))).resolves.toBeDefined();
      });
    });

    describe('a user', () => {
      it('goes with sessions, also one that begins meanwhile, and with login records', async () => {
        await fixtures();
        await loginTo(service, APP_A);
        const meanwhile = {
          ...aRefreshToken({ userId: U1, tenantId: TEN1, applicationId: APP_A }),
          accessExpiresInstant: clock() + MINUTE_MS,
        };
        let inserted: Promise<unknown> = Promise.resolve();
        const { transaction } = service.store;
        const racing: Store['transaction'] = (work) =>
          transaction(async (records) => {
            const { refreshTokens } = records;
            const revoke: typeof refreshTokens.revoke = async (...filter) => {
              const revoked = await refreshTokens.revoke(...filter);
              inserted = service.store.refreshTokens.insert(meanwhile).catch(() => 'refused');
              await new Promise((resolve) => setTimeout(resolve, 50));
              return revoked;
            };
            return await work({ ...records, refreshTokens: { ...refreshTokens, revoke } });
          });
        await deleteUser({ ...service, store: { ...service.store, transaction: racing } }, U1, EVERYWHERE);
        expect(await inserted).toBe('refused');
        expect(await service.store.refreshTokens.list({ userId: U1 }, 10)).toEqual([]);
        expect(await service.store.loginRecords.list(U1, 10)).toEqual([]);
      });
    });

    describe('a key or lambda', () => {
      it('is not deleted while another process has just begun to use it', async () => {
        await fixtures();
        const key = await importKey(service, undefined, {
          name: 'next',
          algorithm: 'ES256',
          privateKey: pem(),
        });
        const body = lambdaSchema.parse({ name: 'l', type: 'JWTPopulate', body: 'function populate() {}' });
        const lambda = await createLambda(service, undefined, body);
        const stale = late();
        await configure(service, 'applications', APP_B, (present) => ({
          ...present,
          jwtConfiguration: { ...present.jwtConfiguration, accessTokenKeyId: key.id },
          lambdaConfiguration: { accessTokenPopulateId: lambda.id },
        }));
        await refused(deleteKey(stale, key.id, EVERYWHERE), 400);
        await refused(deleteLambda(stale, lambda.id, EVERYWHERE), 400);
      });

      it('is not named by an object that another process makes after its end', async () => {
        await fixtures();
        const key = await importKey(service, undefined, {
          name: 'gone',
          algorithm: 'ES256',
          privateKey: pem(),
        });
        const stale = late();
        await deleteKey(service, key.id, EVERYWHERE);
        const jwtConfiguration = { accessTokenKeyId: key.id };
        const tenant = tenantSchema.parse({ name: 'late', issuer: 'late.test', jwtConfiguration });
        await refused(createTenant(stale, undefined, tenant), 400);
        const provider = providerBody({ defaultKeyId: key.id });
        await refused(createIdentityProvider(stale, undefined, provider, checkIdentityProvider), 400);
        const signatureConfiguration = { enabled: true, signingKeyId: key.id };
        const hook = webhookSchema.parse({ url: 'https://h.test/', signatureConfiguration });
        await refused(createWebhook(stale, undefined, hook), 400);
      });
    });

    describe('what the file drops', () => {
      const EMPTY = {
        keys: [],
        lambdas: [],
        tenants: [],
        applications: [],
        identityProviders: [],
        webhooks: [],
        apiKeys: [],
      };
      const TENANT = randomUUID();
      const APP = randomUUID();
      const declared = {
        ...EMPTY,
        keys: [{ id: randomUUID(), name: 'of the file', privateKey: pem() }],
        tenants: [{ ...tenantSchema.parse({ name: 'of the file', issuer: 'file.test' }), id: TENANT }],
        applications: [{ ...applicationSchema.parse({ name: 'of the file', tenantId: TENANT }), id: APP }],
      };
      const seed = async (wanted: typeof declared | typeof EMPTY) => {
        await seedCatalog(service, wanted, checkIdentityProvider);
        await service.refreshCatalog();
      };

      it('ends sessions, and keeps users until the file declares their tenant again', async () => {
        await fixtures();
        await seed(declared);
        const user = randomUUID();
        await addUser(service, user, TENANT, 'file@acme.com', [[APP, []]]);
        const session = aRefreshToken({ userId: user, tenantId: TENANT, applicationId: null });
        await service.store.refreshTokens.insert(session);
        await addProvider(SHARED_IDP, { applicationConfiguration: { [APP]: { enabled: true } } });
        await seed(EMPTY);
        expect(await service.store.refreshTokens.get(session.id)).toBeNull();
        expect(service.catalog().identityProviders.get(SHARED_IDP)?.applicationConfiguration).toEqual({});
        await keepHouse(service);
        await seed(declared);
        expect((await service.store.users.get(user))?.tenantId).toBe(TENANT);
        await seed(EMPTY);
        await deleteTenant(service, TENANT, EVERYWHERE);
        expect(await service.store.users.get(user)).toBeNull();
      });

      it('is refused where an object that the API made needs it', async () => {
        await fixtures();
        await seed(declared);
        const [key] = declared.keys;
        await configure(service, 'tenants', TEN1, (present) => ({
          ...present,
          jwtConfiguration: { ...present.jwtConfiguration, accessTokenKeyId: key?.id },
        }));
        await refused(seed(EMPTY), 400);
        await configure(service, 'tenants', TEN1, (present) => ({
          ...present,
          jwtConfiguration: { ...present.jwtConfiguration, accessTokenKeyId: K_RS },
        }));
        await seed(EMPTY);
      });
    });
  });
});
