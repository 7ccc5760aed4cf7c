/** Rows H11, D04, A02 and A05: no path, host, user agent, protocol or signal leads around the decision. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CERT, KEY } from '../support/certificates.ts';
import { fusionRealm, withRealms } from '../support/fusion.ts';
import { LISTENERS, startGateway, type TestGateway } from '../support/gateway.ts';
import { exchange, type RawResponse, rawClient } from '../support/raw-client.ts';
import { type ServeProcess, serveProcess } from '../support/serve.ts';

let gateway: TestGateway;
beforeAll(async () => {
  const everything = '  - { name: all, match: { pathPrefix: / }, upstream: echo }\n';
  gateway = await startGateway(withRealms([fusionRealm()]) + everything);
});
afterAll(() => gateway.stop());

const portOf = (url: string) => Number(new URL(url).port);

function get(path: string, lines = '', host = 'gw.test'): Promise<RawResponse> {
  return exchange(portOf(gateway.url), `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`);
}

describe('the proxy listener', () => {
  it.each([
    ['GoogleHC/1.0'],
    ['kube-probe/1.30'],
    ['ELB-HealthChecker/2.0'],
    ['Envoy/HC'],
    ['Prometheus/2.53'],
    [''],
  ])('makes no exception for the user agent %j (H11)', async (agent) => {
    const { status } = await get('/', `User-Agent: ${agent}\r\n`);
    expect(status).toBe(401);
  });

  it.each([
    '/ping',
    '/health',
    '/healthz',
    '/livez',
    '/ready',
    '/readyz',
    '/status',
    '/robots.txt',
    '/favicon.ico',
  ])('makes no exception for %s (H11)', async (path) => {
    expect((await get(path)).status).toBe(401);
  });

  it.each([
    '/metrics',
    '/%6detrics',
    '/x/../metrics',
    '//metrics',
    '/;/metrics',
    '/console',
    '/.well-known/jwks.json/../../metrics',
    'http://127.0.0.1:9090/metrics',
    'http://localhost/metrics',
    '*',
  ])('leads nobody to the operator’s pages by %s (A02)', async (path) => {
    const hosts = path.startsWith('http') ? [new URL(path).host] : ['gw.test', 'localhost', '127.0.0.1:9090'];
    for (const host of hosts) {
      const { status, body } = await get(path, '', host);
      expect(status).toBeOneOf([400, 401, 405, 501]);
      expect(body).not.toContain('countersign_');
    }
  });

  it('let none of these requests through', () => expect(gateway.backend.received).toEqual([]));

  it('speaks no HTTP/2 to a client that begins with it (D04)', async () => {
    const client = await rawClient(portOf(gateway.url));
    client.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    client.send(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])); // SETTINGS
    await client.closed();
    expect(client.received()).toMatch(/^HTTP\/1\.1 (?:400|501|505) /);
  });
});

describe('a TLS listener', () => {
  it('offers no HTTP/2 by ALPN (D04)', async () => {
    const listeners = `version: 1
listeners:
  proxy: { bind: "127.0.0.1:0", tls: { certFile: cert.pem, keyFile: key.pem } }
  ops: { bind: "127.0.0.1:0" }
`;
    const files = { 'cert.pem': CERT, 'key.pem': KEY };
    const secure = await startGateway(withRealms([fusionRealm()]), { listeners, files });
    const agreed = await new Promise((resolve, reject) => {
      const socket = connect({
        port: portOf(secure.url),
        host: '127.0.0.1',
        ca: CERT,
        ALPNProtocols: ['h2', 'http/1.1'],
        checkServerIdentity: () => undefined,
      });
      socket.once('error', reject).once('secureConnect', () => {
        resolve(socket.alpnProtocol);
        socket.destroy();
      });
    });
    await secure.stop();
    expect(agreed).toBe('http/1.1');
  });
});

describe('a running gateway', () => {
  let running: ServeProcess;
  let folder: string;
  afterEach(async () => {
    running.kill('SIGKILL');
    await running.exit();
    rmSync(folder, { recursive: true });
  });

  it('opens no inspector on SIGUSR1 (A05)', async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-signal-'));
    const configPath = join(folder, 'countersign.yaml');
    writeFileSync(configPath, LISTENERS + withRealms([fusionRealm()]));
    running = serveProcess(['--config', configPath], { BACKEND: gateway.backend.url });
    const { ops } = await running.listening();
    running.kill('SIGUSR1');
    await delay(SIGNAL_MS);
    expect((await fetch(`${ops}/healthz`)).status).toBe(200);
    expect(running.stderr()).toBe('');
  });
});

/** Node says at once that its debugger listens. */
const SIGNAL_MS = 300;
