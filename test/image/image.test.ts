import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildImage, type Image } from './build.ts';
import { obstacle, run } from './commands.ts';
import { type Container, startContainer } from './container.ts';

const UNPACKED_BYTES_MAX = 200e6;
const BUILD_TIMEOUT_MS = 600_000;
const START_TIMEOUT_MS = 20_000;
const SECRET = 'a secret of this test, long enough for HS256';

const reason = await obstacle(['buildah', 'debootstrap']);
if (reason !== null) process.stdout.write(`skipped: ${reason}\n`);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

const yaml = (proxyPort: number, opsPort: number) => `
version: 1
dataDir: /var/lib/countersign
listeners: { proxy: { bind: "127.0.0.1:${proxyPort}" }, ops: { bind: "127.0.0.1:${opsPort}" } }
realms:
  - { name: demo, issuer: demo, audiences: [demo], signingKey: { secret: "\${SECRET}" } }
assertion: {}
routes:
  - { name: echo, match: { pathPrefix: / }, upstream: builtin:echo }
`;

describe.skipIf(reason !== null)('the image', () => {
  let folder: string;
  let image: Image;
  let container: Container; // not there when the build failed
  let origin: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'countersign-image-'));
    image = await buildImage(join(import.meta.dirname, '../..'), folder);
    const configFolder = join(folder, 'config');
    const proxyPort = await freePort();
    await mkdir(configFolder);
    await writeFile(join(configFolder, 'countersign.yaml'), yaml(proxyPort, await freePort()));
    origin = `http://127.0.0.1:${proxyPort}`;
    container = await startContainer(image, { configFolder, environment: [`SECRET=${SECRET}`] });
    // The HEALTHCHECK of the image passes (GW-C11).
    await vi.waitFor(() => container.exec(...image.config.healthCommand), {
      timeout: START_TIMEOUT_MS,
      interval: 200,
    });
  }, BUILD_TIMEOUT_MS);

  afterAll(async () => {
    await container?.stop();
    await rm(folder, { recursive: true, force: true });
  }, BUILD_TIMEOUT_MS);

  it('is under 200 MB, also unpacked (GW-C11)', () => {
    const { compressed, unpacked } = image.bytes;
    const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
    process.stdout.write(`image: ${megabytes(compressed)} compressed, ${megabytes(unpacked)} unpacked\n`);
    expect(unpacked).toBeLessThan(UNPACKED_BYTES_MAX);
  });

  it('holds the built program and what it runs on, nothing of the repository beside it', async () => {
    const listed = await readdir(join(image.root, 'app'));
    expect(listed.toSorted()).toEqual(['LICENSE', 'dist', 'node_modules', 'package.json']);
    const { dependencies } = JSON.parse(await readFile(join(image.root, 'app/package.json'), 'utf8'));
    const holds = (name: string) => existsSync(join(image.root, 'app/node_modules', name, 'package.json'));
    expect(Object.keys(dependencies).filter((name) => !holds(name))).toEqual([]);
    expect(['typescript', 'vitest', 'node'].filter(holds)).toEqual([]);
  });

  it('holds one program to execute: no shell, no package manager', async () => {
    const programs = await run(
      'find',
      image.root,
      '-path',
      '*/bin/*',
      '-type',
      'f',
      '-not',
      '-path',
      '*/node_modules/*',
    );
    expect(programs).toBe(join(image.root, 'usr/local/bin/node'));
  });

  it('gives its process no file of the program to write', async () => {
    const writable = ['!', '-type', 'l', '(', '!', '-user', 'root', '-o', '-perm', '/022', ')'];
    expect(await run('find', join(image.root, 'app'), ...writable)).toBe('');
  });

  it('runs as uid 10001 without capabilities and cannot gain any (GW-C11)', async () => {
    const status = await readFile(`/proc/${container.pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t10001\t10001\t10001\t10001$/m);
    expect(status).toMatch(/^Gid:\t10001\t10001\t10001\t10001$/m);
    expect(status).toMatch(/^Groups:\s*$/m);
    for (const set of ['CapPrm', 'CapEff', 'CapInh', 'CapAmb'])
      expect(status).toMatch(new RegExp(`^${set}:\\t0+$`, 'm'));
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
  });

  it('runs where nothing but its volume can be written, not even by root (GW-C11)', async () => {
    for (const folder of ['app', 'usr/local/bin', 'etc/countersign'])
      await expect(container.execAsRoot('touch', join(image.root, folder, 'x'))).rejects.toThrow('Read-only');
    expect(image.config.volumes).toEqual(['/var/lib/countersign']);
  });

  it('answers 401 without a token', async () => {
    expect((await fetch(origin)).status).toBe(401);
  });

  it('lets a token through, made by its own CLI, with an assertion that its published keys verify', async () => {
    const config = '/etc/countersign/countersign.yaml';
    const mint = ['token', 'mint', '--config', config, '--realm', 'demo', '--sub', 'alice'];
    const token = await container.exec(...image.config.entrypoint, ...mint);
    const answer = await fetch(origin, { headers: { Authorization: `Bearer ${token}` } });
    const received: { headers: [string, string][] } = JSON.parse(await answer.text());
    const assertion = new Map(received.headers).get('X-JWT-Assertion') ?? '';
    const keys = createRemoteJWKSet(new URL(`${origin}/.well-known/jwks.json`));
    const { payload } = await jwtVerify(assertion, keys);
    expect(payload.sub).toBe('alice');
  });

  it('keeps its signing keys in the volume, readable by itself alone', async () => {
    const keys = await container.execAsRoot(
      'find',
      join(image.root, 'var/lib/countersign'),
      '-name',
      '*.pem',
      '-printf',
      '%m %U\\n',
    );
    expect(new Set(keys.split('\n'))).toEqual(new Set(['600 10001']));
  });

  it('ends with 0 on its stop signal, as PID 1', async () => {
    const status = await readFile(`/proc/${container.pid}/status`, 'utf8');
    expect(status).toMatch(/^NSpid:\t\d+\t1$/m);
    expect(await container.stop()).toBe(0);
  });
});
