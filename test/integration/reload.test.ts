import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { selfSignedCertificate } from '../support/certificate.ts';
import { LISTENERS, startGateway, type TestGateway } from '../support/gateway.ts';
import { hs256, testKey } from '../support/tokens.ts';

const SECRET = 'a-secret-that-is-long-enough-for-hs256';
const routeTo = (upstream: string, name = 'home') =>
  `routes: [{ name: ${name}, match: { pathPrefix: / }, upstream: "${upstream}", auth: none }]\n`;
const TO_BACKEND = routeTo('${BACKEND}');

/** A look is taken every second, and a change must last for two: more than poll() waits by itself. */
const WATCHED = { timeout: 10_000 };

let gateway: TestGateway;
const others: { close(): void }[] = [];

afterEach(async () => {
  for (const other of others.splice(0)) other.close();
  await gateway.stop();
});

const messages = () => gateway.log.map(({ msg }) => msg);
const configFile = () => join(gateway.folder, 'countersign.yaml');

describe('a file that changes', () => {
  it('is read without a signal (GW-C02)', async () => {
    gateway = await startGateway(TO_BACKEND);
    writeFileSync(configFile(), `${LISTENERS}${routeTo('builtin:echo')}`);
    await expect.poll(messages, WATCHED).toContain('Configuration reloaded');
    await (await gateway.get('/')).arrayBuffer();
    expect(gateway.backend.received).toHaveLength(0);
  });

  it('is read when the link of a mounted ConfigMap is swapped (GW-C02)', async () => {
    gateway = await startGateway(TO_BACKEND);
    for (const [version, upstream] of Object.entries({ '..v1': '${BACKEND}', '..v2': 'builtin:echo' })) {
      mkdirSync(join(gateway.folder, version));
      writeFileSync(join(gateway.folder, version, 'countersign.yaml'), LISTENERS + routeTo(upstream));
    }
    const swap = (name: string, target: string) => {
      symlinkSync(target, join(gateway.folder, `${name}.new`));
      renameSync(join(gateway.folder, `${name}.new`), join(gateway.folder, name));
    };
    swap('..data', '..v1');
    swap('countersign.yaml', '..data/countersign.yaml');
    expect(await gateway.app.reload()).toBe(true);
    swap('..data', '..v2');
    const reloads = () => messages().filter((message) => message === 'Configuration reloaded').length;
    await expect.poll(reloads, WATCHED).toBe(2);
    await (await gateway.get('/')).arrayBuffer();
    expect(gateway.backend.received).toHaveLength(0);
  });

  it('with a mistake changes nothing, and is read again when it is mended (GW-C02)', async () => {
    gateway = await startGateway(TO_BACKEND);
    writeFileSync(configFile(), `${LISTENERS}routs: []\n`);
    await expect
      .poll(messages, WATCHED)
      .toContain('Configuration was not reloaded, the old one stays in use');
    expect((await gateway.get('/')).status).toBe(200);
    expect(await gateway.metrics()).toMatch(/^countersign_config_last_reload_success 0$/m);
    writeFileSync(configFile(), LISTENERS + TO_BACKEND);
    await expect.poll(messages, WATCHED).toContain('Configuration reloaded');
    expect(await gateway.metrics()).toMatch(/^countersign_config_last_reload_success 1$/m);
  });

  it('is read when it is a secret that the configuration names', async () => {
    const realms = 'realms: [{ name: a, issuer: a, signingKey: { secret: { file: secret } } }]\n';
    gateway = await startGateway(realms + TO_BACKEND, { files: { secret: SECRET } });
    writeFileSync(join(gateway.folder, 'secret'), `another-${SECRET}`);
    await expect.poll(messages, WATCHED).toContain('Configuration reloaded');
  });
});

