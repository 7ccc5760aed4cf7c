import { createHash } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { applicationSchema } from '../../../src/objects/application.ts';
import { identityProviderSchema } from '../../../src/objects/identity-provider.ts';
import type { Seed } from '../../../src/objects/seed.ts';
import { tenantSchema } from '../../../src/objects/tenant.ts';
import { webhookSchema } from '../../../src/objects/webhook.ts';
import type { CatalogKind } from '../../../src/tokens/catalog.ts';
import { listObjects } from '../../../src/tokens/objects/catalog-object.ts';
import { createRegistration } from '../../../src/tokens/objects/registrations.ts';
import { replaceTenant } from '../../../src/tokens/objects/tenants.ts';
import { seedCatalog } from '../../../src/tokens/seed.ts';
import { addUser, EVERYWHERE, KEY, loginTo } from '../../support/token-fixtures.ts';
import { joinTestTokenService } from '../../support/token-service.ts';
import { testKey } from '../../support/tokens.ts';

const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const EMPTY: Seed = {
  keys: [],
  lambdas: [],
  tenants: [],
  applications: [],
  identityProviders: [],
  webhooks: [],
  apiKeys: [],
};

const rsa = testKey('RS256', 'kid-rs').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const entry = <Body extends { id?: string | undefined }>(body: Body, number: number) => ({
  ...body,
  id: id(number),
});

const tenant = (members: object = {}) =>
  entry(
    tenantSchema.parse({
      name: 'T',
      issuer: 'acme.com',
      jwtConfiguration: { accessTokenKeyId: id(1) },
      ...members,
    }),
    2,
  );
const application = (members: object = {}) => entry(applicationSchema.parse({ name: 'A', ...members }), 3);
const webhook = (members: object = {}) =>
  entry(
    webhookSchema.parse({
      url: 'https://hooks.test/',
      httpAuthenticationUsername: 'us',
      httpAuthenticationPassword: 'pw',
      ...members,
    }),
    5,
  );

const FULL: Seed = {
  ...EMPTY,
  keys: [
    { id: id(1), name: 'rs', kid: 'kid-rs', privateKey: rsa },
    { id: id(6), name: 'hs', secret: 'a secret of more than thirty-two bytes' },
  ],
  tenants: [tenant()],
  applications: [application()],
  webhooks: [webhook()],
  apiKeys: [{ id: id(7), key: KEY, permissions: { endpoints: {} } }],
};

async function rig() {
  const { service, clock } = await joinTestTokenService();
  const seed = async (wanted: Seed) => {
    await seedCatalog(service, wanted, () => undefined);
    await service.refreshCatalog();
  };
  const names = (kind: CatalogKind) => listObjects(service, kind, EVERYWHERE).map((object) => object.id);
  return { service, clock, seed, names };
}

