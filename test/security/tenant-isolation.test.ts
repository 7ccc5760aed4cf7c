/** An API key of one tenant is tried on every operation there is, with the names of another tenant's objects. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Operation } from '../../src/http/api/operation.ts';
import { OPERATIONS } from '../../src/http/api/operations.ts';
import { startApi } from '../support/api.ts';
import { CATALOG_KINDS } from '../support/catalog-kinds.ts';
import { IDP1 } from '../support/identity-provider.ts';
import { APP_A, K_RS, KEY, KEY_T2, loginTo, TEN1, U1, U1_T2, U2 } from '../support/token-fixtures.ts';

const SUBJECT = 'somebody-at-the-provider';
const api = await startApi({ provider: { tenantId: TEN1 } });
afterAll(() => api.close());
const { service } = api;

const session = await loginTo(service, APP_A);
const provider = IDP1;
const link = { identityProviderId: provider, identityProviderUserId: SUBJECT, userId: U2 };
const made = async (path: string, json: object): Promise<string> => {
  const { status, body } = await api.admin('POST', path, json);
  expect(status).toBe(200);
  return Object.values<{ readonly id: string }>(body)[0]?.id ?? '';
};
await made('/api/identity-provider/link', { identityProviderLink: link });
const lambda = await made('/api/lambda', {
  lambda: { name: 'l', type: 'JWTPopulate', body: 'function populate() {}' },
});
const webhook = await made('/api/webhook', {
  webhook: { url: 'https://hooks.test/', tenantIds: [TEN1], global: false },
});
const apiKey = await made('/api/api-key', { apiKey: { tenantId: TEN1 } });

/** Ids of the other tenant, by the path that they stand in. */
const IDS: readonly (readonly [string, string])[] = [
  ['/api/tenant/', TEN1],
  ['/api/application/', APP_A],
  ['/api/key/', K_RS],
  ['/api/lambda/', lambda],
  ['/api/webhook/', webhook],
  ['/api/api-key/', apiKey],
  ['/api/identity-provider/link/pending/', 'unknown'],
  ['/api/identity-provider/', provider],
  ['/api/user/', U1],
  ['/api/jwt/refresh/', session.refreshToken.id],
  ['/api/system/event-log/', '1'],
];
const PARAMS: Readonly<Record<string, string>> = { userId: U1, applicationId: APP_A };

/** The query, where an operation names its object there. */
const QUERIES: Readonly<Record<string, readonly string[]>> = {
  findUser: ['email=u2@acme.com', 'username=u2-acme.com', 'loginId=u2@acme.com'],
  retrieveRefreshTokens: [`userId=${U1}`],
  revokeRefreshTokens: [`userId=${U1}`, `applicationId=${APP_A}`, `token=${session.refreshToken.value}`],
  retrieveUserLinks: [`userId=${U2}`, `identityProviderId=${provider}&identityProviderUserId=${SUBJECT}`],
  deleteUserLink: [`identityProviderId=${provider}&identityProviderUserId=${SUBJECT}`],
  deleteUser: ['', 'hardDelete=true'],
  deleteApplication: ['', 'hardDelete=true'],
  updateUser: ['', 'reactivate=true'],
};

const user = { email: 'new@acme.com', tenantId: TEN1 };
/** Good enough that nothing but the tenant is in the way. */
const BODY = {
  tenant: { name: 'mine', issuer: 'mine.test' },
  application: { name: 'mine', tenantId: TEN1 },
  key: { name: 'mine', algorithm: 'ES256', secret: 's'.repeat(64) },
  lambda: { name: 'mine', type: 'JWTPopulate', body: 'function populate() {}' },
  webhook: { url: 'https://mine.test/' },
  apiKey: { name: 'mine', tenantId: TEN1 },
  identityProvider: {
    name: 'mine',
    tenantId: TEN1,
    applicationConfiguration: { [APP_A]: { enabled: true } },
  },
  identityProviderLink: { ...link, userId: U1 },
  registration: { applicationId: APP_A, roles: ['admin'] },
  user,
  search: {},
  claims: { tid: TEN1 },
  loginId: 'u2@acme.com',
  password: 'correct horse battery',
  applicationId: APP_A,
};

const byApiKey = OPERATIONS.filter(({ auth }) => auth !== 'none' && auth !== 'jwt');
const cases = byApiKey.flatMap((operation) =>
  (QUERIES[operation.operationId] ?? ['']).map((query): [string, Operation, string] => [
    `${operation.operationId} ${query.split('=', 1)[0]}`.trim(),
    operation,
    query,
  ]),
);

function pathOf({ path }: Operation): string {
  const id = IDS.find(([prefix]) => path.startsWith(prefix))?.[1];
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => PARAMS[name] ?? id ?? expect.unreachable());
}

async function otherTenant(): Promise<unknown> {
  const { catalog, store } = service;
  const objects = CATALOG_KINDS.flatMap((kind) => [...catalog()[kind].values()]);
  const { users, refreshTokens, links } = store;
  return structuredClone({
    objects: objects.filter(({ id }) => before.has(id)),
    users: [await users.get(U1), await users.get(U2)],
    sessions: await refreshTokens.list({ tenantId: TEN1 }, 100),
    links: await links.list(U2),
  });
}

const before = new Set(CATALOG_KINDS.flatMap((kind) => [...service.catalog()[kind].keys()]));
const SECRETS = [TEN1, APP_A, U1, U2, provider, session.refreshToken.id, session.refreshToken.value, apiKey];

describe('an API key of another tenant', () => {
  it.each(cases)('sees and changes nothing by %s (JWT-S87)', async (_name, operation, query) => {
    const state = await otherTenant();
    const acceptsForm = operation.acceptsForm === true && operation.path.startsWith('/oauth2/');
    const answer = await api.call(
      operation.method,
      `${pathOf(operation)}${query === '' ? '' : `?${query}`}`,
      {
        auth: KEY_T2,
        ...(operation.request.body === undefined || operation.method === 'DELETE'
          ? {}
          : acceptsForm
            ? {
                text: `token=${session.refreshToken.value}`,
                headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
              }
            : { json: BODY }),
      },
    );
    expect(answer.status).toBeLessThan(500);
    // What it named itself is repeated to it in complaints only.
    const shown = answer.status === 200 ? SECRETS.filter((secret) => answer.text.includes(secret)) : [];
    expect(shown).toEqual([]);
    expect(await otherTenant()).toEqual(state);
  });

  it('can do the same to its own (JWT-S87)', async () => {
    const own = await api.call('GET', `/api/user/${U1_T2}`, { auth: KEY_T2 });
    const all = await api.call('GET', `/api/user/${U1}`, { auth: KEY });
    expect([own.status, all.status]).toEqual([200, 200]);
  });
});
