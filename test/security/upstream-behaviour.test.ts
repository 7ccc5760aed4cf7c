import { mkdtempSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CERT, KEY } from '../support/certificates.ts';
import { GOOD_TOKEN, get, httpUpstream, route, TIMEOUTS, TLS } from '../support/edge.ts';
import { type EdgeTestOptions, edgePerTest } from '../support/edge-per-test.ts';
import { largeAnswer } from '../support/large-answer.ts';
import { exchange, header, rawClient } from '../support/raw-client.ts';
import type { Script } from '../support/upstream.ts';

const { edge, upstream, start: startWith } = edgePerTest();
const start = (script?: Script, options: EdgeTestOptions = {}) => startWith(options, script);

const answering =
  (bytes: string): Script =>
  (_request, socket) => {
    socket.write(Buffer.from(bytes, 'latin1'));
  };

const NOT_HTTP = [
  ['a bare CR in a value', 'HTTP/1.1 200 OK\r\nX-A: b\rX-B: c\r\nContent-Length: 0\r\n\r\n'],
  ['a NUL in a value', 'HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 0\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
  ['both framings', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['status 99', 'HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n'],
  ['status 1000', 'HTTP/1.1 1000 Odd\r\nContent-Length: 0\r\n\r\n'],
  ['HTTP/0.9', 'hello\r\n\r\n'],
  ['an unsolicited 101', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
  ['an oversized header', `HTTP/1.1 200 OK\r\nX-Big: ${'x'.repeat(70_000)}\r\n\r\n`],
] as const;

describe('a response with', () => {
  it.each(NOT_HTTP)('%s is 502, and its connection closed (H10, U06)', async (_what, bytes) => {
    await start(answering(bytes));
    const response = await exchange(edge.port, get('/'));
    expect(response.status).toBe(502);
    expect(JSON.parse(response.body)).toMatchObject({ code: 'upstream_protocol_error' });
    await expect.poll(() => upstream.openConnections()).toBe(0);
  });

  it.each([
    ['RST or FIN before its head', '', 502],
    ['FIN in the middle of its head', 'HTTP/1.1 200 OK\r\nContent-Le', 502],
  ])('%s is 502 (U01)', async (_what, bytes, status) => {
    await start((_request, socket) => socket.end(bytes));
    expect((await exchange(edge.port, get('/'))).status).toBe(status);
  });

  it.each([
    ['Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ])('a body cut within its %s never looks complete (U01, RFC 9112 §8)', async (_what, bytes) => {
    await start((_request, socket) => socket.end(bytes));
    const client = await rawClient(edge.port);
    client.send(get('/'));
    await client.closed();
    expect(client.received()).toContain('HTTP/1.1 200');
    expect(client.received()).not.toContain('\r\n0\r\n\r\n');
    expect(client.responses()).toHaveLength(0);
  });

  it.each([102, 103])('informational %i is passed over (U06)', async (status) => {
    await start(
      answering(
        `HTTP/1.1 ${status} Hint\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`,
      ),
    );
    const response = await exchange(edge.port, get('/'));
    expect(response).toMatchObject({ status: 200, body: 'ok' });
  });

  it('gzip is passed through untouched (D07)', async () => {
    const gzip = '\x1f\x8b\x08\x00not really\x00\xff';
    await start(
      answering(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${gzip.length}\r\n\r\n${gzip}`),
    );
    expect((await exchange(edge.port, get('/'))).body).toBe(gzip);
  });

  it('no body answers 204 and 304 without one (H09)', async () => {
    await start((request, socket) => {
      const status = request.requestLine.includes('204') ? '204 No Content' : '304 Not Modified';
      socket.write(`HTTP/1.1 ${status}\r\nETag: "a"\r\n\r\n`);
    });
    const client = await rawClient(edge.port);
    client.send(get('/204'));
    await client.waitFor(1);
    client.send(get('/304'));
    const [first, second] = await client.waitFor(2);
    expect([first?.status, second?.status]).toEqual([204, 304]);
    expect(client.received().match(/\r\n\r\n/g)).toHaveLength(2);
    client.close();
  });

  it('HEAD keeps its Content-Length and has no body (H09)', async () => {
    await start(answering('HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n'));
    const client = await rawClient(edge.port);
    client.send(get('/', 'Connection: close\r\n').replace('GET', 'HEAD'));
    await client.closed();
    expect(client.received()).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Length: 1234[\s\S]*\r\n\r\n$/);
  });
});

describe('an upstream that', () => {
  it('does not listen is 502 (U07)', async () => {
    await start();
    await upstream.close();
    const response = await exchange(edge.port, get('/'));
    expect(response.status).toBe(502);
    expect(JSON.parse(response.body)).toMatchObject({ code: 'upstream_unreachable' });
    expect(response.body).not.toContain(String(upstream.port));
    expect(edge.records[0]?.detail).toContain('ECONNREFUSED');
  });

  it('does not answer is 504 (U07)', async () => {
    await start(() => {}, { settings: { timeouts: { ...TIMEOUTS, responseMs: 200 } } });
    const response = await exchange(edge.port, get('/'));
    expect(JSON.parse(response.body)).toMatchObject({ status: 504, code: 'upstream_timeout' });
  });

  it('falls silent in the middle of a body has the client cut off', async () => {
    const half = answering('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    await start(half, { settings: { timeouts: { ...TIMEOUTS, idleMs: 200 } } });
    const client = await rawClient(edge.port);
    client.send(get('/'));
    await client.closed();
    expect(edge.records[0]).toMatchObject({ status: 200, reason: 'upstream_timeout' });
  });

  it('is left when the client leaves (U05, http-proxy defect D)', async () => {
    await start(answering('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun'));
    const client = await rawClient(edge.port);
    client.send(get('/'));
    await expect.poll(() => client.received()).toContain('begun');
    client.close();
    await expect.poll(() => upstream.openConnections()).toBe(0);
    expect(edge.records[0]).toMatchObject({ reason: 'client_closed' });
  });

  it('sends events is relayed event by event, head first', async () => {
    let send: (text: string) => void = () => {};
    await start((_request, socket) => {
      socket.write(
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
      );
      send = (text) => socket.write(`${text.length.toString(16)}\r\n${text}\r\n`);
    });
    const client = await rawClient(edge.port);
    client.send(get('/'));
    await expect.poll(() => client.received()).toContain('text/event-stream');
    send('data: 1\n\n');
    await expect.poll(() => client.received()).toContain('data: 1');
    client.close();
  });

  it('sends faster than the client reads is held back (D03)', async () => {
    const answer = largeAnswer();
    await start(answer.script);
    const client = await rawClient(edge.port);
    client.socket.pause();
    client.send(get('/'));
    await answer.expectHeldBack();
    client.close();
  });

  it('listens on a unix socket is reached', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'countersign-')), 'app.sock');
    const server = createHttpServer((request, response) => response.end(`unix ${request.headers.host}`));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await startWith({ upstreams: [httpUpstream(`unix:${path}`)] });
    expect((await exchange(edge.port, get('/'))).body).toBe('unix localhost');
    server.close();
  });
});

describe('an upstream certificate', () => {
  it('that no authority signed is 502 (U04)', async () => {
    const tls = createTlsServer({ key: KEY, cert: CERT }, (_request, response) => response.end('tls'));
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    const { port } = tls.address() as AddressInfo;
    await startWith({ upstreams: [httpUpstream(`https://127.0.0.1:${port}`)] });
    const response = await exchange(edge.port, get('/'));
    expect(response.status).toBe(502);
    expect(edge.records[0]?.detail).toMatch(/self.signed/i);
    tls.close();
  });

  it.each([
    ['app.test', 200],
    ['other.test', 502],
  ])(
    'is checked against the configured name %s, whatever Host the client sends (U04)',
    async (serverName, status) => {
      const names: string[] = [];
      const tls = createTlsServer({ key: KEY, cert: CERT }, (_request, response) => response.end('tls'));
      tls.on('secureConnection', (socket) => names.push(String(socket.servername)));
      await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
      const { port } = tls.address() as AddressInfo;
      await startWith({
        upstreams: [httpUpstream(`https://127.0.0.1:${port}`, { tls: { ...TLS, ca: CERT, serverName } })],
        routes: [route({ preserveHost: true })],
      });
      const forClientHost = `GET / HTTP/1.1\r\nHost: app.test\r\nAuthorization: Bearer ${GOOD_TOKEN}\r\n\r\n`;
      expect((await exchange(edge.port, forClientHost)).status).toBe(status);
      expect((await exchange(edge.port, forClientHost.replace('app.test', 'evil.test'))).status).toBe(status);
      expect(new Set(names).has('evil.test')).toBe(false);
      tls.closeAllConnections();
      tls.close();
    },
  );
});

describe('a defect in a dependency', () => {
  it('is a 500 for that request alone, without an upstream request (D06, law 5)', async () => {
    await start(undefined, {
      verifier: {
        verify: () => {
          throw new TypeError('a canary in the message');
        },
      },
    });
    const client = await rawClient(edge.port);
    client.send(get('/'));
    const [first] = await client.waitFor(1);
    client.send(get('/'));
    const [, second] = await client.waitFor(2);
    expect([first?.status, second?.status]).toEqual([500, 500]);
    expect(client.received()).not.toContain('canary');
    expect(upstream.connections()).toBe(0);
    client.close();
  });

  it('that puts a line break into the assertion is a 5xx and no second header (H05)', async () => {
    await start(undefined, {
      minter: {
        mint: () => ({
          header: 'X-JWT-Assertion',
          value: 'a\r\nX-Admin: 1',
          kid: null,
          expiresAtMs: Infinity,
        }),
      },
    });
    const response = await exchange(edge.port, get('/'));
    expect(JSON.parse(response.body)).toMatchObject({ status: 500, code: 'internal_error' });
    expect(upstream.bytes()).not.toContain('X-Admin');
    expect(header(response, 'x-admin')).toBeUndefined();
  });
});
