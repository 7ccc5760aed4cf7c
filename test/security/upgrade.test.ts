import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { CERT, KEY as KEY_PEM } from '../support/certificates.ts';
import { GOOD_TOKEN, httpUpstream, MINTED, route, startEdge } from '../support/edge.ts';
import { edgePerTest } from '../support/edge-per-test.ts';
import { largeAnswer } from '../support/large-answer.ts';
import { exchange, header, rawClient } from '../support/raw-client.ts';
import { headerOf, type Script } from '../support/upstream.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  `Sec-WebSocket-Accept: ${ACCEPT}\r\n`;

function handshake(headers = '', upgrade = 'websocket', path = '/chat//x?y=//z'): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: gw.test\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n` +
    `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n${headers}\r\n`
  );
}

const AUTHORIZED = `Authorization: Bearer ${GOOD_TOKEN}\r\n`;

const {
  edge,
  upstream,
  start: startWith,
} = edgePerTest({ routes: [route({ allowPath: ['emptySegments'] })] });
const start = (script: Script) => startWith({}, script);

describe('upgrade', () => {
  it('answers 401 before any upstream connection (W01)', async () => {
    await start((_request, socket) => void socket.write(`${SWITCH}\r\n`));
    const response = await exchange(edge.port, handshake());
    expect(response.status).toBe(401);
    expect(header(response, 'www-authenticate')).toContain('Bearer');
    expect(upstream.connections()).toBe(0);
  });

  it('answers 401 to a bad token before any upstream connection (W01)', async () => {
    await start((_request, socket) => void socket.write(`${SWITCH}\r\n`));
    const response = await exchange(edge.port, handshake('Authorization: Bearer bad\r\n'));
    expect(response.status).toBe(401);
    expect(upstream.connections()).toBe(0);
  });

  it('sends the decided head: exact path, own headers, assertion last but for the handshake', async () => {
    await start((_request, socket) => void socket.write(`${SWITCH}\r\n`));
    const forged = 'X_JWT_Assertion: evil\r\nX-JWT-Assertion: evil\r\n';
    const response = await exchange(edge.port, handshake(AUTHORIZED + forged));
    expect(response.status).toBe(101);
    const [seen] = upstream.seen;
    expect(seen?.requestLine).toBe('GET /chat//x?y=//z HTTP/1.1');
    expect(headerOf(seen, 'x-jwt-assertion')).toEqual([MINTED]);
    expect(seen?.head).not.toContain('evil');
    expect(headerOf(seen, 'authorization')).toEqual([]);
    expect(headerOf(seen, 'host')).toEqual([`127.0.0.1:${upstream.port}`]);
    expect(headerOf(seen, 'connection')).toEqual(['Upgrade']);
  });

  it('does not let Connection remove the assertion from an upgrade (CVE-2026-33805)', async () => {
    await start((_request, socket) => void socket.write(`${SWITCH}\r\n`));
    const listing = handshake(AUTHORIZED).replace(
      'Connection: Upgrade',
      'Connection: Upgrade, X-JWT-Assertion',
    );
    expect((await exchange(edge.port, listing)).status).toBe(101);
    expect(headerOf(upstream.seen[0], 'x-jwt-assertion')).toEqual([MINTED]);
  });

  it.each([200, 426, 500])(
    'relays a %i without a tunnel and passes no later byte on (W02)',
    async (status) => {
      await start((_request, socket) => {
        socket.write(
          `HTTP/1.1 ${status} Nope\r\nX-JWT-Assertion: leak\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnope\r\n0\r\n\r\n`,
        );
      });
      const client = await rawClient(edge.port);
      client.send(handshake(AUTHORIZED));
      const [response] = await client.waitFor(1);
      client.send('GET /admin HTTP/1.1\r\nHost: x\r\n\r\n');
      await client.closed();
      expect(response).toMatchObject({ status, body: 'nope' });
      expect(header(response ?? { status: 0, headers: [], body: '' }, 'x-jwt-assertion')).toBeUndefined();
      expect(upstream.seen).toHaveLength(1);
      expect(upstream.bytes()).not.toContain('/admin');
    },
  );

  it('answered with more than the client reads holds the upstream back (D03)', async () => {
    const answer = largeAnswer();
    await start(answer.script);
    const client = await rawClient(edge.port);
    client.socket.pause();
    client.send(handshake(AUTHORIZED));
    await answer.expectHeldBack();
    client.close();
  });

  it('refuses bytes sent together with the handshake (W02, CVE-2025-64763)', async () => {
    await start((_request, socket) => void socket.write(`${SWITCH}\r\n`));
    const response = await exchange(
      edge.port,
      `${handshake(AUTHORIZED)}GET /admin HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
    expect(response.status).toBe(400);
    expect(upstream.connections()).toBe(0);
  });

  it.each(['h2c', 'TLS/1.0', 'websocket, h2c', 'unknown'])(
    'serves `Upgrade: %s` as a plain request without the header (W03)',
    async (protocol) => {
      await start((_request, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
      const settings = 'HTTP2-Settings: AAMAAABkAAQAAP__\r\n';
      const response = await exchange(edge.port, handshake(AUTHORIZED + settings, protocol));
      expect(response.status).toBe(200);
      expect(headerOf(upstream.seen[0], 'upgrade')).toEqual([]);
      expect(headerOf(upstream.seen[0], 'http2-settings')).toEqual([]);
    },
  );

  it.each([
    ['a wrong Sec-WebSocket-Accept', `${SWITCH.replace(ACCEPT, 'wrong')}\r\n`],
    [
      'no Upgrade header',
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
    ],
  ])('answers 502 to a 101 with %s (W04)', async (_what, answer) => {
    await start((_request, socket) => void socket.write(answer));
    const response = await exchange(edge.port, handshake(AUTHORIZED));
    expect(response.status).toBe(502);
  });

  it('hides owned headers of the 101 (AST-P48)', async () => {
    await start((_request, socket) => void socket.write(`${SWITCH}X-JWT-Assertion: leak\r\n\r\n`));
    const response = await exchange(edge.port, handshake(AUTHORIZED));
    expect(response.status).toBe(101);
    expect(header(response, 'x-jwt-assertion')).toBeUndefined();
  });

  it('answers 502 where the upstream does not listen', async () => {
    await start(() => {});
    await upstream.close();
    const response = await exchange(edge.port, handshake(AUTHORIZED));
    expect(response.status).toBe(502);
    expect(JSON.parse(response.body)).toMatchObject({ code: 'upstream_unreachable' });
    expect(edge.records[0]).toMatchObject({ status: 502, reason: 'upstream_unreachable', verdict: 'allow' });
  });

  it('leaves the upstream when the client leaves before the 101', async () => {
    await start(() => {});
    const client = await rawClient(edge.port);
    client.send(handshake(AUTHORIZED));
    await expect.poll(() => upstream.seen.length).toBe(1);
    client.close();
    await expect.poll(() => upstream.openConnections()).toBe(0);
    await expect.poll(() => edge.records).toMatchObject([{ status: 499, reason: 'client_closed' }]);
  });
});

