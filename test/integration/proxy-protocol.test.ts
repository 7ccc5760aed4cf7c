import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { selfSignedCertificate } from '../support/certificate.ts';
import { type Edge, type EdgeOptions, get, httpUpstream, startEdge } from '../support/edge.ts';
import { proxyHeader } from '../support/proxy-header.ts';
import { parseResponses, type RawClient, rawClient } from '../support/raw-client.ts';
import { testKey } from '../support/tokens.ts';
import { headerOf, type RecordingUpstream, recordingUpstream } from '../support/upstream.ts';

const CLIENT = '203.0.113.7';
const HEADER = proxyHeader({ source: CLIENT });

let edge: Edge;
let upstream: RecordingUpstream;
const clients: RawClient[] = [];

async function start(options: Partial<EdgeOptions> = {}): Promise<void> {
  upstream = await recordingUpstream();
  edge = await startEdge({
    upstreams: [httpUpstream(upstream.url)],
    proxyProtocol: true,
    trustedProxies: ['127.0.0.1/32'],
    ...options,
  });
}

async function client(): Promise<RawClient> {
  const made = await rawClient(edge.port);
  clients.push(made);
  return made;
}

afterEach(async () => {
  for (const one of clients.splice(0)) one.close();
  await edge.close();
  await upstream.close();
});

const forwardedFor = () => upstream.seen.map((request) => headerOf(request, 'x-forwarded-for')[0]);

describe('a listener with proxyProtocol', () => {
  it('takes the address of the header for the client (H03)', async () => {
    await start();
    const one = await client();
    one.send(HEADER);
    one.send(get('/'));
    expect((await one.waitFor(1))[0]?.status).toBe(200);
    expect(forwardedFor()).toEqual([CLIENT]);
    expect(edge.records[0]?.clientAddress).toBe(CLIENT);
  });

  it('keeps the address for every request of the connection', async () => {
    await start();
    const one = await client();
    one.send(Buffer.concat([HEADER, Buffer.from(get('/1') + get('/2'))]));
    await one.waitFor(2);
    one.send(get('/3'));
    expect(await one.waitFor(3)).toHaveLength(3);
    expect(forwardedFor()).toEqual([CLIENT, CLIENT, CLIENT]);
  });

  it('reads a header that comes byte by byte', async () => {
    await start();
    const one = await client();
    one.socket.setNoDelay(true);
    for (const byte of Buffer.concat([HEADER, Buffer.from(get('/'))])) {
      one.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await one.waitFor(1))[0]?.status).toBe(200);
    expect(forwardedFor()).toEqual([CLIENT]);
  });

  it('keeps the addresses of two connections apart', async () => {
    await start();
    for (const source of ['203.0.113.1', '203.0.113.2']) {
      const one = await client();
      one.send(Buffer.concat([proxyHeader({ source }), Buffer.from(get('/'))]));
      await one.waitFor(1);
    }
    expect(forwardedFor()).toEqual(['203.0.113.1', '203.0.113.2']);
  });

  it('takes the address of the connection where the load balancer speaks for itself', async () => {
    await start();
    const one = await client();
    one.send(Buffer.concat([proxyHeader({ command: 0x20 }), Buffer.from(get('/'))]));
    await one.waitFor(1);
    expect(forwardedFor()).toEqual(['127.0.0.1']);
  });

  it('believes no X-Forwarded-For of a client that is no trusted proxy (H03)', async () => {
    await start();
    const one = await client();
    one.send(Buffer.concat([HEADER, Buffer.from(get('/', 'X-Forwarded-For: 10.0.0.1\r\n'))]));
    await one.waitFor(1);
    expect(forwardedFor()).toEqual([CLIENT]);
  });

  it.each([
    ['no header', Buffer.from(get('/'))],
    ['version 1', Buffer.from(`PROXY TCP4 ${CLIENT} 192.0.2.1 5000 80\r\n${get('/')}`)],
    ['UDP', Buffer.concat([proxyHeader({ family: 0x12 }), Buffer.from(get('/'))])],
  ])('closes a connection with %s, without a word', async (_name, bytes) => {
    await start();
    const one = await client();
    one.send(bytes);
    await one.closed();
    expect(one.received()).toBe('');
    expect(upstream.seen).toHaveLength(0);
  });

  it('closes a connection whose header does not end (D01)', async () => {
    await start({ limits: { headersTimeoutMs: 100 } });
    const one = await client();
    one.send(HEADER.subarray(0, 20));
    await one.closed();
  });

  it('closes a connection that ends before its header', async () => {
    await start();
    const one = await client();
    one.send(HEADER.subarray(0, 20));
    one.socket.end();
    await one.closed();
  });

  it('does not wait for headers when it closes', async () => {
    await start();
    const one = await client();
    one.send(HEADER.subarray(0, 20));
    await edge.close();
    await one.closed();
  });

  it('closes whoever is no trusted proxy (H03)', async () => {
    await start({ trustedProxies: ['192.0.2.0/24'] });
    const one = await client();
    one.send(Buffer.concat([HEADER, Buffer.from(get('/'))]));
    await one.closed();
    expect(upstream.seen).toHaveLength(0);
  });

  it('counts connections that send no header yet among its connections (D02)', async () => {
    await start({ limits: { connections: 1 } });
    await client();
    const second = await client();
    second.send(Buffer.concat([HEADER, Buffer.from(get('/'))]));
    await second.closed();
    expect(upstream.seen).toHaveLength(0);
  });
});

/** Puts the header before what the client sends; `isJoined`: in one packet with the client's first bytes. */
function balancer(isJoined: boolean): Promise<Server> {
  const server = createServer((downstream) => {
    const toEdge: Socket = connect(edge.port, '127.0.0.1');
    toEdge.setNoDelay(true);
    if (!isJoined) toEdge.write(HEADER);
    downstream.once('data', (first: Buffer) => {
      toEdge.write(isJoined ? Buffer.concat([HEADER, first]) : first);
      downstream.pipe(toEdge);
    });
    toEdge.pipe(downstream);
    for (const socket of [downstream, toEdge]) socket.on('error', () => socket.destroy());
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

describe('a listener with proxyProtocol and TLS', () => {
  it.each([
    ['before', false],
    ['together with', true],
  ])('reads the header that comes %s the handshake', async (_name, isJoined) => {
    const key = testKey('ES256');
    const certificate = selfSignedCertificate(key);
    const privateKey = String(key.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await start({ tls: { certificate, privateKey, minVersion: 'TLSv1.2', clientAuthorities: null } });
    const front = await balancer(isJoined);
    const address = front.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const socket = connectTls({ port, host: '127.0.0.1', ca: certificate });
    let received = '';
    socket.on('data', (piece: Buffer) => {
      received += piece.toString('latin1');
    });
    socket.write(get('/'));
    await expect.poll(() => parseResponses(received)[0]?.status).toBe(200);
    expect(forwardedFor()).toEqual([CLIENT]);
    expect(headerOf(upstream.seen[0], 'x-forwarded-proto')).toEqual(['https']);
    socket.destroy();
    front.close();
  });
});