describe('a request that runs while the configuration is replaced', () => {
  it('is forwarded by the configuration that it began with, however late that is decided (I11)', async () => {
    const gate = Promise.withResolvers<object>();
    let asked = 0;
    const getClaims = () => {
      asked += 1;
      return gate.promise;
    };
    Object.assign(globalThis, { countersignTestClaims: getClaims });
    const module = 'export const getClaims = () => globalThis.countersignTestClaims();';
    const yaml = `realms: [{ name: a, issuer: a, signingKey: { secret: "${SECRET}" } }]
assertion: { userClaims: { retriever: { module: ./claims.mjs } } }
routes: [{ name: home, match: { pathPrefix: / }, upstream: "\${BACKEND}" }]
`;
    gateway = await startGateway(yaml, { files: { 'claims.mjs': module } });
    const exp = Math.floor(Date.now() / 1000) + 300;
    const answer = gateway.get('/', hs256(SECRET, { iss: 'a', sub: 'alice', exp }));
    await expect.poll(() => asked).toBe(1);
    expect(await gateway.reload(routeTo('builtin:echo'))).toBe(true);
    gate.resolve({});
    expect((await answer).status).toBe(200);
    expect(gateway.assertion().payload['sub']).toBeDefined();
  });

  it('is streamed to its end by the upstream that it began with (GW-C02, I11)', async () => {
    let finish = () => {};
    const slow = createServer((_request, response) => {
      response.write('begun ');
      finish = () => void response.end('and ended');
    });
    others.push(slow);
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
    const address = slow.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    gateway = await startGateway(routeTo(`http://127.0.0.1:${port}`));
    const answer = await gateway.get('/');
    for (let reload = 0; reload < 3; reload += 1) expect(await gateway.reload(TO_BACKEND)).toBe(true);
    expect((await gateway.get('/')).status).toBe(200);
    expect(gateway.backend.received).toHaveLength(1);
    finish();
    expect(await answer.text()).toBe('begun and ended');
  });

  it('keeps its WebSocket (GW-C02)', async () => {
    const backend = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    others.push(backend);
    backend.on('connection', (socket) => socket.on('message', (text) => socket.send(String(text))));
    await new Promise((resolve) => backend.once('listening', resolve));
    const address = backend.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    gateway = await startGateway(routeTo(`http://127.0.0.1:${port}`));
    const socket = new WebSocket(gateway.url.replace('http', 'ws'));
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    for (let reload = 0; reload < 3; reload += 1) expect(await gateway.reload(TO_BACKEND)).toBe(true);
    socket.send('still here');
    expect(String(await new Promise((resolve) => socket.once('message', resolve)))).toBe('still here');
    socket.terminate();
  });
});

describe('a reload of listeners', () => {
  it.each([
    ['another address', 'proxy: { bind: "127.0.0.2:0" }'],
    ['the PROXY protocol', 'proxy: { bind: "127.0.0.1:0", proxyProtocol: true }'],
  ])('refuses %s: the process would not be what the file says', async (_name, proxy) => {
    gateway = await startGateway(TO_BACKEND);
    const yaml = `version: 1\nlisteners: { ${proxy}, ops: { bind: "127.0.0.1:0" } }\ntrustedProxies: [10.0.0.0/8]\n`;
    writeFileSync(configFile(), yaml + TO_BACKEND);
    expect(await gateway.app.reload()).toBe(false);
    const readyz = await (await fetch(`${gateway.opsUrl}/readyz`)).text();
    expect(readyz).toContain('listeners have changed: restart to apply the file');
    expect((await gateway.get('/')).status).toBe(200);
  });

  it('takes up changed certificates (GW-C13)', async () => {
    const [first, second] = [pair(), pair()];
    gateway = await startGateway(TO_BACKEND, { files: first.files });
    const listeners = LISTENERS.replace(
      'proxy: { bind: "127.0.0.1:0" }',
      'proxy: { bind: "127.0.0.1:0", tls: { certFile: cert.pem, keyFile: key.pem } }',
    );
    writeFileSync(configFile(), listeners + TO_BACKEND);
    expect(await gateway.app.reload()).toBe(false); // plain HTTP when it started
    await gateway.stop();

    gateway = await startGateway(TO_BACKEND, { files: first.files, listeners });
    expect(await shows(gateway.url, first.certificate)).toBe(true);
    for (const [name, content] of Object.entries(second.files))
      writeFileSync(join(gateway.folder, name), content);
    expect(await gateway.app.reload()).toBe(true);
    expect(await shows(gateway.url, first.certificate)).toBe(false);
    expect(await shows(gateway.url, second.certificate)).toBe(true);
  });

  it('keeps the certificates where the new key is missing', async () => {
    const first = pair();
    const listeners = LISTENERS.replace(
      'proxy: { bind: "127.0.0.1:0" }',
      'proxy: { bind: "127.0.0.1:0", tls: { certFile: cert.pem, keyFile: key.pem } }',
    );
    gateway = await startGateway(TO_BACKEND, { files: first.files, listeners });
    rmSync(join(gateway.folder, 'key.pem'));
    expect(await gateway.app.reload()).toBe(false);
    expect(await shows(gateway.url, first.certificate)).toBe(true);
  });
});

function pair(): { certificate: string; files: Record<string, string> } {
  const key = testKey('ES256');
  const certificate = selfSignedCertificate(key);
  const privateKey = String(key.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return { certificate, files: { 'cert.pem': certificate, 'key.pem': privateKey } };
}

/** True where the gateway shows this certificate. */
function shows(url: string, certificate: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', ca: certificate }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
