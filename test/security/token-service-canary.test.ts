/**
 * Marked passwords, secrets and keys, and every token that the token service gives, through every operation: none of
 * them may be seen in logs, metrics, errors or the event log, nor in the database of either kind (O01, T12, T15).
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { pemOf } from '../support/minting.ts';
import type { StoreKind } from '../support/open-store.ts';
import { createPostgresDatabase, hasPostgres, type PostgresDatabase } from '../support/postgres.ts';
import { storedBytes } from '../support/stored-bytes.ts';
import { signed, testKey } from '../support/tokens.ts';

/** In every secret that we choose. */
const MARK = 'CANARY';
/** Seen in the database on purpose: so the dump is one, and reads what is there. */
const EMAIL = 'plain@acme.com';

const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const [K_OWN, K_ACME, TENANT, APP, ONCE, IDP, PENDING_IDP, USER, K_SECRET, K_PEM] = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
].map(id);

const KEY = `${MARK}-api-key-of-the-file-0123456789abcdef`;
const PASSWORD = `${MARK} of a user`;
const own = testKey('RS256', 'own');
const imported = testKey('ES256', 'imported');
const acme = testKey('ES256', 'acme-1');
const spki = acme.publicKey.export({ format: 'pem', type: 'spki' }).toString();

/** The mark as Base64 shows it, wherever it begins in the text that was encoded. */
function encodedMarks(): string[] {
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.from('x'.repeat(before) + MARK).toString('base64');
    return encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + MARK.length) * 8) / 6));
  });
}

const hex = Buffer.from(MARK).toString('hex');
const middleOfPem = (key: typeof own) => pemOf(key).split('\n')[1] ?? '';

const configuration = (store: string) => `
store: ${store}
secrets: { masterKey: "\${MASTER_KEY}" }
realms:
  - { name: self, type: self, issuer: acme.com, revocation: checkSid }
assertion:
  userClaims: { retriever: store }
routes:
  - { name: app, match: { pathPrefix: / }, upstream: "\${BACKEND}", application: { id: ${APP}, name: app } }
observability: { logs: { level: debug } }
tokenService:
  keys:
    - { id: ${K_OWN}, name: own, privateKeyFile: own.pem }
    - { id: ${K_ACME}, name: acme, kid: acme-1, publicKeyFile: acme.pem }
  tenants:
    - { id: ${TENANT}, name: Default, issuer: acme.com, jwtConfiguration: { accessTokenKeyId: ${K_OWN} } }
  applications:
    - { id: ${APP}, name: app, roles: [{ name: user, isDefault: true }],
        loginConfiguration: { generateRefreshTokens: true, allowTokenRefresh: true } }
    - { id: ${ONCE}, name: once, loginConfiguration: { generateRefreshTokens: true, allowTokenRefresh: true },
        jwtConfiguration: { enabled: true, accessTokenKeyId: ${K_OWN}, refreshTokenUsagePolicy: OneTimeUse,
          refreshTokenRevocationPolicy: { onOneTimeTokenReuse: true } } }
  identityProviders:
    - { id: ${IDP}, name: Acme, enabled: true, debug: true, verificationKeyIds: [${K_ACME}],
        applicationConfiguration: { ${APP}: { enabled: true } } }
    - { id: ${PENDING_IDP}, name: Later, enabled: true, debug: true, verificationKeyIds: [${K_ACME}],
        linkingStrategy: CreatePendingLink, applicationConfiguration: { ${APP}: { enabled: true } } }
  apiKeys: [{ key: "\${API_KEY}" }]
  webhooks:
    - { url: "http://127.0.0.1:1/down", events: [jwt.refresh, jwt.refresh-token.revoke],
        headers: { X-Hook-Token: "\${HOOK_PASSWORD}" },
        httpAuthenticationUsername: us, httpAuthenticationPassword: "\${HOOK_PASSWORD}" }
`;

const LISTENERS = `version: 1
listeners:
  proxy: { bind: "127.0.0.1:0" }
  ops: { bind: "127.0.0.1:0" }
  api: { bind: "127.0.0.1:0", enabled: true }
`;

interface Sent {
  readonly json?: unknown;
  readonly form?: Record<string, string>;
  readonly text?: string;
  readonly auth?: string | null;
  readonly cookie?: string;
}

