/** Upstream TLS: whom the gateway believes, what it asks for, and what it shows of itself (U04, CWE-295). */
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { UpstreamTls } from '../../src/core/upstream.ts';
import type { Upstream } from '../../src/forward/upstream.ts';
import { createUpstreams, type Upstreams } from '../../src/forward/upstreams.ts';
import { CapturingSink, outcomeOf, requestFor } from '../support/capture.ts';
import { certificate, selfSignedCertificate } from '../support/certificate.ts';
import { KEY as KEY_OF_APP_TEST, CERT as OF_APP_TEST } from '../support/certificates.ts';
import { GOOD_TOKEN, get, httpUpstream, route, startEdge, TLS, upstreamPorts } from '../support/edge.ts';
import { exchange } from '../support/raw-client.ts';
import { testKey } from '../support/tokens.ts';

const AUTHORITY_KEY = testKey('ES256');
const STRANGER_KEY = testKey('ES256');
const SERVER_KEY = testKey('ES256');
const CLIENT_KEY = testKey('ES256');
const AUTHORITY = { key: AUTHORITY_KEY, name: 'our authority' };
const STRANGER = { key: STRANGER_KEY, name: 'a stranger' };
const authorityOf = (issuer: typeof AUTHORITY) =>
  certificate(issuer.key, issuer, { name: issuer.name, isAuthority: true });
