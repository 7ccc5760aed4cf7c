import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/cli.ts';
import { healthCommand } from '../../src/cli/health.ts';
import { ACCEPTANCE, startGateway } from '../support/gateway.ts';

let folder: string;
let config: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-health-'));
  config = join(folder, 'countersign.yaml');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A good configuration whose ops listener is at this origin. */
function writeConfig(opsUrl: string): void {
  writeFileSync(
    config,
    `version: 1
listeners: { ops: { bind: "${new URL(opsUrl).host}" } }
realms: [ { name: open, issuer: open, allowUnsigned: true } ]
routes: [ { name: all, match: { pathPrefix: / }, upstream: builtin:echo } ]
`,
  );
}

async function health(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const code = await runCli(['health', ...args, '--config', config], [healthCommand], {
    env: {},
    cwd: folder,
    out: (text) => (written.out += text),
    err: (text) => (written.err += text),
    input: () => Promise.reject(new Error('health reads no standard input')),
    untilStopped: () => Promise.reject(new Error('health waits for no signal')),
    onReload: () => undefined,
  });
  return { code, ...written };
}

/** Runs while a listener at the configured place answers everything in this way. */
async function whileAnswering<T>(listener: RequestListener, run: () => Promise<T>): Promise<T> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no TCP address');
  writeConfig(`http://127.0.0.1:${address.port}`);
  try {
    return await run();
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe('countersign health', () => {
  it('answers 0 for a gateway that is alive, and for one that is ready (GW-C09)', async () => {
    const gateway = await startGateway(ACCEPTANCE);
    try {
      writeConfig(gateway.opsUrl);
      expect(await health()).toMatchObject({ code: 0, out: 'ok\n' });
      expect(await health('alive')).toMatchObject({ code: 0, out: 'ok\n' });
      expect(await health('ready')).toMatchObject({ code: 0, out: expect.stringContaining('"ready"') });
    } finally {
      await gateway.stop();
    }
  });

  it('answers 1 with the causes where the gateway is not ready', async () => {
    const notReady: RequestListener = (_request, response) =>
      response.writeHead(503).end('{"causes":["keys"]}');
    const answer = await whileAnswering(notReady, () => health('ready'));
    expect(answer).toEqual({ code: 1, out: '', err: '{"causes":["keys"]}\n' });
  });

  it('answers 1 where nobody listens', async () => {
    await whileAnswering(
      (_request, response) => response.end(),
      () => Promise.resolve(),
    );
    const answer = await health();
    expect(answer).toMatchObject({ code: 1, err: expect.stringContaining('ECONNREFUSED') });
  });

  it('follows no redirect: another service at the address is no healthy gateway', async () => {
    const redirect: RequestListener = ({ url }, response) =>
      void (url === '/healthz'
        ? response.writeHead(302, { Location: '/login' }).end()
        : response.end('Welcome'));
    const answer = await whileAnswering(redirect, () => health());
    expect(answer).toMatchObject({ code: 1, out: '' });
  });

  it.each([
    ['a key that the schema does not know', 'tokn: 1\n'],
    ['a value that is none', 'limits: { headerBytes: many }\n'],
    ['syntax that ends too early', 'realms: [ {\n'],
  ])('asks where the file says, although it has a mistake: %s', async (_mistake, added) => {
    const ok: RequestListener = (_request, response) => void response.end('ok\n');
    const answer = await whileAnswering(ok, () => {
      appendFileSync(config, added);
      return health();
    });
    expect(answer).toMatchObject({ code: 0, out: 'ok\n', err: expect.stringContaining('is not in order') });
  });

  it.each([
    ['says nothing of the listener', 'version: 2\n'],
    ['gives no address', 'version: 1\nlisteners: { ops: { bind: somewhere } }\n'],
    ['names a variable that is not set', 'version: 1\nlisteners: { ops: { bind: "${OPS_BIND}" } }\n'],
    ['is nested too deeply', '[[[['.repeat(20)],
  ])('asks at the default address where the file is not in order and %s', async (_case, text) => {
    writeFileSync(config, text);
    expect((await health()).err).toContain('is not in order: asking at http://127.0.0.1:9090');
  });

  it('asks at the default address where there is no file', async () => {
    expect((await health()).err).toContain('is not in order: asking at http://127.0.0.1:9090');
  });

  it.each([['sick'], ['alive', 'ready']])('refuses arguments %s %s', async (...args) => {
    expect((await health(...args)).code).toBe(64);
  });

  it('shows an example in its help', async () => {
    expect((await health('--help')).out).toContain('countersign health ready --config');
  });
});