describe('seedCatalog()', () => {
  it('makes what the file declares, read-only through the API', async () => {
    const { service, seed, names } = await rig();
    await seed(FULL);
    expect([names('keys').length, names('tenants'), names('applications')]).toEqual([2, [id(2)], [id(3)]]);
    expect(service.catalog().applications.get(id(3))?.tenantId).toBe(id(2));
    expect(service.catalog().tenants.get(id(2))?.source).toBe('Config');
    await expect(replaceTenant(service, id(2), tenant({ issuer: 'x' }), EVERYWHERE)).rejects.toMatchObject({
      status: 400,
      errors: { generalErrors: [{ code: '[readOnly]tenant' }] },
    });
  });

  it('changes nothing where nothing changed', async () => {
    const { service, clock, seed } = await rig();
    await seed(FULL);
    const { revision } = service.catalog();
    clock.advanceMs(1000);
    await seed(FULL);
    expect(service.catalog().revision).toBe(revision);
  });

  it('changes what changed, and keeps when it was made', async () => {
    const { service, clock, seed } = await rig();
    await seed(FULL);
    const madeAt = clock();
    clock.advanceMs(1000);
    await seed({
      ...FULL,
      tenants: [tenant({ issuer: 'new.test' })],
      webhooks: [webhook({ httpAuthenticationPassword: 'other' })],
    });
    expect(service.catalog().tenants.get(id(2))).toMatchObject({
      issuer: 'new.test',
      insertInstant: madeAt,
      lastUpdateInstant: clock(),
    });
    expect(service.catalog().webhooks.get(id(5))?.lastUpdateInstant).toBe(clock());
    expect(service.catalog().keys.get(id(1))?.lastUpdateInstant).toBe(madeAt);
  });

  it('keeps on record for whom a key has signed, and forgets it where the file gives another one the id', async () => {
    const { service, seed } = await rig();
    const signedFor = () => service.catalog().keys.get(id(1))?.signedFor;
    const idle = tenant({ jwtConfiguration: { accessTokenKeyId: id(6) } });
    await seed(FULL);
    expect([signedFor(), service.catalog().keys.get(id(6))?.signedFor]).toEqual([[id(2)], undefined]);
    await seed({ ...FULL, tenants: [idle] });
    await seed({
      ...FULL,
      tenants: [idle],
      keys: FULL.keys.map((key) => ({ ...key, name: `${key.name} renamed` })),
    });
    expect(signedFor()).toEqual([id(2)]);
    const other = testKey('RS256', 'other').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    await seed({
      ...FULL,
      tenants: [idle],
      keys: FULL.keys.map((key) => (key.id === id(1) ? { ...key, privateKey: other } : key)),
    });
    expect(signedFor()).toBeUndefined();
  });

  it('names an API key without id by what only the master key makes of it, the same at each start (security.md T12)', async () => {
    const { seed, names } = await rig();
    const unnamed = { ...EMPTY, apiKeys: [{ key: KEY, permissions: { endpoints: {} } }] };
    await seed(unnamed);
    const ids = names('apiKeys');
    await seed(unnamed);
    expect([ids.length, names('apiKeys')]).toEqual([1, ids]);
    const digests = [KEY, `countersign api-key ${KEY}`].map((text) =>
      createHash('sha256').update(text).digest('hex').slice(0, 12),
    );
    expect(digests).not.toContain(ids[0]?.replaceAll('-', '').slice(0, 12));
  });

  it('makes a key that has no text, once', async () => {
    const { service, seed } = await rig();
    const made: Seed = { ...EMPTY, keys: [{ id: id(1), name: 'made', algorithm: 'ES256' }] };
    await seed(made);
    const key = service.catalog().keys.get(id(1));
    expect(key).toMatchObject({ algorithm: 'ES256', hasPrivateKey: true });
    const generate = vi.spyOn(service.keys, 'generate');
    await seed(made);
    expect(generate).not.toHaveBeenCalled();
    generate.mockRestore();
    expect(service.catalog().keys.get(id(1))).toEqual(key);
  });

  it('removes what the file no longer declares, with what hangs on it', async () => {
    const { service, seed, names } = await rig();
    const allowing = { loginConfiguration: { generateRefreshTokens: true, allowTokenRefresh: true } };
    await seed({ ...FULL, applications: [application(allowing)] });
    const user = await makeUser(service);
    await createRegistration(service, user, { applicationId: id(3), roles: [], data: {} }, EVERYWHERE);
    const { refreshToken } = await loginTo(service, id(3), 'u@acme.com');
    await seed({ ...FULL, applications: [] });
    expect(names('applications')).toEqual([]);
    expect(refreshToken.id).not.toBe('');
    expect(await service.store.refreshTokens.get(refreshToken.id)).toBeNull();
    expect((await service.store.users.get(user))?.registrations).toEqual([]);
  });

  it('leaves what came through the API alone', async () => {
    const { service, seed, names } = await rig();
    const own = {
      ...tenant(),
      id: id(9),
      name: 'Own',
      jwtConfiguration: tenantSchema.parse({ name: 'x', issuer: 'x' }).jwtConfiguration,
    };
    await service.store.catalog.insert(
      'tenants',
      { ...own, insertInstant: 1, lastUpdateInstant: 1, source: 'API' },
      [],
    );
    await seed(FULL);
    await seed(EMPTY);
    expect(names('tenants')).toEqual([id(9)]);
  });

  it.each<[string, Partial<Seed>, RegExp]>([
    ['an unknown key', { keys: [] }, /tenant .*accessTokenKeyId: There is no such key/],
    ['a key that is none', { keys: [{ id: id(1), name: 'rs', privateKey: 'x' }] }, /key rs: .*no PEM/],
    [
      'two tenants of one name',
      { tenants: [tenant(), { ...tenant(), id: id(8) }], applications: [] },
      /tenant.name/,
    ],
    [
      'an application that could be of two tenants',
      { tenants: [tenant(), { ...tenant({ name: 'U' }), id: id(8) }] },
      /application A: which/,
    ],
    [
      'an application without tenant',
      { tenants: [], applications: [{ ...application(), tenantId: id(99) }] },
      /its tenant is missing/,
    ],
  ])('refuses %s by name, and changes nothing', async (_what, members, message) => {
    const { seed, names } = await rig();
    await expect(seed({ ...FULL, ...members })).rejects.toThrow(message);
    expect(names('keys')).toEqual([]);
  });

  it('asks for what only identity providers know', async () => {
    const { service } = await rig();
    const provider = entry(identityProviderSchema.parse({ name: 'P' }), 10);
    const asked: string[] = [];
    await seedCatalog(
      service,
      { ...FULL, identityProviders: [provider] },
      (_, { name }) => void asked.push(name),
    );
    expect(asked).toEqual(['P']);
  });
});

async function makeUser(service: Awaited<ReturnType<typeof rig>>['service']): Promise<string> {
  await addUser(service, id(20), id(2), 'u@acme.com', []);
  return id(20);
}
