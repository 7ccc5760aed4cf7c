/** `countersign explain` and `token inspect` judge tokens of realm self by the store, whether a gateway runs on it or not. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../support/command-line.ts';
import { LISTENERS, startGateway, type TestGateway } from '../../support/gateway.ts';
import { signed, testKey } from '../../support/tokens.ts';

const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const [TENANT, KEY, APP, OTHER_APP, USER] = [1, 2, 3, 4, 5].map(id);
const API_KEY = 'an-api-key-that-nobody-will-guess-0001';
const ENVIRONMENT = { API_KEY, MASTER_KEY: 'a master key of more than thirty-two bytes' };

const config = (store = '') => `
${store}
secrets: { masterKey: "\${MASTER_KEY}" }
realms:
  - { name: self, type: self, issuer: acme.com }
  - { name: corp, issuer: corp, signingKey: { secret: a-secret-that-is-long-enough-for-hs256 } }
assertion: { userClaims: { retriever: store, cache: { ttl: 0s } } }
routes:
  - { name: any, match: { pathPrefix: /any }, upstream: "\${BACKEND}" }
  - { name: app, match: { pathPrefix: /app }, upstream: "\${BACKEND}", require: { roles: { any: [user] } } }
  - { name: admin, match: { pathPrefix: /admin }, upstream: "\${BACKEND}", require: { roles: { any: [admin] } } }
  - { name: other, match: { pathPrefix: /other }, upstream: "\${BACKEND}", application: { id: ${OTHER_APP} } }
  - { name: open, match: { pathPrefix: /open }, upstream: "\${BACKEND}", auth: none }
tokenService:
  keys: [{ id: ${KEY}, name: k, algorithm: ES256 }]
  tenants: [{ id: ${TENANT}, name: T, issuer: acme.com, jwtConfiguration: { accessTokenKeyId: ${KEY} } }]
  applications:
    - id: ${APP}
      name: A
      roles: [{ name: user, isDefault: true }]
      loginConfiguration: { generateRefreshTokens: true, allowTokenRefresh: true }
  apiKeys: [{ key: "\${API_KEY}" }]
`;

let gateway: TestGateway;
/** Of a session; of a session that was ended; of somebody who has no key of ours. */
let tokens: { readonly live: string; readonly ended: string; readonly foreign: string };

beforeAll(async () => {
  const api = '  api: { bind: "127.0.0.1:0", enabled: true }\n';
  const listeners = LISTENERS.replace(
    /listeners: .*\n/,
    `listeners:\n  proxy: { bind: "127.0.0.1:0" }\n  ops: { bind: "127.0.0.1:0" }\n${api}`,
  );
  gateway = await startGateway(config(), { listeners, environment: ENVIRONMENT });
  await post(`/api/user/registration/${USER}`, {
    user: { email: 'u@acme.com', password: 'correct horse battery', firstName: 'Una' },
    registration: { applicationId: APP },
  });
  const [live, ended] = [await login(), await login()];
  await fetch(`${gateway.app.origins.api}/api/jwt/refresh?token=${ended.refreshToken}`, {
    method: 'DELETE',
    headers: { authorization: API_KEY },
  });
  const foreign = signed(testKey('ES256', 'kid-of-nobody'), {
    iss: 'acme.com',
    sub: USER,
    exp: 4_000_000_000,
  });
  tokens = { live: live.token, ended: ended.token, foreign };
});
afterAll(() => gateway.stop());

