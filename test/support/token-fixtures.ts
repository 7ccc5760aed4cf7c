/** The tenants, applications, users and keys that acceptance rows speak of, put into a token service through its own use cases. */
import { randomBytes, scryptSync } from 'node:crypto';
import { type Application, applicationSchema } from '../../src/objects/application.ts';
import { tenantSchema } from '../../src/objects/tenant.ts';
import { userSchema } from '../../src/objects/user.ts';
import type { CatalogKind, CatalogObjects } from '../../src/tokens/catalog.ts';
import { login } from '../../src/tokens/login.ts';
import { createApiKey } from '../../src/tokens/objects/api-keys.ts';
import { createApplication } from '../../src/tokens/objects/applications.ts';
import { objectsOf } from '../../src/tokens/objects/catalog-object.ts';
import { importKey } from '../../src/tokens/objects/keys.ts';
import { createRegistration } from '../../src/tokens/objects/registrations.ts';
import { recordSigners } from '../../src/tokens/objects/signers.ts';
import { createTenant } from '../../src/tokens/objects/tenants.ts';
import { createUser } from '../../src/tokens/objects/users.ts';
import type { IssuedRefreshToken, IssuedTokens } from '../../src/tokens/result.ts';
import type { Scope, TokenService } from '../../src/tokens/service.ts';
import { testKey } from './tokens.ts';

const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

/** Issuer acme.com, RS256 by K_RS, 3600 s. */
export const TEN1 = id(101);
/** Issuer ten2.test, ES256 by K_T2, 600 s. */
export const TEN2 = id(102);
/** Roles admin and user (default), refresh tokens, own key configuration (K_RS). */
export const APP_A = id(201);
export const APP_B = id(202);
/** Gives no refresh tokens. */
export const APP_N = id(203);
/** Signs by the HMAC key K_HS. */
export const APP_H = id(204);
/** SlidingWindow. */
export const APP_S = id(205);
/** Of TEN2. */
export const APP_T2 = id(206);
/** u1@acme.com: admin of APP_A; user of APP_B, APP_N, APP_H and APP_S. */
export const U1 = id(301);
/** u2@acme.com: user of APP_A. */
export const U2 = id(302);
/** u1@acme.com in TEN2, user of APP_T2. */
export const U1_T2 = id(303);
export const K_RS = id(401);
export const K_HS = id(402);
export const K_T2 = id(403);
/** Verifies only. */
export const K_PUB = id(404);

/** API keys: everything; TEN2 only; GET /api/jwt/refresh only. */
export const KEY = 'key-for-everything-0123456789abcdefghij';
export const KEY_T2 = 'key-for-tenant-2-0123456789abcdefghijkl';
export const KEY_GET = 'key-for-get-only-0123456789abcdefghijkl';

/** Of every user. */
export const USER_PASSWORD = 'correct horse battery';

/** As API keys without a tenant see it. */
export const EVERYWHERE: Scope = { tenantId: null, ipAddress: null };

const rsa = testKey('RS256', 'kid-rs');
const ec = testKey('ES256', 'kid-t2');
const foreign = testKey('ES256', 'kid-pub');
const pem = (key: typeof rsa) => key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

/** All of them. */
export async function addFixtures(service: TokenService): Promise<void> {
  await addKeys(service);
  await addTenants(service);
  await addApplications(service);
  await addUsers(service);
  await addApiKeys(service);
}

async function addKeys(service: TokenService): Promise<void> {
  await importKey(service, K_RS, { name: 'rs', kid: 'kid-rs', algorithm: 'RS256', privateKey: pem(rsa) });
  await importKey(service, K_HS, {
    name: 'hs',
    kid: 'kid-hs',
    algorithm: 'HS512',
    secret: randomBytes(64).toString('base64url'),
  });
  await importKey(service, K_T2, { name: 't2', kid: 'kid-t2', algorithm: 'ES256', privateKey: pem(ec) });
  const publicKey = foreign.publicKey.export({ format: 'pem', type: 'spki' }).toString();
  await importKey(service, K_PUB, { name: 'pub', kid: 'kid-pub', algorithm: 'ES256', publicKey });
}

async function addTenants(service: TokenService): Promise<void> {
  await createTenant(
    service,
    TEN1,
    tenantSchema.parse({ name: 'Default', issuer: 'acme.com', jwtConfiguration: { accessTokenKeyId: K_RS } }),
  );
  await createTenant(
    service,
    TEN2,
    tenantSchema.parse({
      name: 'Second',
      issuer: 'ten2.test',
      jwtConfiguration: { accessTokenKeyId: K_T2, timeToLiveInSeconds: 600 },
    }),
  );
}

