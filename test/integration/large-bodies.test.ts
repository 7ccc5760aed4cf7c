/** Bodies far larger than memory should be: through a gateway that is a process of its own, whose memory is watched. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { t1 } from '../support/acceptance.ts';
import { fusionRealm, MINTING } from '../support/fusion.ts';
import { LISTENERS } from '../support/gateway.ts';
import { CAN_READ_MEMORY, peakGrowth } from '../support/resident-memory.ts';
import { type ServeProcess, serveProcess } from '../support/serve.ts';

const MIB = 1024 * 1024;
const PIECE = Buffer.alloc(MIB / 4, 'x');
/** 1 GiB where time is no matter; a quarter of it shows the same growth. */
const BODY_BYTES = (process.env['CI'] === undefined ? 256 : 1024) * MIB;
/** Of GW-C04. A gateway that holds a body would need five times as much. */
const GROWTH_MAX = 50 * MIB;
const TIMEOUT_MS = 180_000; // three bodies of 1 GiB on a busy machine

let folder: string;
let upstream: Server;
let gateway: ServeProcess;
let origin: string;

/** The receiver begins late: what the sender sends meanwhile must wait with the sender. */
const LATE_MS = 300;

/** `/up` counts what it is sent, `/down` sends that much, `/both` sends back what comes while it comes. */
async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
  if (message.url === '/both') return await pipeline(message, response);
  await delay(message.url === '/up' ? LATE_MS : 0);
  response.setHeader('X-Received', await countOf(message));
  if (message.url === '/up') return void response.end();
  response.setHeader('Content-Length', BODY_BYTES);
  await pipeline(body(BODY_BYTES), response);
}

async function startUpstream(): Promise<Server> {
  const server = createServer((message, response) => void answer(message, response).catch(() => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function body(bytes: number): Readable {
  return Readable.from(
    (function* pieces() {
      for (let sent = 0; sent < bytes; sent += PIECE.length) yield PIECE;
    })(),
    { objectMode: false },
  );
}

async function countOf(stream: Readable): Promise<number> {
  let bytes = 0;
  for await (const piece of stream) bytes += piece.length;
  return bytes;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-large-'));
  upstream = await startUpstream();
  const { port } = upstream.address() as AddressInfo;
  const configPath = join(folder, 'countersign.yaml');
  writeFileSync(
    configPath,
    `${LISTENERS}
realms: [ ${fusionRealm()} ]
assertion: { ${MINTING} }
routes: [ { name: all, match: { pathPrefix: / }, upstream: "http://127.0.0.1:${port}" } ]
`,
  );
  gateway = serveProcess(['--config', configPath]);
  ({ proxy: origin } = await gateway.listening());
  for (let warm = 0; warm < WARM_UP; warm += 1) await send('/both', MIB);
});

/** Bodies of 1 MiB: code is compiled, and garbage reaches the level at which it is collected. */
const WARM_UP = 50;

afterAll(async () => {
  gateway?.kill('SIGKILL');
  await gateway?.exit();
  upstream?.closeAllConnections();
  upstream?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Bytes of the answer, and the bytes that the upstream says it received. Zero bytes: no body. */
async function send(path: string, bytes: number): Promise<{ sent: number; received: number }> {
  const request = httpRequest(`${origin}${path}`, {
    method: bytes === 0 ? 'GET' : 'POST',
    headers: { Authorization: `Bearer ${t1()}`, ...(bytes === 0 ? {} : LENGTHS[path]) },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
  });
  const sending = pipeline(body(bytes), request);
  const answer = await answered;
  if (path === '/down') await delay(LATE_MS);
  const received = await countOf(answer);
  await sending;
  expect(answer.statusCode).toBe(200);
  return { sent: Number(answer.headers['x-received'] ?? received), received };
}

/** `/both` goes in chunks both ways. */
const LENGTHS: Readonly<Record<string, Record<string, number>>> = { '/up': { 'Content-Length': BODY_BYTES } };

describe.skipIf(!CAN_READ_MEMORY)(`a body of ${BODY_BYTES / MIB} MiB`, () => {
  it.each([
    ['up', '/up', BODY_BYTES, { sent: BODY_BYTES, received: 0 }],
    ['down', '/down', 0, { sent: 0, received: BODY_BYTES }],
    ['up and down at once', '/both', BODY_BYTES, { sent: BODY_BYTES, received: BODY_BYTES }],
  ])(
    'going %s arrives whole, and memory grows by less than 50 MiB (GW-C04)',
    async (_way, path, bytes, expected) => {
      const growth = await peakGrowth(gateway.pid, async () => {
        expect(await send(path, bytes)).toEqual(expected);
      });
      process.stdout.write(`${path}: resident memory grew by ${Math.round(growth / MIB)} MiB\n`);
      expect(growth).toBeLessThan(GROWTH_MAX);
    },
    TIMEOUT_MS,
  );
});