async function post(path: string, body: object): Promise<Record<string, string>> {
  const answer = await fetch(`${gateway.app.origins.api}${path}`, {
    method: 'POST',
    headers: { authorization: API_KEY, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return JSON.parse(await answer.text());
}

async function login(): Promise<{ token: string; refreshToken: string }> {
  const { token = '', refreshToken = '' } = await post('/api/login', {
    loginId: 'u@acme.com',
    password: 'correct horse battery',
    applicationId: APP,
  });
  return { token, refreshToken };
}

const environment = () => ({ ...ENVIRONMENT, BACKEND: gateway.backend.url });
const explain = (path: string, token: string, configPath = join(gateway.folder, 'countersign.yaml')) =>
  runCommand(['explain', '--config', configPath, '--token', token, 'GET', path], environment());

const CASES: [path: string, token: 'live' | 'ended' | 'foreign', status: number, says: RegExp][] = [
  ['/any', 'live', 200, /=> allow +"[0-9a-f-]{36}" of realm self/],
  ['/app', 'live', 200, /=> allow/],
  ['/admin', 'live', 403, /=> deny +403 insufficient_scope|=> deny +403/],
  ['/other', 'live', 403, /=> deny +403/],
  ['/any', 'ended', 401, /=> deny +401 .*the session was ended/],
  ['/any', 'foreign', 401, /=> deny +401 .*no key of the token service has this kid/],
];

describe('countersign explain', () => {
  it.each(CASES)(
    'decides %s with the %s token as the running proxy does: %i',
    async (path, which, status, says) => {
      const token = tokens[which];
      await expect.poll(async () => (await gateway.get(path, token)).status).toBe(status);
      const { code, output } = await explain(path, token);
      expect(output).toMatch(says);
      expect(code).toBe(status === 200 ? 0 : 1);
    },
  );

  it('reads a store that no gateway runs on, and changes nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-explain-'));
    const copied = join(folder, 'countersign.yaml');
    writeFileSync(copied, readFileSync(join(gateway.folder, 'countersign.yaml')));
    const { code } = await runCommand(['api-keys', 'list', '--config', copied], environment());
    expect([code, existsSync(join(folder, 'data', 'countersign.db'))]).toEqual([0, true]);
    const before = snapshotOf(join(folder, 'data'));
    expect((await explain('/any', tokens.live, copied)).output).toContain('=> deny');
    expect(snapshotOf(join(folder, 'data'))).toEqual(before);
    rmSync(folder, { recursive: true });
  });

  it('says that there is no store yet, and makes none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-explain-'));
    const configPath = join(folder, 'countersign.yaml');
    writeFileSync(configPath, readFileSync(join(gateway.folder, 'countersign.yaml')));
    const { code, output } = await explain('/any', tokens.live, configPath);
    expect([code, readdirSync(folder)]).toEqual([1, ['countersign.yaml']]);
    expect(output).toMatch(/=> deny +503 keys_unavailable/);
    expect(output).toContain(
      `There is no ${folder}/data/countersign.db yet: a start of the gateway makes it`,
    );
    expect((await explain('/open', tokens.live, configPath)).code).toBe(0);
    rmSync(folder, { recursive: true });
  });

  it('says that the store is locked', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-explain-'));
    const configPath = join(folder, 'countersign.yaml');
    writeFileSync(configPath, readFileSync(join(gateway.folder, 'countersign.yaml')));
    await runCommand(['api-keys', 'list', '--config', configPath], environment());
    const other = new DatabaseSync(join(folder, 'data', 'countersign.db'));
    other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    const { code, output } = await explain('/any', tokens.live, configPath);
    expect([code, output]).toEqual([
      1,
      expect.stringMatching(/503 keys_unavailable .*cannot be read: .*locked/),
    ]);
    other.close();
    rmSync(folder, { recursive: true });
  });
});

describe('countersign token inspect', () => {
  it.each([
    ['live', 0, /realm self[\s\S]*=> accepted/],
    ['ended', 1, /realm self[\s\S]*=> refused .*session was ended/],
  ] as const)('judges the %s token by its session', async (which, code, says) => {
    const configPath = join(gateway.folder, 'countersign.yaml');
    const result = await runCommand(
      ['token', 'inspect', '--config', configPath, tokens[which]],
      environment(),
    );
    expect([result.code, result.output]).toEqual([code, expect.stringMatching(says)]);
  });
});

/** Names and contents. */
function snapshotOf(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name)).toString('base64')]),
  );
}
