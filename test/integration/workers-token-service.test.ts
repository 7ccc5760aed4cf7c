import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServeProcess, serveProcess, until } from '../support/serve.ts';
import { signed, testKey } from '../support/tokens.ts';
import { type RecordingUpstream, recordingUpstream } from '../support/upstream.ts';
import { ask, reachAll, workerOfPath } from '../support/workers.ts';

const WORKERS = 2;
/** Calls a minute of one address without a key. */
const LIMIT = 10;
const START_MS = 60_000;
const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const [K_OWN, K_ACME, TENANT, APP, IDP] = [1, 2, 3, 4, 5].map(id);
const KEY = 'an-api-key-that-nobody-will-guess-0001';
const own = testKey('RS256', 'kid-rs');
const acme = testKey('ES256', 'acme-1');

const CONFIG = `version: 1
workers: ${WORKERS}
shutdownGrace: 0s
listeners:
  proxy: { bind: "127.0.0.1:0" }
  ops: { bind: "127.0.0.1:0" }
  api: { bind: "127.0.0.1:0", enabled: true }
realms: [{ name: self, type: self, issuer: acme.com, revocation: checkSid }]
assertion: { userClaims: { retriever: store } }
routes:
  - { name: app, match: { pathPrefix: /app }, upstream: "\${BACKEND}", application: { id: ${APP}, name: app } }
tokenService:
  anonymousLimit: { perAddressPerMinute: ${LIMIT} }
  keys:
    - { id: ${K_OWN}, name: own, kid: kid-rs, privateKeyFile: own.pem }
    - { id: ${K_ACME}, name: acme, kid: acme-1, publicKeyFile: acme.pem }
  tenants: [{ id: ${TENANT}, name: Default, issuer: acme.com, jwtConfiguration: { accessTokenKeyId: ${K_OWN} } }]
  applications:
    - id: ${APP}
      name: Pied Piper
      loginConfiguration: { generateRefreshTokens: true, allowTokenRefresh: true }
  identityProviders:
    - id: ${IDP}
      name: Acme
      enabled: true
      verificationKeyIds: [${K_ACME}]
      domains: [acme.com]
      applicationConfiguration: { ${APP}: { enabled: true } }
  apiKeys: [{ key: "\${API_KEY}" }]
`;

let folder: string;
let upstream: RecordingUpstream;
let gateway: ServeProcess;
let proxy: string;
let api: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-workers-'));
  upstream = await recordingUpstream();
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
  write('own.pem', own.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  write('acme.pem', acme.publicKey.export({ format: 'pem', type: 'spki' }).toString());
  write('countersign.yaml', CONFIG);
  const environment = { BACKEND: upstream.url, API_KEY: KEY };
  gateway = serveProcess(['--config', join(folder, 'countersign.yaml')], environment);
  ({ proxy } = await gateway.listening());
  api = String(gateway.log().find(({ msg }) => msg === 'Listening')?.['api']);
}, START_MS);
afterAll(async () => {
  gateway.kill('SIGTERM');
  await gateway.exit();
  await upstream.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

const WITH_KEY = { 'content-type': 'application/json', authorization: KEY };

/** On a connection of its own, so that each call may meet another worker. */
function call(
  method: string,
  path: string,
  body: unknown = null,
  headers: Record<string, string> = WITH_KEY,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${api}${path}`, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, body: text === '' ? {} : JSON.parse(text) });
      });
    });
    sent.once('error', reject).end(body === null ? '' : JSON.stringify(body));
  });
}

function reconcile(subject: string): Promise<Answer> {
  const exp = Math.floor(Date.now() / 1000) + 300;
  const token = signed(acme, { sub: subject, email: `${subject}@acme.com`, email_verified: true, exp });
  const data = { token };
  return call('POST', '/api/jwt/reconcile', { applicationId: APP, identityProviderId: IDP, data });
}

const workersOfCalls = () =>
  new Set(
    gateway
      .log()
      .filter(({ msg }) => msg === 'call')
      .map(({ worker }) => worker),
  );

describe('the token service on two workers', () => {
  it('makes one user of one foreign caller, whichever workers are asked at once', async () => {
    const users = new Set<unknown>();
    await until(async () => {
      const answers = await Promise.all(Array.from({ length: 6 }, () => reconcile('bob')));
      for (const { status, body } of answers) {
        expect(status).toBe(200);
        users.add(Reflect.get(Object(body['user']), 'id'));
      }
      return workersOfCalls().size === WORKERS;
    });
    expect(users.size).toBe(1);
  });

  it('opens the proxy at both with its token, and closes it at both when the session is ended', async () => {
    const { body } = await reconcile('eve');
    const token = String(body['token']);
    const statuses = async (prefix: string) => {
      const found = new Map<string, number>();
      await reachAll(
        gateway,
        WORKERS,
        async (name) => {
          const { status } = await ask(`${proxy}/app/${name}`, token);
          found.set(`/app/${name}`, status);
        },
        prefix,
      );
      // Log lines come a moment after the answer.
      await until(() => [...found.keys()].every((path) => workerOfPath(gateway).has(path)));
      const workers = workerOfPath(gateway);
      return new Set([...found].map(([path, status]) => `worker ${workers.get(path)}: ${status}`));
    };
    expect(await statuses('open')).toEqual(new Set(['worker 1: 200', 'worker 2: 200']));
    const refreshToken = encodeURIComponent(String(body['refreshToken']));
    expect((await call('DELETE', `/api/jwt/refresh?token=${refreshToken}`)).status).toBe(200);
    let round = 0;
    await expect
      .poll(async () => [...(await statuses(`closed${round++}-`))].sort(), { timeout: 10_000 })
      .toEqual(['worker 1: 401', 'worker 2: 401']);
  });

  it('lets an address call without a key as often as one worker alone would', async () => {
    // A proxy that nobody trusts: who calls from this machine by itself is not limited.
    const forwarded = { 'x-forwarded-for': '192.0.2.1' };
    const path = '/.well-known/jwks.json';
    const calls = Array.from({ length: 5 * LIMIT }, () => call('GET', path, null, forwarded));
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    const passed = statuses.filter((status) => status === 200).length;
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    expect(passed).toBeGreaterThanOrEqual(LIMIT);
    expect(passed).toBeLessThan(LIMIT + WORKERS); // one each may be given back meanwhile
    const workers = () => gateway.log().filter((line) => line['path'] === path && line['status'] === 200);
    await expect.poll(() => new Set(workers().map(({ worker }) => worker)).size).toBe(WORKERS);
  });
});
