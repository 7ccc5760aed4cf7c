/** Bodies and tunnels through the whole gateway while they are under way: in both directions, and cut off by either side. */
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { gatewayPerTest, t1 } from '../support/acceptance.ts';
import type { TestGateway } from '../support/gateway.ts';

const startGateway = gatewayPerTest();
/** How long either side may take to learn that the other has gone (row U05). */
const ABORT_MS = 1000;
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A gateway with a route `/app` to a server of the test. */
async function startInFrontOf(server: Server): Promise<TestGateway> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return await startGateway({
    more: `  - { name: app, match: { pathPrefix: /app }, upstream: "http://127.0.0.1:${port}" }\n`,
  });
}

const serve = (listener: RequestListener) => startInFrontOf(createServer(listener));

/** A request whose body the test writes piece by piece. */
function post({ url }: TestGateway): ReturnType<typeof httpRequest> {
  const headers = { Authorization: `Bearer ${t1()}` };
  const request = httpRequest(`${url}/app`, { method: 'POST', headers });
  request.on('error', () => {});
  return request;
}

const answerOf = (request: ReturnType<typeof httpRequest>) =>
  new Promise<IncomingMessage>((resolve) => request.once('response', resolve));

const nextPiece = (stream: NodeJS.ReadableStream) =>
  new Promise<string>((resolve) => stream.once('data', (piece) => resolve(String(piece))));

describe('a body', () => {
  it('is answered piece by piece while the client still sends (GW-C04)', async () => {
    const gateway = await serve((message, response) => void message.pipe(response));
    const request = post(gateway);
    request.flushHeaders();
    request.write('piece 0');
    const answer = await answerOf(request);
    expect(await nextPiece(answer)).toBe('piece 0');
    for (let piece = 1; piece < 20; piece += 1) {
      request.write(`piece ${piece}`);
      expect(await nextPiece(answer)).toBe(`piece ${piece}`);
    }
    request.end();
    await new Promise((resolve) => answer.resume().once('end', resolve));
    expect(answer.complete).toBe(true);
  });

  it('of 32 MiB goes up and comes down whole (GW-C04)', async () => {
    const gateway = await serve((message, response) => void message.pipe(response));
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const request = post(gateway);
    const answering = answerOf(request);
    let received = 0;
    const done = answering.then(async (answer) => {
      for await (const chunk of answer) received += chunk.length;
    });
    for (let sent = 0; sent < 32; sent += 1)
      if (!request.write(piece)) await new Promise((resolve) => request.once('drain', resolve));
    request.end();
    await done;
    expect(received).toBe(32 * piece.length);
  });
});

describe('an event stream', () => {
  /** The backend's side of it: the test writes when it wants. */
  async function openStream(): Promise<{
    gateway: TestGateway;
    events: ServerResponse;
    answer: IncomingMessage;
  }> {
    const opened: ServerResponse[] = [];
    const gateway = await serve((_message, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
      response.flushHeaders();
      opened.push(response);
    });
    const request = httpRequest(`${gateway.url}/app`, { headers: { Authorization: `Bearer ${t1()}` } });
    request.end();
    const answer = await answerOf(request);
    const [events] = opened;
    if (events === undefined) throw new Error('answered before the backend was asked');
    return { gateway, events, answer };
  }

  it('begins before its first event, and goes event by event (GW-C04)', async () => {
    const { events, answer } = await openStream();
    expect(answer.headers['content-type']).toBe('text/event-stream');
    for (let number = 1; number <= 20; number += 1) {
      const event = `id: ${number}\ndata: {"n":${number}}\n\n`;
      const arriving = nextPiece(answer);
      events.write(event);
      expect(await arriving).toBe(event);
    }
    events.end();
    await new Promise((resolve) => answer.once('end', resolve));
    expect(answer.complete).toBe(true);
  });

  it('whose client leaves ends for the backend within a second (GW-C04, U05)', async () => {
    const { events, answer } = await openStream();
    events.write('data: 1\n\n');
    await nextPiece(answer);
    const left = new Promise<void>((resolve) => events.once('close', resolve));
    answer.destroy();
    await Promise.race([left, delay(ABORT_MS).then(() => Promise.reject(new Error('still open')))]);
  });

  it('whose backend dies is cut off for the client within a second, never ended (GW-C04, U01)', async () => {
    const { events, answer } = await openStream();
    events.write('data: 1\n\n');
    await nextPiece(answer);
    const cut = new Promise<NodeJS.ErrnoException>((resolve) => answer.once('error', resolve));
    events.destroy();
    const failure = await Promise.race([cut, delay(ABORT_MS).then(() => null)]);
    expect(failure?.code).toBe('ECONNRESET');
    expect(answer.complete).toBe(false);
  });
});

