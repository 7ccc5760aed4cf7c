/** examples/backend-node as it is, a process of its own, behind a gateway. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeMissingSecrets } from '../../src/app/demo.ts';
import { startApp } from '../../src/app.ts';
import { runCommand } from '../support/command-line.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { hs256 } from '../support/tokens.ts';

const SERVER = join(import.meta.dirname, '../../examples/backend-node/server.ts');
const SECRET = 'a secret of this test, long enough for HS256';

const routesTo = (upstream: string) => `
realms:
  - { name: corp, issuer: corp, signingKey: { secret: "${SECRET}" } }
assertion: {}
routes:
  - { name: app, match: { pathPrefix: / }, upstream: "${upstream}" }
  - { name: other, match: { pathPrefix: /other }, upstream: "${upstream}" }
  - { name: public, match: { pathPrefix: /public }, upstream: "${upstream}", auth: none }
`;

describe('examples/backend-node', () => {
  let gateway: TestGateway;
  let backend: ChildProcess;
  let backendUrl: string;

  beforeAll(async () => {
    gateway = await startGateway(routesTo('builtin:echo'));
    backend = spawn(process.execPath, [SERVER], {
      env: { PORT: '0', GATEWAY: gateway.url },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (backend.stdout === null) throw new TypeError('no standard output');
    const [line] = await once(backend.stdout, 'data');
    backendUrl = `http://127.0.0.1:${JSON.parse(String(line)).port}`;
    await gateway.reload(routesTo(backendUrl));
  });

  afterAll(async () => {
    backend.kill();
    await gateway.stop();
  });

  const token = () => {
    const now = Math.floor(Date.now() / 1000);
    return hs256(SECRET, { iss: 'corp', sub: 'alice', iat: now, exp: now + 300 });
  };

  it('verifies the header with jose and prints the enduser (AST-C55)', async () => {
    const answer = await gateway.get('/', token());
    expect(await answer.text()).toBe('Hello alice\n');
  });

  it('answers 401 to an assertion that another key signed (AST-C55)', async () => {
    const stranger = await startGateway(routesTo(backendUrl));
    try {
      expect((await stranger.get('/', token())).status).toBe(401);
    } finally {
      await stranger.stop();
    }
  });

  it('answers 401 to an assertion for another backend (H07)', async () => {
    expect((await gateway.get('/other', token())).status).toBe(401);
  });

  it('answers 401 without an assertion, past the gateway or on a public route', async () => {
    expect((await fetch(backendUrl)).status).toBe(401);
    expect((await gateway.get('/public')).status).toBe(401);
  });
});

describe('examples/backend-node/countersign.yaml', () => {
  const CONFIG = join(import.meta.dirname, '../../examples/backend-node/countersign.yaml');

  async function freePort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    server.close();
    await once(server, 'close');
    if (address === null || typeof address === 'string') throw new TypeError('no port');
    return address.port;
  }

  it('leads a token that was minted for it to the backend, as the README says', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-backend-'));
    const bind = `127.0.0.1:${await freePort()}`;
    const backend = spawn(process.execPath, [SERVER], {
      env: { PORT: '0', GATEWAY: `http://${bind}` },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = await once(backend.stdout, 'data');
    const environment = {
      COUNTERSIGN_DATA_DIR: folder,
      COUNTERSIGN_BIND: bind,
      COUNTERSIGN_OPS_BIND: '127.0.0.1:0',
      APP_URL: `http://127.0.0.1:${JSON.parse(String(line)).port}`,
    };
    expect(makeMissingSecrets(CONFIG, environment)).toEqual([join(folder, 'secret')]);
    const app = await startApp({ configPath: CONFIG, environment, writeLog: () => {} });
    try {
      const order = ['token', 'mint', '--config', CONFIG, '--realm', 'demo', '--sub', 'alice'];
      const { stdout } = await runCommand(order, environment);
      const headers = { authorization: `Bearer ${stdout.trim()}` };
      const answer = await fetch(`${app.origins.proxy}/hello`, { headers });
      expect([answer.status, await answer.text()]).toEqual([200, 'Hello alice\n']);
      expect((await fetch(`${app.origins.proxy}/hello`)).status).toBe(401);
    } finally {
      await app.stop();
      backend.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
