/** Rows W05–W07: what happens to WebSockets after they were opened, and which pages may open them. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { t1, t1Claims } from '../support/acceptance.ts';
import { fusionRealm, withRealms } from '../support/fusion.ts';
import { LISTENERS, startGateway, type TestGateway } from '../support/gateway.ts';
import { rawClient } from '../support/raw-client.ts';
import { CAN_READ_MEMORY, peakGrowth, residentBytes } from '../support/resident-memory.ts';
import { serveProcess } from '../support/serve.ts';

const MIB = 1024 * 1024;
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

/** Sends each message back. */
async function startEcho(): Promise<{ url: string; opened: IncomingMessage[] }> {
  const opened: IncomingMessage[] = [];
  const server = createServer();
  new WebSocketServer({ server }).on('connection', (socket, message) => {
    opened.push(message);
    socket.on('message', (data) => socket.send(String(data)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, opened };
}

const route = (upstream: string, more = '') =>
  `  - { name: chat, match: { pathPrefix: /chat }, upstream: "${upstream}"${more} }\n`;

/** 101, or the status of the answer. */
function statusOfOpening(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => {
    socket.once('open', () => resolve(101)).on('error', () => {});
    socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
  });
}

async function echoOf(socket: WebSocket, text: string): Promise<string> {
  const answer = new Promise<string>((resolve) => socket.once('message', (data) => resolve(String(data))));
  socket.send(text);
  return await answer;
}

describe('an open WebSocket', () => {
  it('lives on when its token ends, as SECURITY.md says; a new one is refused (W05)', async () => {
    let nowMs = Date.now();
    const { url } = await startEcho();
    const gateway = await startGateway(withRealms([fusionRealm()]) + route(url), { clock: () => nowMs });
    cleanups.push(() => gateway.stop());
    const token = t1(t1Claims({ exp: Math.floor(nowMs / 1000) + 60 }));
    const open = () =>
      new WebSocket(`${gateway.url.replace('http', 'ws')}/chat`, {
        headers: { Authorization: `Bearer ${token}` },
      });
    const socket = open();
    expect(await statusOfOpening(socket)).toBe(101);
    nowMs += 3_600_000;
    expect(await echoOf(socket, 'still here')).toBe('still here');
    expect(await statusOfOpening(open())).toBe(401);
    socket.terminate();
  });

  it('is closed with 1001 when its token ends, where its route says so (W05)', async () => {
    const { url } = await startEcho();
    const realm = fusionRealm({ clockSkew: '0s' });
    const gateway = await startGateway(withRealms([realm]) + route(url, ', endWebSocketsWithToken: true'));
    cleanups.push(() => gateway.stop());
    const open = (lifeSeconds: number) => {
      const token = t1({ exp: Math.floor(Date.now() / 1000) + lifeSeconds });
      return new WebSocket(`${gateway.url.replace('http', 'ws')}/chat`, {
        headers: { Authorization: `Bearer ${token}` },
      });
    };
    const [short, long] = [open(3), open(3600)];
    expect(await Promise.all([short, long].map(statusOfOpening))).toEqual([101, 101]);
    expect(await echoOf(short, 'still here')).toBe('still here');
    const [code] = await once(short, 'close');
    expect(code).toBe(1001);
    expect(await echoOf(long, 'and here')).toBe('and here');
    long.terminate();
  });
});

describe('a WebSocket whose token is in a cookie', () => {
  const HOST = 'app.example';

  async function start(more = ''): Promise<{ gateway: TestGateway; opened: IncomingMessage[] }> {
    const { url, opened } = await startEcho();
    const realm = fusionRealm({
      tokenFrom: '[{ cookie: session }, { header: Authorization, scheme: Bearer }]',
    });
    const gateway = await startGateway(withRealms([realm]) + route(url, more));
    cleanups.push(() => gateway.stop());
    return { gateway, opened };
  }

  async function statusOf({ url }: TestGateway, headers: Record<string, string>): Promise<number> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/chat`, {
      headers: { Host: HOST, ...headers },
    });
    const status = await statusOfOpening(socket);
    socket.terminate();
    return status;
  }

  it.each([
    ['the page of an attacker', { Origin: 'https://evil.example' }, 403],
    ['a page that hides its origin', { Origin: 'null' }, 403],
    ['a page of the same host', { Origin: `https://${HOST}` }, 101],
    ['no page', {}, 101],
  ])('opened by %s (W07)', async (_who, headers, status) => {
    const { gateway, opened } = await start();
    expect(await statusOf(gateway, { Cookie: `session=${t1()}`, ...headers })).toBe(status);
    expect(opened).toHaveLength(status === 101 ? 1 : 0);
    const refusals = gateway.log.filter(({ reason }) => reason === 'foreign_origin');
    expect(refusals).toHaveLength(status === 101 ? 0 : 1);
  });

  it('opened by a page of a listed site (W07)', async () => {
    const { gateway } = await start(', pageOrigins: ["https://Portal.example:443"]');
    const cookie = { Cookie: `session=${t1()}` };
    expect(await statusOf(gateway, { ...cookie, Origin: 'https://portal.example' })).toBe(101);
    expect(await statusOf(gateway, { ...cookie, Origin: 'https://evil.example' })).toBe(403);
  });

  it('is no matter for a token in a header, which no page can set (W07)', async () => {
    const { gateway } = await start();
    const headers = { Authorization: `Bearer ${t1()}`, Origin: 'https://elsewhere.example' };
    expect(await statusOf(gateway, headers)).toBe(101);
  });
});

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const SWITCH = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`;

/** Agrees to every WebSocket. */
async function startAcceptor(): Promise<{ url: string; tunnels: Set<Socket> }> {
  const tunnels = new Set<Socket>();
  const server = createTcpServer((socket) => {
    socket.on('error', () => {}).on('close', () => tunnels.delete(socket));
    socket.once('data', () => {
      tunnels.add(socket);
      socket.write(SWITCH);
      socket.resume();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of tunnels) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, tunnels };
}

/** A gateway that is a process of its own. */
async function serve(upstream: string): Promise<{ pid: number; port: number; origin: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-tunnels-'));
  const configPath = join(folder, 'countersign.yaml');
  writeFileSync(configPath, LISTENERS + withRealms([fusionRealm()]) + route(upstream));
  const process = serveProcess(['--config', configPath], { BACKEND: 'http://127.0.0.1:1' });
  cleanups.push(async () => {
    process.kill('SIGKILL');
    await process.exit();
    rmSync(folder, { recursive: true });
  });
  const { proxy } = await process.listening();
  return { pid: process.pid, port: Number(new URL(proxy).port), origin: proxy };
}

async function openTunnel(port: number): Promise<Socket> {
  const client = await rawClient(port);
  client.send(
    `GET /chat HTTP/1.1\r\nHost: gw.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer ${t1()}\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  const [response] = await client.waitFor(1);
  expect(response?.status).toBe(101);
  return client.socket;
}