async function addApplications(service: TokenService): Promise<void> {
  const login = { generateRefreshTokens: true, allowTokenRefresh: true };
  const own = { enabled: true, accessTokenKeyId: K_RS };
  const variants: readonly [string, string, object][] = [
    [APP_A, 'A', { jwtConfiguration: own }],
    [APP_B, 'B', {}],
    [APP_N, 'N', { loginConfiguration: {} }],
    [APP_H, 'H', { jwtConfiguration: { enabled: true, accessTokenKeyId: K_HS } }],
    [APP_S, 'S', { jwtConfiguration: { ...own, refreshTokenExpirationPolicy: 'SlidingWindow' } }],
    [APP_T2, 'T2', { tenantId: TEN2 }],
  ];
  for (const [applicationId, name, members] of variants) {
    const body = applicationSchema.parse({
      tenantId: TEN1,
      name,
      roles: [{ name: 'admin' }, { name: 'user', isDefault: true }],
      loginConfiguration: login,
      ...members,
    });
    await createApplication(service, applicationId, body, EVERYWHERE);
  }
}

async function addUsers(service: TokenService): Promise<void> {
  await addUser(service, U1, TEN1, 'u1@acme.com', [
    [APP_A, ['admin']],
    ...[APP_B, APP_N, APP_H, APP_S].map((app): [string, string[]] => [app, ['user']]),
  ]);
  await addUser(service, U2, TEN1, 'u2@acme.com', [[APP_A, ['user']]]);
  await addUser(service, U1_T2, TEN2, 'u1@acme.com', [[APP_T2, ['user']]]);
}

/** A user with USER_PASSWORD; registrations are application and roles. */
export async function addUser(
  service: TokenService,
  userId: string,
  tenantId: string,
  email: string,
  registrations: readonly [string, string[]][],
): Promise<void> {
  const body = userSchema.parse({ tenantId, email, username: email.replace('@', '-'), verified: true });
  const user = await createUser(service, userId, body, EVERYWHERE);
  await service.store.users.update({ ...user, passwordHash: cheapHash() });
  for (const [applicationId, roles] of registrations)
    await createRegistration(service, userId, { applicationId, roles, data: {} }, EVERYWHERE);
}

/** The lowest cost that scrypt hashes may have: tests make many. */
function cheapHash(): string {
  const salt = randomBytes(16);
  const hash = scryptSync(USER_PASSWORD, salt, 32, { N: 2 ** 4, r: 8, p: 1 });
  const unpadded = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  return `$scrypt$ln=4,r=8,p=1$${unpadded(salt)}$${unpadded(hash)}`;
}

async function addApiKeys(service: TokenService): Promise<void> {
  const everything = { endpoints: {} };
  await createApiKey(service, undefined, { key: KEY, permissions: everything }, EVERYWHERE);
  await createApiKey(
    service,
    undefined,
    { key: KEY_T2, tenantId: TEN2, permissions: everything },
    EVERYWHERE,
  );
  const readOnly = { endpoints: { '/api/jwt/refresh': ['GET' as const] } };
  await createApiKey(service, undefined, { key: KEY_GET, permissions: readOnly }, EVERYWHERE);
}

/** Tokens of a user who logs in to the application with an API key. */
export async function loginTo(
  service: TokenService,
  applicationId: string,
  loginId = 'u1@acme.com',
): Promise<IssuedTokens & { readonly refreshToken: IssuedRefreshToken }> {
  const [apiKey] = service.catalog().apiKeys.values();
  if (apiKey === undefined) throw new Error('The fixtures are not there');
  const input = { loginId, password: USER_PASSWORD, applicationId };
  const { tokens } = await login(service, input, { kind: 'apiKey', apiKey }, EVERYWHERE);
  const none = { id: '', value: '', expiresInstant: 0 };
  if (tokens === null) throw new Error('The login gave no tokens');
  return { ...tokens, refreshToken: tokens.refreshToken ?? none };
}

/** Replaces an object of the catalog, past all checks. */
export async function configure<Kind extends CatalogKind>(
  service: TokenService,
  kind: Kind,
  objectId: string,
  change: (present: CatalogObjects[Kind]) => CatalogObjects[Kind],
): Promise<void> {
  const present = objectsOf(service.catalog(), kind).get(objectId);
  if (present === undefined) throw new Error(`There is no such object in ${kind}`);
  await service.store.transaction(async (records) => {
    await records.catalog.update(kind, change(present), []);
    await recordSigners(records);
  });
  await service.refreshCatalog();
}

/** Merges into the application's own token configuration, and switches it on. */
export async function configureTokens(
  service: TokenService,
  applicationId: string,
  members: Partial<Application['jwtConfiguration']>,
): Promise<void> {
  await configure(service, 'applications', applicationId, (present) => ({
    ...present,
    jwtConfiguration: { ...present.jwtConfiguration, enabled: true, ...members },
  }));
}