/** A service on a store of this kind, and what it let be seen. */
class Watched {
  readonly #forbidden = new Set<string>([
    MARK,
    hex,
    ...encodedMarks(),
    middleOfPem(own),
    middleOfPem(imported),
  ]);
  /** Bodies and headers of answers that refuse. */
  readonly #errors: string[] = [];
  readonly gateway: TestGateway;
  readonly #kind: StoreKind;
  readonly #address: string;
  readonly #database: PostgresDatabase | null;

  private constructor(gateway: TestGateway, kind: StoreKind, database: PostgresDatabase | null) {
    this.gateway = gateway;
    this.#kind = kind;
    this.#database = database;
    this.#address = database?.url ?? join(gateway.folder, 'data', 'countersign.db');
  }

  static async start(kind: StoreKind): Promise<Watched> {
    const database = kind === 'postgres' ? await createPostgresDatabase() : null;
    const store = database === null ? '{ driver: sqlite }' : `{ driver: postgres, url: "\${DATABASE}" }`;
    const gateway = await startGateway(`dataDir: ./data\n${configuration(store)}`, {
      listeners: LISTENERS,
      environment: {
        API_KEY: KEY,
        MASTER_KEY: `${MARK}-master-key-0123456789-0123456789`,
        HOOK_PASSWORD: `${MARK}-hook`,
        DATABASE: database?.url ?? '',
      },
      files: { 'own.pem': pemOf(own), 'acme.pem': spki },
    });
    return new Watched(gateway, kind, database);
  }

  /** What may not be seen from now on: of a token each part but its header. */
  forbid(secret: string): string {
    const parts = secret.split('.');
    for (const part of parts.length === 3 ? parts.slice(1) : [secret])
      if (part !== '') this.#forbidden.add(part);
    return secret;
  }

  token(claims: object = {}, key = acme): string {
    const exp = Math.floor(Date.now() / 1000) + 300;
    return this.forbid(signed(key, { sub: 'bob', email: EMAIL, email_verified: true, exp, ...claims }));
  }

  /** Status and body; secrets in a good answer are forbidden everywhere else. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at members that they expect
  async call(method: string, path: string, sent: Sent = {}): Promise<{ status: number; body: any }> {
    const { json, form, text, auth = KEY, cookie } = sent;
    const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded';
    const body =
      form === undefined
        ? (text ?? (json === undefined ? null : JSON.stringify(json)))
        : new URLSearchParams(form);
    const answer = await fetch(`${this.gateway.app.origins.api}${path}`, {
      method,
      body,
      headers: {
        ...(auth === null ? {} : { Authorization: auth }),
        ...(cookie === undefined ? {} : { Cookie: cookie }),
        ...(body === null ? {} : { 'Content-Type': type }),
      },
    });
    const said = await answer.text();
    if (answer.status >= 400) this.#errors.push(JSON.stringify([...answer.headers]), said);
    const parsed = said === '' ? null : JSON.parse(said);
    this.#forbidSecretsOf(parsed);
    return { status: answer.status, body: parsed };
  }

  #forbidSecretsOf(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, member] of Object.entries(value)) {
      if (SECRET_MEMBERS.has(name) && typeof member === 'string') this.forbid(member);
      this.#forbidSecretsOf(member);
    }
  }

  /** Where a secret was seen. */
  leaksIn(texts: ReadonlyMap<string, string>): string[] {
    return [...texts].flatMap(([where, text]) =>
      [...this.#forbidden]
        .filter((secret) => text.includes(secret))
        .map((secret) => `${where}: ${secret.slice(0, 12)}…`),
    );
  }

  get count(): number {
    return this.#forbidden.size;
  }

  async seenByPeople(): Promise<ReadonlyMap<string, string>> {
    const eventLogs = await this.call('POST', '/api/system/event-log/search', {
      json: { search: { numberOfResults: 500 } },
    });
    const { assertions } = this;
    return new Map([
      ['log', this.gateway.log.map((line) => JSON.stringify(line)).join('\n')],
      ['metrics', await this.gateway.metrics()],
      ['readiness', await (await fetch(`${this.gateway.opsUrl}/readyz`)).text()],
      ['errors', this.#errors.join('\n')],
      ['event log', JSON.stringify(eventLogs.body)],
      ['assertions', assertions.join('\n')],
    ]);
  }

  /** Their payloads: backends get claims of users, never what opens a session. */
  get assertions(): string[] {
    return this.gateway.backend.received.map(({ headers }) =>
      Buffer.from(String(headers['x-jwt-assertion'] ?? '').split('.')[1] ?? '', 'base64').toString('utf8'),
    );
  }

  async stored(): Promise<ReadonlyMap<string, string>> {
    return await storedBytes(this.#kind, this.#address);
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.#database?.drop();
  }
}

const SECRET_MEMBERS = new Set([
  'token',
  'refreshToken',
  'access_token',
  'refresh_token',
  'pendingIdPLinkId',
  'key', // of POST /api/api-key
]);

type Step = readonly [what: string, run: (watched: Watched) => Promise<unknown>];

const login = async (watched: Watched, applicationId = APP) =>
  (await watched.call('POST', '/api/login', { json: { loginId: EMAIL, password: PASSWORD, applicationId } }))
    .body;
const reconcile = (watched: Watched, token: string, identityProviderId = IDP) =>
  watched.call('POST', '/api/jwt/reconcile', {
    json: { applicationId: APP, identityProviderId, data: { token } },
    auth: null,
  });
const status = async (answer: Promise<{ status: number }>) => (await answer).status;

/** In order: later ones use what earlier ones made. */
const STEPS: readonly Step[] = [
  [
    'users and registrations',
    async (watched) => {
      const user = { tenantId: TENANT, email: EMAIL, password: PASSWORD, verified: true };
      expect(await status(watched.call('POST', `/api/user/${USER}`, { json: { user } }))).toBe(200);
      for (const applicationId of [APP, ONCE]) {
        const json = { registration: { applicationId } };
        expect(await status(watched.call('POST', `/api/user/registration/${USER}`, { json }))).toBe(200);
      }
      expect(await status(watched.call('GET', `/api/user/${USER}`))).toBe(200);
      await watched.call('POST', '/api/user', { json: { user: { ...user, tenantId: MARK } } });
      await watched.call('POST', '/api/user', { json: { user: { password: PASSWORD } } });
    },
  ],
  [
    'keys, given and made',
    async (watched) => {
      const secret = { name: 'shared', algorithm: 'HS256', secret: `${MARK}-${'s'.repeat(40)}` };
      const pem = { name: 'pem', algorithm: 'ES256', privateKey: pemOf(imported) };
      expect(
        await status(watched.call('POST', `/api/key/import/${K_SECRET}`, { json: { key: secret } })),
      ).toBe(200);
      expect(await status(watched.call('POST', `/api/key/import/${K_PEM}`, { json: { key: pem } }))).toBe(
        200,
      );
      const made = { key: { name: 'made', algorithm: 'RS256' } };
      expect(await status(watched.call('POST', '/api/key/generate', { json: made }))).toBe(200);
      const { body } = await watched.call('GET', '/api/key');
      expect(JSON.stringify(body)).not.toMatch(/CANARY|PRIVATE KEY|ealed/);
      for (const broken of [{ privateKey: MARK }, { secret: MARK }, { publicKey: pemOf(imported) }])
        await watched.call('POST', '/api/key/import', {
          json: { key: { name: 'broken', algorithm: 'ES256', ...broken } },
        });
    },
  ],
  [
    'API keys, given and made',
    async (watched) => {
      const given = { apiKey: { key: `${MARK}-another-api-key-0123456789abcdef` } };
      expect(await status(watched.call('POST', '/api/api-key', { json: given }))).toBe(200);
      const made = await watched.call('POST', '/api/api-key', { json: { apiKey: {} } });
      expect(await status(watched.call('GET', '/api/tenant', { auth: made.body.apiKey.key }))).toBe(200);
      await watched.call('POST', '/api/api-key', { json: { apiKey: { key: MARK } } });
      expect(await status(watched.call('GET', '/api/tenant', { auth: `${MARK}-nobody` }))).toBe(401);
    },
  ],
  [
    'webhooks and lambdas',
    async (watched) => {
      const webhook = {
        url: `http://127.0.0.1:1/${MARK}-path?token=${MARK}-query`,
        eventsEnabled: { 'jwt.refresh': true },
        headers: { Authorization: `Bearer ${MARK}-header`, 'X-Api-Key': `${MARK}-key` },
        data: { note: `${MARK} data` },
      };
      const other = await watched.call('POST', '/api/webhook', { json: { webhook } });
      expect(other.status).toBe(200);
      const basic = {
        ...webhook,
        headers: { 'X-Api-Key': `${MARK}-key` },
        httpAuthenticationUsername: `${MARK}-user`,
        httpAuthenticationPassword: `${MARK}-other-hook`,
      };
      const path = `/api/webhook/${other.body.webhook.id}`;
      expect(await status(watched.call('PUT', path, { json: { webhook: basic } }))).toBe(200);
      const patch = { webhook: { headers: { 'X-Other': `${MARK}-patched` } } };
      expect(await status(watched.call('PATCH', path, { json: patch }))).toBe(200);
      const shown = await watched.call('GET', path);
      expect(JSON.stringify(shown.body)).not.toMatch(/-header|-key|-other-hook|-patched/);
      await watched.call('POST', '/api/webhook', { json: { webhook: { ...webhook, url: `ftp://${MARK}` } } });
      const body = `function populate() { /* ${MARK} */ console.error(JSON.stringify([...arguments])); }`;
      const lambda = { name: 'tells', type: 'JWTPopulate', body, debug: true };
      const made = await watched.call('POST', '/api/lambda', { json: { lambda } });
      expect(made.status).toBe(200);
      const application = { lambdaConfiguration: { accessTokenPopulateId: made.body.lambda.id } };
      await watched.call('POST', '/api/application', {
        json: { application: { name: 'told', tenantId: TENANT, ...application } },
      });
    },
  ],
  [
    'whatever else objects hold',
    async (watched) => {
      const data = { apiKey: `${MARK}-data` };
      const oauth2 = { token_endpoint: `https://acme.test/?secret=${MARK}` };
      const objects: readonly [path: string, body: object][] = [
        ['/api/tenant', { tenant: { name: 'with data', issuer: 'data.test', data } }],
        ['/api/application', { application: { name: 'with data', tenantId: TENANT, data } }],
        ['/api/identity-provider', { identityProvider: { name: 'with data', data, oauth2 } }],
      ];
      for (const [path, json] of objects)
        expect(await status(watched.call('POST', path, { json }))).toBe(200);
    },
  ],
  [
    'logins, good and bad',
    async (watched) => {
      expect(await login(watched)).toMatchObject({ refreshToken: expect.any(String) });
      const wrong = { loginId: EMAIL, password: `${MARK} wrong`, applicationId: APP };
      expect(await status(watched.call('POST', '/api/login', { json: wrong }))).toBe(404);
      await watched.call('POST', '/api/login', {
        json: { loginId: MARK, password: MARK, applicationId: MARK },
      });
      await watched.call('PATCH', `/api/user/${USER}`, { json: { user: { password: PASSWORD } } });
    },
  ],
  [
    'foreign tokens, good and bad, and links that wait',
    async (watched) => {
      expect(await status(reconcile(watched, watched.token()))).toBe(200);
      expect(await status(reconcile(watched, watched.token({}, imported)))).toBe(401);
      expect(await status(reconcile(watched, watched.token({ exp: 1 })))).toBe(401);
      expect(await status(reconcile(watched, `${MARK}.${MARK}.${MARK}`))).toBe(401);
      const { status: pending, body } = await reconcile(watched, watched.token({ sub: 'eve' }), PENDING_IDP);
      expect(pending).toBe(232);
      const path = `/api/identity-provider/link/pending/${body.pendingIdPLinkId}`;
      expect(await status(watched.call('GET', path))).toBe(200);
      await watched.call('GET', `/api/identity-provider/link/pending/${MARK}`);
      const json = { identityProviderLink: { pendingIdPLinkId: MARK, userId: USER } };
      await watched.call('POST', '/api/identity-provider/link', { json });
    },
  ],
  [
    'refreshes, good, repeated and unknown',
    async (watched) => {
      const reusable = await login(watched);
      const refresh = (refreshToken: string, cookie?: string) =>
        watched.call('POST', '/api/jwt/refresh', {
          json: { refreshToken },
          auth: null,
          ...(cookie ? { cookie } : {}),
        });
      expect(await status(refresh(reusable.refreshToken))).toBe(200);
      const cookie = `refresh_token=${reusable.refreshToken}; access_token=${reusable.token}`;
      expect(await status(watched.call('POST', '/api/jwt/refresh', { auth: null, cookie, json: {} }))).toBe(
        200,
      );
      const once = await login(watched, ONCE);
      expect(await status(refresh(once.refreshToken))).toBe(200);
      expect(await status(refresh(once.refreshToken))).toBe(400); // a replay: the session ends
      expect(await status(refresh(`${MARK}-unknown`))).toBe(400);
      await watched.call('POST', '/api/jwt/refresh', { text: `{"refreshToken": "${MARK}`, auth: null });
      await watched.call('POST', '/api/jwt/refresh', { json: { refreshToken: [MARK] }, auth: null });
    },
  ],
  [
    'access tokens: validated, issued, vended, taken by the proxy',
    async (watched) => {
      const { token } = await login(watched);
      const bearer = `Bearer ${token}`;
      expect(await status(watched.call('GET', '/api/jwt/validate', { auth: bearer }))).toBe(200);
      expect(
        await status(watched.call('GET', `/api/jwt/issue?applicationId=${ONCE}`, { auth: bearer })),
      ).toBe(200);
      const vend = { json: { claims: { sub: 'x' } } };
      expect(await status(watched.call('POST', '/api/jwt/vend', vend))).toBe(200);
      expect((await watched.gateway.get('/x', token)).status).toBe(200);
      for (const bad of [MARK, watched.token(), watched.forbid(`${token.slice(0, -4)}AAAA`)])
        expect(await status(watched.call('GET', '/api/jwt/validate', { auth: `Bearer ${bad}` }))).toBe(401);
      await watched.call('POST', '/api/jwt/vend', { json: { claims: MARK } });
    },
  ],
  [
    'the standard endpoints',
    async (watched) => {
      const { refreshToken } = await login(watched);
      const form = { client_id: APP ?? '', grant_type: 'refresh_token', refresh_token: refreshToken };
      expect(await status(watched.call('POST', '/oauth2/token', { form, auth: null }))).toBe(200);
      await watched.call('POST', '/oauth2/token', { form: { ...form, refresh_token: MARK }, auth: null });
      await watched.call('POST', '/oauth2/token', {
        form: { grant_type: MARK, client_secret: MARK },
        auth: null,
      });
      const basic = `Basic ${Buffer.from(`${APP}:${KEY}`).toString('base64')}`;
      expect(
        await status(
          watched.call('POST', '/oauth2/introspect', { form: { token: refreshToken }, auth: basic }),
        ),
      ).toBe(200);
      const wrong = `Basic ${Buffer.from(`${APP}:${MARK}`).toString('base64')}`;
      await watched.call('POST', '/oauth2/introspect', { form: { token: MARK }, auth: wrong });
      const revoke = { client_id: APP ?? '', token: refreshToken };
      expect(await status(watched.call('POST', '/oauth2/revoke', { form: revoke, auth: null }))).toBe(200);
    },
  ],
  [
    'tokens shown and revoked',
    async (watched) => {
      const { refreshToken, token } = await login(watched);
      expect(await status(watched.call('GET', `/api/jwt/refresh?userId=${USER}`))).toBe(200);
      expect(await status(watched.call('DELETE', `/api/jwt/refresh?token=${refreshToken}`))).toBe(200);
      await watched.call('DELETE', `/api/jwt/refresh?token=${MARK}`);
      await watched.call('DELETE', '/api/jwt/refresh', { json: { token: MARK } });
      await watched.call('GET', `/api/jwt/refresh/${MARK}`);
      await watched.call('POST', `/api/logout?refreshToken=${MARK}`, { auth: `Bearer ${token}` });
      await watched.call('GET', `/api/${MARK}?token=${MARK}`, {
        auth: `Bearer ${MARK}`,
        cookie: `access_token=${MARK}`,
      });
    },
  ],
];

describe.each(['sqlite', 'postgres'] as const)('no token, secret or key on %s', (kind) => {
  describe.skipIf(kind === 'postgres' && !hasPostgres)('through the token service', () => {
    let watched: Watched;
    beforeAll(async () => {
      watched = await Watched.start(kind);
    }, 60_000);
    afterAll(() => watched?.stop());

    it.each(STEPS)('is seen or kept in the clear after %s (JWT-C95, O01, T12, T15)', async (_what, run) => {
      const before = watched.count;
      await run(watched);
      expect(watched.count).toBeGreaterThanOrEqual(before);
      expect(watched.leaksIn(await watched.seenByPeople())).toEqual([]);
      expect(watched.leaksIn(await watched.stored())).toEqual([]);
    });

    it('was looked for in vain: the dump holds users, sessions and events that wait (T12)', async () => {
      const all = [...(await watched.stored()).values()].join('\n');
      for (const kept of [EMAIL, 'FEDERATED_JWT', '$scrypt$', 'acme.com']) expect(all).toContain(kept);
      const kinds = kind === 'sqlite' ? 'webhook_deliveries' : 'v1.';
      expect(all).toContain(kinds);
    });

    it('was looked for in vain: one in a table or a log line would be found', () => {
      const found = watched.leaksIn(new Map([['table', `a row with ${KEY}`]]));
      expect(found).toEqual([expect.stringContaining('table: CANARY')]);
      const basic = Buffer.from(`us:${MARK}-hook`).toString('base64');
      expect(watched.leaksIn(new Map([['log', basic]]))).toHaveLength(1);
    });
  });
});