const TUNNELS = 1000;
/** Two sockets with their buffers, and what is known of the request. */
const TUNNEL_BYTES_MAX = 100 * 1024;
const TIMEOUT_MS = 60_000;

describe.skipIf(!CAN_READ_MEMORY)('WebSockets in which nothing moves', () => {
  it(
    `by the thousand cost little memory, stop nobody, and leave nothing behind (W06)`,
    async () => {
      const { url, tunnels } = await startAcceptor();
      const { pid, port, origin } = await serve(url);
      const sockets = [await openTunnel(port)];
      const before = residentBytes(pid);
      while (sockets.length < TUNNELS)
        sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => openTunnel(port)))));
      expect(tunnels.size).toBeGreaterThanOrEqual(TUNNELS);
      expect((residentBytes(pid) - before) / TUNNELS).toBeLessThan(TUNNEL_BYTES_MAX);
      const jwks = await fetch(`${origin}/.well-known/jwks.json`);
      expect(jwks.status).toBe(200);
      for (const socket of sockets) socket.destroy();
      await expect.poll(() => tunnels.size, { timeout: 10_000 }).toBe(0);
    },
    TIMEOUT_MS,
  );
});

const FLOOD_BYTES = 256 * MIB;
/** What a process grows by while it first meets so much, and far from the flood. */
const GROWTH_BYTES_MAX = FLOOD_BYTES / 3;

describe.skipIf(!CAN_READ_MEMORY)('a client that reads nothing of its WebSocket', () => {
  it(
    'has its backend wait, and no message is kept in memory (W06)',
    async () => {
      const { url, tunnels } = await startAcceptor();
      const { pid, port } = await serve(url);
      const client = (await openTunnel(port)).pause();
      const [backend] = tunnels;
      const growth = await peakGrowth(pid, async () => {
        for (let sent = 0; sent < FLOOD_BYTES; sent += MIB) backend?.write(Buffer.alloc(MIB));
        await untilStill(() => backend?.writableLength ?? 0);
      });
      expect(backend?.writableLength).toBeGreaterThan(FLOOD_BYTES / 2);
      expect(growth).toBeLessThan(GROWTH_BYTES_MAX);
      client.destroy();
      await expect.poll(() => tunnels.size).toBe(0);
    },
    TIMEOUT_MS,
  );
});

/** Between two looks at what may still move. */
const STILL_MS = 200;

async function untilStill(read: () => number): Promise<void> {
  for (let before = -1; before !== read(); await delay(STILL_MS)) before = read();
}
