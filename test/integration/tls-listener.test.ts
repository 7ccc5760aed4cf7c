import { connect as connectPlain } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { ListenerTls } from '../../src/core/listener-tls.ts';
import { selfSignedCertificate } from '../support/certificate.ts';
import { type Edge, type EdgeOptions, GOOD_TOKEN, get, httpUpstream, startEdge } from '../support/edge.ts';
import { parseResponses, type RawResponse } from '../support/raw-client.ts';
import { testKey } from '../support/tokens.ts';
import { headerOf, type RecordingUpstream, recordingUpstream } from '../support/upstream.ts';

interface Identity {
  readonly cert: string;
  readonly key: string;
}

function identity(): Identity {
  const key = testKey('ES256');
  return {
    cert: selfSignedCertificate(key),
    key: String(key.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  };
}

const SERVER = identity();
const NEXT = identity();
const CLIENT = identity();
const STRANGER = identity();

function tlsOf({ cert, key }: Identity, overrides: Partial<ListenerTls> = {}): ListenerTls {
  return {
    certificate: cert,
    privateKey: key,
    minVersion: 'TLSv1.2',
    clientAuthorities: null,
    ...overrides,
  };
}

let edge: Edge;
let upstream: RecordingUpstream;
const sockets: TLSSocket[] = [];

async function start(tls: ListenerTls, options: Partial<EdgeOptions> = {}): Promise<void> {
  upstream = await recordingUpstream();
  edge = await startEdge({ upstreams: [httpUpstream(upstream.url)], tls, ...options });
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await edge.close();
  await upstream.close();
});

interface TlsClient {
  readonly socket: TLSSocket;
  /** Sends the bytes and waits for one more response; the connection may end instead. */
  ask(bytes: string): Promise<RawResponse | undefined>;
}

/** Trusts exactly the certificate of the server. Rejects where the handshake fails. */
async function client(server: Identity, options: ConnectionOptions = {}): Promise<TlsClient> {
  const socket = connect({ port: edge.port, host: '127.0.0.1', ca: server.cert, ...options });
  sockets.push(socket);
  let received = '';
  let asked = 0;
  socket.on('data', (piece: Buffer) => {
    received += piece.toString('latin1');
  });
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  let failure: Error | null = null;
  socket.on('error', (error) => {
    failure = error;
  });
  return {
    socket,
    ask: async (bytes) => {
      asked += 1;
      socket.write(bytes);
      await expect
        .poll(() => parseResponses(received).length >= asked || socket.closed || failure !== null)
        .toBe(true);
      return parseResponses(received)[asked - 1];
    },
  };
}

describe('a listener with TLS', () => {
  it('serves requests and says https to the upstream (GW-C13)', async () => {
    await start(tlsOf(SERVER));
    const response = await (await client(SERVER)).ask(get('/'));
    expect(response?.status).toBe(200);
    expect(headerOf(upstream.seen[0], 'x-forwarded-proto')).toEqual(['https']);
  });

  it.each(['TLSv1', 'TLSv1.1'] as const)('does not speak %s (GW-C13)', async (version) => {
    await start(tlsOf(SERVER));
    const old = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(client(SERVER, old)).rejects.toThrow();
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s (GW-C13)', async (version) => {
    await start(tlsOf(SERVER));
    const { socket } = await client(SERVER, { minVersion: version, maxVersion: version });
    expect(socket.getProtocol()).toBe(version);
  });

  it('speaks nothing older than its minVersion', async () => {
    await start(tlsOf(SERVER, { minVersion: 'TLSv1.3' }));
    await expect(client(SERVER, { maxVersion: 'TLSv1.2' })).rejects.toThrow();
    await expect(client(SERVER)).resolves.toBeDefined();
  });

  it('closes a connection that speaks plain HTTP, without a word', async () => {
    await start(tlsOf(SERVER));
    const socket = connectPlain(edge.port, '127.0.0.1');
    let received = '';
    socket.on('data', (piece: Buffer) => {
      received += piece.toString('latin1');
    });
    socket.on('error', () => {});
    socket.write(get('/'));
    await new Promise((resolve) => socket.once('close', resolve));
    expect(received).not.toContain('HTTP/');
    expect(upstream.seen).toHaveLength(0);
  });

  it('cuts a handshake that does not end (D01)', async () => {
    await start(tlsOf(SERVER), { limits: { headersTimeoutMs: 200 } });
    const socket = connectPlain(edge.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(Buffer.from('160301', 'hex'));
    await new Promise((resolve) => socket.once('close', resolve));
  });

  it('does not wait for handshakes when it closes', async () => {
    await start(tlsOf(SERVER));
    const socket = connectPlain(edge.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(Buffer.from('160301', 'hex'));
    await new Promise((resolve) => socket.once('connect', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await edge.close();
    await closed;
  });

  it('carries WebSockets', async () => {
    const echo = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    echo.on('connection', (socket) => socket.on('message', (message) => socket.send(String(message))));
    await new Promise((resolve) => echo.once('listening', resolve));
    const address = echo.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await start(tlsOf(SERVER), { upstreams: [httpUpstream(`http://127.0.0.1:${port}`)] });
    const socket = new WebSocket(`wss://127.0.0.1:${edge.port}/`, {
      ca: SERVER.cert,
      headers: { Authorization: `Bearer ${GOOD_TOKEN}` },
    });
    const answer = await new Promise((resolve, reject) => {
      socket.on('open', () => socket.send('hello'));
      socket.on('message', (message) => resolve(String(message)));
      socket.on('error', reject);
    });
    expect(answer).toBe('hello');
    socket.terminate();
    echo.close();
  });
});

describe('setTls()', () => {
  it('shows new connections the new certificate, and keeps the old ones (GW-C13)', async () => {
    await start(tlsOf(SERVER));
    const old = await client(SERVER);
    expect((await old.ask(get('/')))?.status).toBe(200);
    edge.setTls(tlsOf(NEXT));
    expect((await old.ask(get('/')))?.status).toBe(200);
    expect((await (await client(NEXT)).ask(get('/')))?.status).toBe(200);
    await expect(client(SERVER)).rejects.toThrow();
  });

  it('takes sessions of authorities that are trusted no more for no longer', async () => {
    await start(tlsOf(SERVER, { clientAuthorities: CLIENT.cert }));
    const first = await client(SERVER, CLIENT);
    const session = new Promise<Buffer>((resolve) => first.socket.once('session', resolve));
    expect((await first.ask(get('/')))?.status).toBe(200);
    edge.setTls(tlsOf(SERVER, { clientAuthorities: STRANGER.cert }));
    const again = client(SERVER, { ...CLIENT, session: await session });
    const answer = again.then(({ ask }) => ask(get('/'))).catch(() => undefined);
    expect(await answer).toBeUndefined();
    expect(upstream.seen).toHaveLength(1);
  });
});

describe('client certificates', () => {
  it('let in who has one of the authorities', async () => {
    await start(tlsOf(SERVER, { clientAuthorities: CLIENT.cert }));
    expect((await (await client(SERVER, CLIENT)).ask(get('/')))?.status).toBe(200);
  });

  it.each([
    ['none', {}],
    ['one of another authority', STRANGER],
  ])('keep out who has %s', async (_name, options) => {
    await start(tlsOf(SERVER, { clientAuthorities: CLIENT.cert }));
    const answer = client(SERVER, options).then(({ ask }) => ask(get('/')));
    expect(await answer.catch(() => undefined)).toBeUndefined();
    expect(upstream.seen).toHaveLength(0);
  });
});
