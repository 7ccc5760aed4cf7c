import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LISTENERS } from '../support/gateway.ts';
import { rawClient } from '../support/raw-client.ts';
import { type ServeProcess, serveProcess, until } from '../support/serve.ts';
import { hs256 } from '../support/tokens.ts';
import { OK, type RecordingUpstream, recordingUpstream } from '../support/upstream.ts';

const SECRET = 'a-secret-that-is-long-enough-for-hs256';
const CONFIG = `${LISTENERS}
realms: [{ name: a, issuer: a, signingKey: { secret: "${SECRET}" } }]
assertion: { userClaims: { retriever: { module: ./claims.mjs } } }
routes:
  - { name: home, match: { pathPrefix: / }, upstream: "\${BACKEND}" }
  - { name: public, match: { pathPrefix: /public }, upstream: "\${BACKEND}", auth: none }
`;
/** A retriever that throws where nobody catches, for two of its users. */
const CLAIMS = `
export function getClaims(user) {
  if (user === 'thrower') setTimeout(() => { throw new Error('thrown into the void'); });
  if (user === 'rejecter') void Promise.reject(new Error('rejected into the void'));
  return {};
}
`;

let folder: string;
let upstream: RecordingUpstream;
let held: Socket[];
let gateway: ServeProcess;

const serve = (openFilesMax?: number) =>
  serveProcess(['--config', join(folder, 'countersign.yaml')], { BACKEND: upstream.url }, openFilesMax);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-end-'));
  held = [];
  upstream = await recordingUpstream((request, socket) => {
    if (request.requestLine.includes('/slow')) held.push(socket);
    else socket.write(OK);
  });
  writeFileSync(join(folder, 'claims.mjs'), CLAIMS);
  writeFileSync(join(folder, 'countersign.yaml'), CONFIG);
  gateway = serve();
});
afterEach(async () => {
  gateway.kill('SIGKILL');
  await gateway.exit();
  await upstream.close();
  rmSync(folder, { recursive: true });
});

const tokenOf = (sub: string) => hs256(SECRET, { iss: 'a', sub, exp: Math.floor(Date.now() / 1000) + 300 });

describe('an error that nobody catches', () => {
  it.each([
    ['thrower', 'thrown into the void'],
    ['rejecter', 'rejected into the void'],
  ])(
    'by a %s lets running requests finish, is logged, and ends the process with 1 (D06)',
    async (user, cause) => {
      const { proxy } = await gateway.listening();
      const slow = fetch(`${proxy}/public/slow`);
      await until(() => held.length === 1);
      const trigger = fetch(proxy, { headers: { Authorization: `Bearer ${tokenOf(user)}` } });
      await until(() =>
        gateway.log().some(({ msg }) => msg === 'Stopping after a defect: nothing caught this'),
      );
      for (const socket of held) socket.write(OK);
      expect((await slow).status).toBe(200);
      expect((await trigger).status).toBe(200);
      expect(await gateway.exit()).toBe(1);
      expect(JSON.stringify(gateway.log())).toContain(cause);
      expect(gateway.stderr()).toContain(cause);
    },
  );
});

describe('a second signal', () => {
  it.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGTERM', 'SIGINT'],
    ['SIGINT', 'SIGTERM'],
  ] as const)('%s %s ends at once what runs (GW-C14)', async (first, second) => {
    const { proxy } = await gateway.listening();
    const slow = fetch(`${proxy}/public/slow`);
    await until(() => held.length === 1);
    gateway.kill(first);
    await until(() =>
      gateway.log().some(({ msg }) => msg === 'Stopping: running requests are finished first'),
    );
    gateway.kill(second);
    await expect(slow).rejects.toThrow();
    expect(await gateway.exit()).toBe(1);
  });
});

describe('a process out of file descriptors', () => {
  it('answers on the connections that it has, and on new ones when there is room again (D02)', async () => {
    gateway.kill('SIGKILL');
    await gateway.exit();
    gateway = serve(64);
    const { proxy, ops } = await gateway.listening();
    const operator = await rawClient(Number(new URL(ops).port));
    const healthz = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
    operator.send(healthz);
    await operator.waitFor(1);
    const crowd = await Promise.all(
      Array.from({ length: 100 }, () => rawClient(Number(new URL(proxy).port))),
    );
    await until(() => crowd.some(({ socket }) => socket.destroyed));
    operator.send(healthz);
    expect((await operator.waitFor(2)).map(({ status }) => status)).toEqual([200, 200]);
    for (const one of [operator, ...crowd]) one.close();
    await until(async () => (await fetch(`${proxy}/public`).catch(() => null))?.status === 200);
  });
});