const CA = authorityOf(AUTHORITY);
const GOOD = certificate(SERVER_KEY, AUTHORITY, {});
const EXPIRED = certificate(SERVER_KEY, AUTHORITY, { lastYear: 2021 });
const OF_A_STRANGER = certificate(SERVER_KEY, STRANGER, {});
const SELF_SIGNED = selfSignedCertificate(SERVER_KEY);
const CLIENT = certificate(CLIENT_KEY, AUTHORITY, { name: 'the gateway' });
const pemOf = (key: typeof SERVER_KEY) => key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: gw.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer ${GOOD_TOKEN}\r\n\r\n`;
const HAS_IPV6 = Object.values(networkInterfaces()).some((own) =>
  own?.some(({ address }) => address === '::1'),
);

let upstreams: Upstreams | undefined;

/** What one TLS server saw of its clients. */
interface Seen {
  readonly names: string[];
  readonly clients: string[];
}

async function tlsServer(
  cert: string,
  { host = '127.0.0.1', ...options }: ServerOptions & { host?: string } = {},
): Promise<{ port: number; seen: Seen }> {
  const seen: Seen = { names: [], clients: [] };
  const server = createServer({ key: pemOf(SERVER_KEY), cert, ...options }, (_request, response) =>
    response.end('tls'),
  );
  server.on('secureConnection', (socket: TLSSocket) => {
    seen.names.push(String(socket.servername));
    seen.clients.push(String(socket.getPeerCertificate().subject?.CN));
  });
  const tunnels = new WebSocketServer({ server });
  tunnels.on('connection', (socket: WebSocket) => socket.close());
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => server.close().closeAllConnections());
  return { port: (server.address() as AddressInfo).port, seen };
}

function upstreamOf(url: string, tls: Partial<UpstreamTls>): Upstream {
  upstreams = createUpstreams([httpUpstream(url, { tls: { ...TLS, ...tls } })], upstreamPorts());
  return upstreams.get('app') as Upstream;
}

afterEach(async () => {
  await upstreams?.close();
  upstreams = undefined;
});

describe('an upstream certificate', () => {
  it('of our own authority is believed', async () => {
    const { port } = await tlsServer(GOOD);
    expect(await outcomeOf(upstreamOf(`https://localhost:${port}`, { ca: CA }))).toBe('200 tls');
  });

  it('is checked against the address where the target is one', async () => {
    const { port } = await tlsServer(GOOD);
    expect(await outcomeOf(upstreamOf(`https://127.0.0.1:${port}`, { ca: CA }))).toBe('200 tls');
  });

  it.skipIf(!HAS_IPV6)('is checked against the address where the target is one of IPv6', async () => {
    const { port, seen } = await tlsServer(GOOD, { host: '::1' });
    expect(await outcomeOf(upstreamOf(`https://[::1]:${port}`, { ca: CA }))).toBe('200 tls');
    await upstreams?.close();
    const edge = await startEdge({
      upstreams: [httpUpstream(`https://[::1]:${port}`, { tls: { ...TLS, ca: CA } })],
    });
    onTestFinished(() => edge.close());
    expect((await exchange(edge.port, HANDSHAKE)).status).toBe(101);
    // No name is asked for: an address is none (RFC 6066 §3).
    expect(seen.names).toEqual(['false', 'false']);
  });

  it('is checked against no name that a client sends as its Host', async () => {
    const { port } = await tlsServer(OF_APP_TEST, { key: KEY_OF_APP_TEST });
    const tls = { ...TLS, ca: OF_APP_TEST };
    const routes = [route({ preserveHost: true })];
    const edge = await startEdge({ routes, upstreams: [httpUpstream(`https://127.0.0.1:${port}`, { tls })] });
    onTestFinished(() => edge.close());
    const statuses = [get('/'), HANDSHAKE].map(
      async (request) => (await exchange(edge.port, request.replace('gw.test', 'app.test'))).status,
    );
    expect(await Promise.all(statuses)).toEqual([502, 502]);
  });

  it.each([
    ['has expired', EXPIRED, { ca: CA }, /CERT_HAS_EXPIRED/],
    ['is of another authority', OF_A_STRANGER, { ca: CA }, /UNABLE_TO|SELF_SIGNED/],
    ['of our authority, without tls.caFile', GOOD, {}, /UNABLE_TO|SELF_SIGNED/],
    ['signs itself', SELF_SIGNED, {}, /SELF_SIGNED/],
    ['signs itself, beside our authority', SELF_SIGNED, { ca: CA }, /SELF_SIGNED/],
    ['is for another name', GOOD, { ca: CA, serverName: 'other.test' }, /ALTNAME/],
  ] as const)('that %s is 502, and nothing is sent', async (_what, cert, tls, cause) => {
    const { port, seen } = await tlsServer(cert);
    const upstream = upstreamOf(`https://localhost:${port}`, tls);
    await expect(upstream.forward(requestFor(), new CapturingSink())).rejects.toMatchObject({
      code: 'upstream_unreachable',
      status: 502,
      message: expect.stringMatching(cause),
    });
    // TLS 1.3 lets the server finish first: a connection may have stood for it, a request did not.
    expect(seen.clients.filter((name) => name !== 'undefined')).toEqual([]);
  });

  it('is asked for by the host of the target, or by tls.serverName', async () => {
    const { port, seen } = await tlsServer(GOOD);
    await outcomeOf(upstreamOf(`https://localhost:${port}`, { ca: CA }));
    await upstreams?.close();
    await outcomeOf(upstreamOf(`https://127.0.0.1:${port}`, { ca: CA, serverName: 'localhost' }));
    expect(seen.names).toEqual(['localhost', 'localhost']);
  });
});

describe('a client certificate', () => {
  const asking: ServerOptions = { requestCert: true, rejectUnauthorized: true, ca: CA };
  const client = { certificate: CLIENT, privateKey: pemOf(CLIENT_KEY) };

  it('is shown to an upstream that asks', async () => {
    const { port, seen } = await tlsServer(GOOD, asking);
    expect(await outcomeOf(upstreamOf(`https://localhost:${port}`, { ca: CA, client }))).toBe('200 tls');
    expect(seen.clients).toEqual(['the gateway']);
  });

  it('that is missing is 502', async () => {
    const { port } = await tlsServer(GOOD, asking);
    expect(await outcomeOf(upstreamOf(`https://localhost:${port}`, { ca: CA }))).toBe('upstream_unreachable');
  });

  it('is shown for tunnels too', async () => {
    const { port, seen } = await tlsServer(GOOD, asking);
    const tls = { ...TLS, ca: CA, client };
    const edge = await startEdge({ upstreams: [httpUpstream(`https://localhost:${port}`, { tls })] });
    onTestFinished(() => edge.close());
    expect((await exchange(edge.port, HANDSHAKE)).status).toBe(101);
    expect(seen.clients).toEqual(['the gateway']);
  });
});
