import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { t1 } from '../support/acceptance.ts';
import { runCommand } from '../support/command-line.ts';
import { fusionRealm, PLACES, withRealms } from '../support/fusion.ts';
import { LISTENERS } from '../support/gateway.ts';
import { type ServeProcess, serveProcess, until } from '../support/serve.ts';
import { decodePart } from '../support/tokens.ts';
import { headerOf, OK, type RecordingUpstream, recordingUpstream } from '../support/upstream.ts';

const ROOT = join(import.meta.dirname, '../..');

let folder: string;
let configPath: string;
let upstream: RecordingUpstream;
let processes: ServeProcess[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-serve-'));
  configPath = join(folder, 'countersign.yaml');
  upstream = await recordingUpstream();
  processes = [];
});
afterEach(async () => {
  for (const one of processes) {
    one.kill('SIGKILL');
    await one.exit();
  }
  await upstream.close();
  rmSync(folder, { recursive: true });
});

/** Files are not watched here: what changes, changes by the signal. */
const HEAD = `${LISTENERS}reload: { watch: false }\n`;
const GOOD = HEAD + withRealms([fusionRealm()]);

function serve(yaml: string, ...args: string[]): ServeProcess {
  writeFileSync(configPath, yaml);
  const started = serveProcess(['--config', configPath, ...args], { BACKEND: upstream.url });
  processes.push(started);
  return started;
}

const messages = (gateway: ServeProcess) => gateway.log().map(({ msg }) => msg);

/** Writes the configuration, sends SIGHUP, and waits for what the log says of it. */
async function reload(gateway: ServeProcess, yaml: string): Promise<void> {
  const count = () =>
    messages(gateway).filter((msg) => /Configuration (?:was not )?reloaded/.test(String(msg))).length;
  const before = count();
  writeFileSync(configPath, yaml);
  gateway.kill('SIGHUP');
  await until(() => count() > before);
}

/** The assertion that the upstream received for one request; undefined without one. */
async function assertionOf(origin: string): Promise<string | undefined> {
  const answer = await fetch(`${origin}${PLACES}`, { headers: { Authorization: `Bearer ${t1()}` } });
  expect(answer.status).toBe(200);
  await answer.arrayBuffer();
  return headerOf(upstream.seen.at(-1), 'x-jwt-assertion')[0];
}