describe('a client that leaves', () => {
  it('in the middle of its body is gone for the backend too (GW-C04, U05)', async () => {
    let isAborted = false;
    const gateway = await serve((message) => {
      message.on('data', () => {});
      message.on('error', () => {
        isAborted = true;
      });
    });
    const arrived = new Promise((resolve) => servers[0]?.once('request', resolve));
    const request = post(gateway);
    request.write('begun');
    await arrived;
    request.destroy();
    await expect.poll(() => isAborted).toBe(true);
    await expect.poll(() => accessLine(gateway)).toMatchObject({ status: 499, reason: 'client_closed' });
  });

  it('before the answer is gone for the backend too (U05)', async () => {
    let isLeft = false;
    const gateway = await serve((_message, response) => {
      response.on('close', () => {
        isLeft = true;
      });
    });
    const arrived = new Promise((resolve) => servers[0]?.once('request', resolve));
    const request = post(gateway);
    request.end();
    await arrived;
    request.destroy();
    await expect.poll(() => isLeft).toBe(true);
  });
});

function accessLine({ log }: TestGateway): Record<string, unknown> | undefined {
  return log.findLast(({ msg }) => msg === 'request');
}

describe('a backend that resets in the middle of its body', () => {
  it.each([
    ['with a length', { 'content-length': '1000' }],
    ['in chunks', {}],
  ])(
    '%s leaves the client with an answer that is cut off, never a whole one (GW-C04, GW-C06)',
    async (_how, headers) => {
      const gateway = await serve((message, response) => {
        response.writeHead(200, headers).write('half of it');
        setTimeout(() => message.socket.resetAndDestroy(), 20);
      });
      const request = post(gateway);
      request.end();
      const answer = await answerOf(request);
      expect(answer.statusCode).toBe(200);
      const failure = await new Promise<NodeJS.ErrnoException>((resolve) =>
        answer.resume().once('error', resolve),
      );
      expect(failure.code).toBe('ECONNRESET');
      expect(answer.complete).toBe(false);
      await expect
        .poll(() => accessLine(gateway))
        .toMatchObject({ status: 200, reason: 'upstream_unreachable' });
    },
  );

  it('before it answers is 502 (GW-C06)', async () => {
    const gateway = await serve((message) => void message.socket.resetAndDestroy());
    const request = post(gateway);
    request.end();
    expect((await answerOf(request)).statusCode).toBe(502);
  });
});

describe('a WebSocket', () => {
  /** Sends each message back, and remembers how it was reached. */
  async function startEcho(): Promise<{ gateway: TestGateway; upgrades: IncomingMessage[] }> {
    const upgrades: IncomingMessage[] = [];
    const server = createServer();
    new WebSocketServer({ server }).on('connection', (socket, message) => {
      upgrades.push(message);
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    return { gateway: await startInFrontOf(server), upgrades };
  }

  const open = ({ url }: TestGateway, headers: Record<string, string>) =>
    new WebSocket(`${url.replace('http', 'ws')}/app/chat?room=1`, { headers });

  it('carries the assertion on its upgrade, and messages both ways (GW-C04)', async () => {
    const { gateway, upgrades } = await startEcho();
    const socket = open(gateway, { Authorization: `Bearer ${t1()}`, 'X-JWT-Assertion': 'evil' });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    for (const message of ['hello', Buffer.alloc(200_000, 7)]) {
      const echoed = new Promise<Buffer>((resolve) =>
        socket.once('message', (data: Buffer) => resolve(data)),
      );
      socket.send(message);
      expect(Buffer.from(message).equals(await echoed)).toBe(true);
    }
    const [upgrade] = upgrades;
    const keys = createRemoteJWKSet(new URL(`${gateway.url}/.well-known/jwks.json`));
    const assertion = String(upgrade?.headers['x-jwt-assertion']);
    const { payload } = await jwtVerify(assertion, keys, { audience: 'app' });
    expect(payload.sub).toBe('test-fusion');
    expect(upgrade?.headers.authorization).toBeUndefined();
    socket.close();
    await new Promise((resolve) => socket.once('close', resolve));
  });

  it.each([
    ['without a token', {}],
    ['with a bad one', { Authorization: 'Bearer bad' }],
  ])('%s is 401 and never reaches the backend (W01)', async (_what, headers) => {
    const { gateway, upgrades } = await startEcho();
    const socket = open(gateway, headers);
    const answer = await new Promise<IncomingMessage>((resolve) => {
      socket.once('unexpected-response', (_request, response) => resolve(response));
    });
    expect(answer.statusCode).toBe(401);
    expect(upgrades).toEqual([]);
    socket.on('error', () => {}).terminate();
  });
});