describe('websocket through the gateway', () => {
  let server: Server;

  it('echoes messages both ways and carries the assertion on the upgrade', async () => {
    await start(() => {});
    const seen: IncomingMessage[] = [];
    server = createServer();
    new WebSocketServer({ server }).on('connection', (socket, request) => {
      seen.push(request);
      socket.on('message', (message) => socket.send(`echo ${String(message)}`));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const through = await startEdge({ upstreams: [httpUpstream(`http://127.0.0.1:${port}`)] });
    const client = new WebSocket(`ws://127.0.0.1:${through.port}/chat`, {
      headers: { Authorization: `Bearer ${GOOD_TOKEN}` },
    });
    const answer = await new Promise<string>((resolve, reject) => {
      client.on('open', () => client.send('hello'));
      client.on('message', (message) => resolve(String(message)));
      client.on('error', reject);
    });
    expect(answer).toBe('echo hello');
    expect(seen[0]?.headers['x-jwt-assertion']).toBe(MINTED);
    client.close();
    await expect.poll(() => through.records.length).toBe(1);
    expect(through.records[0]).toMatchObject({ status: 101, verdict: 'allow' });
    await through.close();
    server.close();
  });

  it.each([
    ['app.test', 101],
    ['other.test', 502],
  ])(
    'over TLS is checked against the configured name %s, whatever Host the client sends (U04)',
    async (serverName, status) => {
      await start(() => {});
      const names: string[] = [];
      const tls = createTlsServer({ key: KEY_PEM, cert: CERT });
      tls.on('secureConnection', (socket) => names.push(String(socket.servername)));
      new WebSocketServer({ server: tls });
      await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
      const { port } = tls.address() as AddressInfo;
      const through = await startEdge({
        upstreams: [
          httpUpstream(`https://127.0.0.1:${port}`, { tls: { client: null, ca: CERT, serverName } }),
        ],
        routes: [route({ preserveHost: true })],
      });
      const evil = handshake(AUTHORIZED, 'websocket', '/').replace('gw.test', 'evil.test');
      expect((await exchange(through.port, evil)).status).toBe(status);
      expect(names).not.toContain('evil.test');
      await through.close();
      tls.closeAllConnections();
      tls.close();
    },
  );
});