describe('SIGHUP', () => {
  it('switches the assertion on without a restart (AST-S03)', async () => {
    const gateway = serve(HEAD + withRealms([fusionRealm()], 'enabled: false'));
    const { proxy } = await gateway.listening();
    expect(await assertionOf(proxy)).toBeUndefined();
    await reload(gateway, GOOD);
    expect(await assertionOf(proxy)).toMatch(/^ey/);
  });

  it('with a bad file keeps the old configuration, and log, metric and /readyz say so (GW-C02)', async () => {
    const gateway = serve(GOOD);
    const { proxy, ops } = await gateway.listening();
    await reload(gateway, GOOD.replace('issuer: fusion', 'isuer: fusion'));
    expect(await assertionOf(proxy)).toMatch(/^ey/);
    expect(JSON.stringify(gateway.log())).toMatch(/"level":"error"[^}]*realms\[0\]\.isuer/);
    const metrics = await (await fetch(`${ops}/metrics`)).text();
    expect(metrics).toMatch(/^countersign_config_last_reload_success 0$/m);
    expect(metrics).toMatch(/^countersign_config_reloads_total\{result="failed"\} 1$/m);
    const readyz = await fetch(`${ops}/readyz`);
    expect(readyz.status).toBe(200);
    expect(JSON.stringify(await readyz.json())).toContain('the last reload failed');
    await reload(gateway, GOOD);
    expect(await (await fetch(`${ops}/readyz`)).json()).toMatchObject({ causes: [] });
  });

  it('takes up rotated keys at once', async () => {
    const gateway = serve(GOOD);
    const { proxy } = await gateway.listening();
    const oldKid = decodePart((await assertionOf(proxy)) ?? '', 0)['kid'];
    const { code } = await runCommand(['keys', 'rotate', '--force', '--config', configPath], {
      BACKEND: upstream.url,
    });
    expect(code).toBe(0);
    await reload(gateway, GOOD);
    const newKid = decodePart((await assertionOf(proxy)) ?? '', 0)['kid'];
    expect(newKid).not.toBe(oldKid);
    const published = await (await fetch(`${proxy}/.well-known/jwks.json`)).text();
    expect(published).toContain(String(oldKid));
    expect(published).toContain(String(newKid));
  });

  it('twenty times under load fails no request (GW-C02)', async () => {
    const gateway = serve(GOOD);
    const { proxy } = await gateway.listening();
    let isDone = false;
    const statuses: number[] = [];
    const load = Array.from({ length: 4 }, async () => {
      while (!isDone) {
        const answer = await fetch(`${proxy}${PLACES}`, { headers: { Authorization: `Bearer ${t1()}` } });
        await answer.arrayBuffer();
        statuses.push(answer.status);
      }
    });
    for (let index = 0; index < 20; index += 1) await reload(gateway, GOOD);
    isDone = true;
    await Promise.all(load);
    expect(statuses.length).toBeGreaterThan(20);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  it('warns of settings that only a restart changes', async () => {
    const gateway = serve(GOOD);
    await gateway.listening();
    await reload(gateway, `${GOOD}limits: { headerCount: 50 }\n`);
    await until(() => messages(gateway).includes('Changed settings take effect at the next start only'));
    expect(gateway.log().at(-1)).toMatchObject({ level: 'warn', settings: ['limits'] });
  });
});

describe('SIGTERM', () => {
  it('lets twenty slow requests finish, refuses new connections, and exits 0 (GW-C14)', async () => {
    const held: Socket[] = [];
    const slow = await recordingUpstream((_request, socket) => void held.push(socket));
    const gateway = serve(GOOD.replace('${BACKEND}', slow.url));
    const { proxy, ops } = await gateway.listening();
    const answers = Array.from({ length: 20 }, (_, index) =>
      fetch(`${proxy}${PLACES}/${index}`, { headers: { Authorization: `Bearer ${t1()}` } }),
    );
    await until(() => held.length === 20);
    gateway.kill('SIGTERM');
    await until(async () => (await fetch(`${ops}/readyz`)).status === 503);
    expect(await canConnect(proxy)).toBe(false);
    for (const socket of held) socket.write(OK);
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(await gateway.exit()).toBe(0);
    expect(gateway.stderr()).toBe('');
    await slow.close();
  });

  it('cuts requests that outlast shutdownGrace, and still exits 0 (GW-C14)', async () => {
    const slow = await recordingUpstream(() => {});
    const gateway = serve(`shutdownGrace: 100ms\n${GOOD.replace('${BACKEND}', slow.url)}`);
    const { proxy } = await gateway.listening();
    const answer = fetch(`${proxy}${PLACES}`, { headers: { Authorization: `Bearer ${t1()}` } });
    await until(() => slow.seen.length === 1);
    gateway.kill('SIGTERM');
    await expect(answer).rejects.toThrow();
    expect(await gateway.exit()).toBe(0);
    await slow.close();
  });
});

function canConnect(origin: string): Promise<boolean> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

describe('a start that fails', () => {
  it('for its configuration exits 78 with every issue, and has listened nowhere', async () => {
    const gateway = serve(GOOD.replace('issuer: fusion', 'isuer: fusion'));
    expect(await gateway.exit()).toBe(78);
    expect(gateway.stderr()).toMatch(/countersign\.yaml:\d+:\d+: realms\[0\]\.isuer: /);
    expect(gateway.stderr()).toContain('unknown key (did you mean "issuer"?)');
    expect(gateway.log()).toEqual([]);
    expect(existsSync(join(folder, 'data'))).toBe(false);
  });

  it.each(['proxy', 'ops'])('for the port of %s exits 1 and names that listener', async (name) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = address === null || typeof address === 'string' ? 0 : address.port;
    const listeners = LISTENERS.replace(
      `${name}: { bind: "127.0.0.1:0" }`,
      `${name}: { bind: "127.0.0.1:${port}" }`,
    );
    const gateway = serve(listeners + withRealms([fusionRealm()]));
    expect(await gateway.exit()).toBe(1);
    expect(gateway.stderr()).toBe(
      `countersign serve: listeners.${name} cannot listen on 127.0.0.1:${port}: the port is in use\n`,
    );
    expect(messages(gateway)).not.toContain('Listening');
    await new Promise((resolve) => taken.close(resolve));
  });
});

describe('--demo', () => {
  /** The configuration that the repository ships, on free ports, in a folder where nothing else is. */
  function shipped(): string {
    mkdirSync(join(folder, 'config'));
    const path = join(folder, 'config/countersign.yaml');
    copyFileSync(join(ROOT, 'config/countersign.yaml'), path);
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/127\.0\.0\.1:\d+"/g, '127.0.0.1:0"'));
    return path;
  }

  async function demo(path: string): Promise<{ gateway: ServeProcess; curl: string }> {
    const gateway = serveProcess(['--demo', '--config', path]);
    processes.push(gateway);
    await until(() => gateway.stderr().includes('/hello\n'));
    const lines = gateway
      .stderr()
      .split('\n')
      .filter((line) => line.startsWith('curl '));
    expect(lines).toHaveLength(1);
    return { gateway, curl: lines[0] ?? '' };
  }

  it('in an empty folder makes the secret and prints one curl line that works', async () => {
    const path = shipped();
    const { gateway, curl } = await demo(path);
    const [, token = '', url = ''] = /^curl -s -H 'Authorization: Bearer (\S+)' (\S+)$/.exec(curl) ?? [];
    const answer = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(200);
    expect(JSON.stringify(await answer.json())).toContain('alice');
    expect(statSync(join(folder, 'data/demo-secret')).mode & 0o777).toBe(0o600);
    expect(JSON.stringify(gateway.log())).not.toContain(token);
  });

  it('keeps the secret that it made at the start after', async () => {
    const path = shipped();
    const first = await demo(path);
    const secret = readFileSync(join(folder, 'data/demo-secret'), 'utf8');
    first.gateway.kill('SIGTERM');
    expect(await first.gateway.exit()).toBe(0);
    await demo(path);
    expect(readFileSync(join(folder, 'data/demo-secret'), 'utf8')).toBe(secret);
  });
});
