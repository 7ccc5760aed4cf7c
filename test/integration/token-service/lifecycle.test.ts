/** The token service as a part of the process: reloads, several workers on one store, a store that goes away. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../../support/gateway.ts';
import { hasPostgres } from '../../support/postgres.ts';
import { type PostgresServer, postgresPrograms, startPostgres } from '../../support/postgres-server.ts';

const TENANT = '00000000-0000-4000-8000-000000000001';
const KEY_ID = '00000000-0000-4000-8000-000000000002';
const APP = '00000000-0000-4000-8000-000000000003';
const OTHER = '00000000-0000-4000-8000-000000000004';
const USER = '00000000-0000-4000-8000-000000000005';
const KEY = 'an-api-key-that-nobody-will-guess-0001';

const LISTENERS = `version: 1
listeners:
  proxy: { bind: "127.0.0.1:0" }
  ops: { bind: "127.0.0.1:0" }
  api: { bind: "127.0.0.1:0", enabled: true }
`;

interface Parts {
  readonly applications?: string;
  readonly store?: string;
  readonly more?: string;
}

const application = (id: string, name: string) =>
  `{ id: ${id}, name: ${name}, roles: [{ name: user, isDefault: true }], loginConfiguration: { generateRefreshTokens: true, allowTokenRefresh: true } }`;

const config = ({ applications = application(APP, 'A'), store = '', more = '' }: Parts = {}) => `
${more}
${store}
realms: [{ name: self, type: self, issuer: acme.com }]
routes: [{ name: home, match: { pathPrefix: / }, upstream: builtin:echo }]
tokenService:
  keys: [{ id: ${KEY_ID}, name: k, algorithm: ES256 }]
  tenants: [{ id: ${TENANT}, name: T, issuer: acme.com, jwtConfiguration: { accessTokenKeyId: ${KEY_ID} } }]
  applications: [${applications}]
  apiKeys: [{ key: "\${API_KEY}" }]
`;

let gateway: TestGateway;
let server: PostgresServer | undefined;
afterEach(async () => {
  await gateway.stop();
  await server?.remove();
  server = undefined;
});

const start = async (parts: Parts = {}, environment: Record<string, string> = {}) => {
  gateway = await startGateway(config(parts), {
    listeners: LISTENERS,
    environment: { API_KEY: KEY, ...environment },
  });
};

const api = (method: string, path: string, body?: unknown) =>
  fetch(`${gateway.app.origins.api}${path}`, {
    method,
    headers: { authorization: KEY, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

async function login(): Promise<{ token: string; refreshToken: string }> {
  await api('POST', `/api/user/registration/${USER}`, {
    user: { email: 'u@acme.com', password: 'correct horse battery' },
    registration: { applicationId: APP },
  });
  const answer = await api('POST', '/api/login', {
    loginId: 'u@acme.com',
    password: 'correct horse battery',
    applicationId: APP,
  });
  return JSON.parse(await answer.text());
}

const names = async () =>
  JSON.parse(await (await api('GET', '/api/application')).text()).applications.map(
    ({ name }: { name: string }) => name,
  );

describe('a reload', () => {
  it('puts the objects of the new file in place of those of the old one', async () => {
    await start();
    expect(await gateway.reload(config({ applications: application(OTHER, 'B') }))).toBe(true);
    expect(await names()).toEqual(['B']);
  });

  it('changes nothing where the objects do not fit together, and says why', async () => {
    await start();
    const bad = application(OTHER, 'B').replace('{ id', `{ tenantId: ${OTHER}, id`);
    expect(await gateway.reload(config({ applications: bad }))).toBe(false);
    expect(await names()).toEqual(['A']);
    const { cause } = gateway.log.findLast(({ level }) => level === 'error' || level === 50) ?? {};
    expect(String(cause)).toContain('application B: its tenant is missing');
  });

  it('does not change the store of a running process', async () => {
    await start();
    const store = 'store: { driver: postgres, url: "postgres://x@localhost/y" }';
    const more = `secrets: { masterKey: "a master key of more than thirty-two bytes" }`;
    expect(await gateway.reload(config({ store, more }))).toBe(false);
    expect(await names()).toEqual(['A']);
  });

  it('keeps sessions alive', async () => {
    await start();
    const { token, refreshToken } = await login();
    expect(
      await gateway.reload(config({ applications: `${application(APP, 'A')}, ${application(OTHER, 'B')}` })),
    ).toBe(true);
    expect((await gateway.get('/x', token)).status).toBe(200);
    expect((await api('POST', '/api/jwt/refresh', { refreshToken })).status).toBe(200);
  });
});

describe.skipIf(!hasPostgres || postgresPrograms() === null)('a store that goes away (JWT-S91)', () => {
  it('makes the instance not ready, calls 503, tokens undecidable; and all is well when it is back', async () => {
    server = await startPostgres(mkdtempSync(join(tmpdir(), 'countersign-pg-')));
    const store = 'store: { driver: postgres, url: "${DATABASE_URL}" }';
    const more = 'secrets: { masterKey: "${MASTER}" }';
    await start({ store, more }, { DATABASE_URL: server.url('postgres'), MASTER: 'm'.repeat(40) });
    const { token, refreshToken } = await login();
    expect((await gateway.get('/x', token)).status).toBe(200);
    const ready = async () => (await fetch(`${gateway.app.origins.ops}/readyz`)).status;
    const refresh = async () => (await api('POST', '/api/jwt/refresh', { refreshToken })).status;
    expect([await ready(), await refresh()]).toEqual([200, 200]);

    await server.stop();
    await expect.poll(ready, { timeout: 20_000 }).toBe(503);
    expect(await refresh()).toBe(503);
    await expect.poll(async () => (await gateway.get('/x', token)).status, { timeout: 20_000 }).toBe(503);

    await server.start();
    await expect.poll(ready, { timeout: 20_000 }).toBe(200);
    await expect.poll(refresh, { timeout: 20_000 }).toBe(200);
    await expect.poll(async () => (await gateway.get('/x', token)).status, { timeout: 20_000 }).toBe(200);
  }, 90_000);
});
