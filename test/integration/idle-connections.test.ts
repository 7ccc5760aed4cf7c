/** Ten thousand connections that say nothing: they cost little, they stop nobody, and nothing of them remains (D02). */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { t1 } from '../support/acceptance.ts';
import { fusionRealm, PLACES, withRealms } from '../support/fusion.ts';
import { LISTENERS } from '../support/gateway.ts';
import { CAN_READ_MEMORY, residentBytes } from '../support/resident-memory.ts';
import { type ServeProcess, serveProcess, until } from '../support/serve.ts';
import { type RecordingUpstream, recordingUpstream } from '../support/upstream.ts';

const WANTED = 10_000;
/** Files, listeners and upstream connections of either process. */
const SPARE_FILES = 500;
/** Kept connections of the good requests, which come and go. */
const KEPT_MAX = 10;
/** At a time: the backlog of a listener is 511. */
const BATCH = 250;
/** A socket of node:http with its parser. */
const CONNECTION_BYTES_MAX = 32 * 1024;
const TIMEOUT_MS = 60_000;

/** What the hard limit of this machine allows in one process. */
function connectionsPossible(): number {
  const limit = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  const possible = limit === 'unlimited' ? WANTED : Math.min(WANTED, Number(limit) - SPARE_FILES);
  if (possible < WANTED)
    process.stdout.write(`only ${possible} connections: ulimit -Hn is ${limit} on this machine\n`);
  return possible;
}

let folder: string;
let upstream: RecordingUpstream;
let gateway: ServeProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-idle-'));
  upstream = await recordingUpstream();
  const configPath = join(folder, 'countersign.yaml');
  const limits = `limits: { connections: ${2 * WANTED}, headersTimeout: 60s }\n`;
  writeFileSync(configPath, LISTENERS + limits + withRealms([fusionRealm()]));
  gateway = serveProcess(['--config', configPath], { BACKEND: upstream.url });
});

afterAll(async () => {
  gateway.kill('SIGKILL');
  await gateway.exit();
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Resolves when it is connected. */
function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(socket)).once('error', reject);
  });
}

/** Waits for the gateway after each batch: the kernel makes who finds its backlog full wait a second. */
async function openMany(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  const before = openFiles();
  while (sockets.length < count) {
    const next = Math.min(BATCH, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: next }, () => open(port)))));
    await until(() => openFiles() > before + sockets.length - KEPT_MAX);
  }
  return sockets;
}

const openFiles = () => readdirSync(`/proc/${gateway.pid}/fd`).length;

async function goodRequest(origin: string): Promise<number> {
  const answer = await fetch(origin + PLACES, { headers: { Authorization: `Bearer ${t1()}` } });
  await answer.arrayBuffer();
  return answer.status;
}

describe.skipIf(!CAN_READ_MEMORY)('connections that say nothing', () => {
  it(
    'by the ten thousand cost little, stop nobody, and leave nothing behind (D02)',
    async () => {
      const { proxy } = await gateway.listening();
      const count = connectionsPossible();
      expect(await goodRequest(proxy)).toBe(200);
      const before = { bytes: residentBytes(gateway.pid), files: openFiles() };
      const sockets = await openMany(Number(new URL(proxy).port), count);
      expect(await goodRequest(proxy)).toBe(200);
      expect((residentBytes(gateway.pid) - before.bytes) / count).toBeLessThan(CONNECTION_BYTES_MAX);
      expect(sockets.filter(({ destroyed }) => destroyed)).toEqual([]);
      for (const socket of sockets) socket.destroy();
      await expect.poll(openFiles, { timeout: 10_000 }).toBeLessThan(before.files + KEPT_MAX);
      expect(await goodRequest(proxy)).toBe(200);
    },
    TIMEOUT_MS,
  );
});
