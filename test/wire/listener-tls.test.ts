/** TLS under the listener: what is agreed on, what is refused, and an end that is told from a cut. */
import { connect as connectPlain, createServer, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { CLOSING_IDLE_MS } from '../../src/http/http1/connection.ts';
import { selfSignedCertificate } from '../support/certificate.ts';
import { echo, type Handler, listenerPerTest, requestOf } from '../support/listener.ts';
import { testKey } from '../support/tokens.ts';
import { readAnswers, statusOf } from './support/client.ts';

const key = testKey('ES256');
const certificate = selfSignedCertificate(key);
const TLS = {
  certificate,
  privateKey: String(key.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  minVersion: 'TLSv1.2',
  clientAuthorities: null,
} as const;

const startListener = listenerPerTest();
const open: { destroy(): void }[] = [];
const relays: Server[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
  for (const relay of relays.splice(0)) relay.close();
});

const start = (handler: Handler, limits = {}) => startListener(handler, { tls: TLS, limits });

interface TlsClient {
  readonly socket: TLSSocket;
  received(): string;
  statuses(): number[];
  /** `close`, or the message of the error. */
  readonly ending: Promise<string>;
}

async function client(port: number, options: ConnectionOptions = {}): Promise<TlsClient> {
  const socket = connect({ port, host: '127.0.0.1', ca: certificate, ...options });
  open.push(socket);
  let text = '';
  socket.on('data', (piece: Buffer) => {
    text += piece.toString('latin1');
  });
  const ending = new Promise<string>((resolve) => {
    socket.once('error', ({ message }) => resolve(message)).once('close', () => resolve('close'));
  });
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  return {
    socket,
    received: () => text,
    statuses: () => readAnswers(text, [], socket.destroyed).responses.map(statusOf),
    ending,
  };
}

describe('ALPN', () => {
  it.each([
    ['http/1.1', ['http/1.1'], 'http/1.1'],
    ['http/1.1 behind what we do not speak', ['h2', 'http/1.1'], 'http/1.1'],
    ['nothing', undefined, false],
  ])('agrees where the client offers %s', async (_what, ALPNProtocols, agreed) => {
    const { port } = await start(echo);
    const one = await client(port, ALPNProtocols === undefined ? {} : { ALPNProtocols });
    expect(one.socket.alpnProtocol).toBe(agreed);
    one.socket.write(requestOf('/', 'Connection: close\r\n'));
    await one.ending;
    expect(one.statuses()).toEqual([200]);
  });

  it.each([[['h2']], [['http/1.0', 'spdy/3']]])(
    'refuses who offers %j alone (RFC 7301 §3.2)',
    async (ALPNProtocols) => {
      const { port, log } = await start(echo);
      await expect(client(port, { ALPNProtocols })).rejects.toThrow(/no application protocol/i);
      expect(log).toEqual([expect.stringMatching(/^debug TLS handshake failed/)]);
    },
  );
});

describe('renegotiation (CVE-2011-1473)', () => {
  it('is refused, and the connection cut', async () => {
    const { port, listener } = await start(echo, { headersTimeoutMs: 60_000 });
    const one = await client(port, { maxVersion: 'TLSv1.2' });
    let isRenegotiated = false;
    one.socket.renegotiate({}, (error) => {
      isRenegotiated = error === null;
    });
    await one.ending;
    expect(isRenegotiated).toBe(false);
    await listener.close(60_000);
  });
});

/** Types of the TLS records that the server has sent, in TLS 1.2, where they are not hidden: 21 is an alert. */
async function recordTypes(port: number): Promise<{ port: number; types: () => number[] }> {
  let bytes = Buffer.alloc(0);
  const relay = createServer((downstream) => {
    const upstream = connectPlain(port, '127.0.0.1');
    for (const socket of [upstream, downstream]) socket.on('error', () => {});
    upstream.on('data', (piece: Buffer) => {
      bytes = Buffer.concat([bytes, piece]);
    });
    downstream.pipe(upstream).pipe(downstream);
    upstream.on('close', () => downstream.destroy());
    downstream.on('close', () => upstream.destroy());
    open.push(upstream, downstream);
  });
  relays.push(relay);
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const address = relay.address();
  const types = () => {
    const found: number[] = [];
    for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) found.push(bytes[at] ?? 0);
    return found;
  };
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, types };
}

const ALERT = 21;

describe('the end of a connection', () => {
  const version = { maxVersion: 'TLSv1.2' } as const;

  it.each([
    ['an answer that closes', echo, 'Connection: close\r\n'],
    [
      'an answer without a length that is whole',
      ((_request, answer) => {
        answer.begin(200, []);
        answer.write(Buffer.from('begun'));
        setImmediate(() => answer.end());
      }) as Handler,
      'Connection: close\r\n',
    ],
  ])('is told by close_notify behind %s (RFC 5246 §7.2.1)', async (_what, handler, lines) => {
    const { port } = await start(handler);
    const relay = await recordTypes(port);
    const one = await client(relay.port, version);
    one.socket.write(requestOf('/', lines));
    await one.ending;
    expect(relay.types().at(-1)).toBe(ALERT);
    expect(one.statuses()).toEqual([200]);
  });

  it.each([
    [
      'is aborted',
      (async (_request, answer) => {
        answer.begin(200, []);
        answer.write(Buffer.from('begun'));
        await new Promise((resolve) => setTimeout(resolve, 50));
        answer.abort();
      }) as Handler,
    ],
    [
      'fails',
      (async (_request, answer) => {
        answer.begin(200, []);
        answer.write(Buffer.from('begun'));
        await new Promise((resolve) => setTimeout(resolve, 50));
        throw new Error('a defect');
      }) as Handler,
    ],
  ])(
    'is a cut without close_notify in an answer that %s: HTTP/1.0 can tell it too',
    async (_how, handler) => {
      const { port } = await start(handler);
      const relay = await recordTypes(port);
      const one = await client(relay.port, version);
      one.socket.write('GET / HTTP/1.0\r\n\r\n');
      await one.ending;
      expect(one.received()).toMatch(/begun$/);
      expect(relay.types().at(-1)).not.toBe(ALERT);
    },
  );

  it('is no matter for the log, whether the client says close_notify or is gone', async () => {
    const { port, listener, log } = await start(echo);
    const all = await Promise.all([client(port), client(port)]);
    for (const one of all) one.socket.write(requestOf('/'));
    await expect.poll(() => all.map((one) => one.statuses())).toEqual([[200], [200]]);
    all[0]?.socket.end();
    all[1]?.socket.destroy();
    await listener.close(60_000);
    expect(log).toEqual([]);
  });
});

describe('a connection over TLS', () => {
  it('is closed where its client takes nothing, and where it says nothing (D01)', async () => {
    const piece = Buffer.alloc(1024 * 1024);
    const pump: Handler = async (_request, answer) => {
      answer.begin(200, []);
      const more = () => {
        while (!answer.isClosed && answer.write(piece));
      };
      answer.onDrain(more);
      more();
      await new Promise<void>((resolve) => answer.onClose(resolve));
    };
    const { port, listener } = await start(pump, { idleTimeoutMs: 200, headersTimeoutMs: 200 });
    const silent = await client(port);
    const deaf = await client(port);
    deaf.socket.pause();
    deaf.socket.write(requestOf('/'));
    await silent.ending;
    expect(silent.statuses()).toEqual([]);
    await listener.close(60_000);
  });

  it('is answered in order where requests come in one record, and where bytes do', async () => {
    const { port } = await start(echo);
    const one = await client(port);
    const all = Array.from({ length: 50 }, (_, index) => requestOf(`/${index}`)).join('');
    one.socket.write(all);
    for (const byte of requestOf('/last', 'Connection: close\r\n')) one.socket.write(byte);
    await one.ending;
    expect(one.statuses()).toEqual(Array.from({ length: 51 }, () => 200));
    expect(one.received()).toMatch(/GET \/49 0[\s\S]*GET \/last 0/);
  });

  it('gets all of a large last answer, however slowly it reads', async () => {
    const BYTES = 8 * 1024 * 1024;
    const { port } = await start((_request, answer) => answer.send(200, [], 'x'.repeat(BYTES)));
    const socket = connect({ port, host: '127.0.0.1', ca: certificate });
    open.push(socket);
    let received = 0;
    socket.on('data', ({ length }: Buffer) => {
      received += length;
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
    socket.write(requestOf('/', 'Connection: close\r\n'));
    await new Promise((resolve) => socket.once('end', resolve));
    expect(received).toBeGreaterThan(BYTES);
  });
});

describe('a connection whose handshake ends while the listener closes', () => {
  it('is closed when it asks nothing, and not kept for as long as a head may take', async () => {
    const long = { headersTimeoutMs: 60_000, idleTimeoutMs: 60_000 };
    const { port, listener } = await start(echo, long);
    const plain = connectPlain(port, '127.0.0.1');
    open.push(plain);
    await new Promise<void>((resolve) => plain.once('connect', resolve));
    // A whole exchange of another: the listener knows of the first by then.
    const other = await client(port);
    other.socket.write(requestOf('/', 'Connection: close\r\n'));
    await other.ending;
    const closed = listener.close(60_000);
    await delay(CLOSING_IDLE_MS + 200); // silent ones have been closed by then
    const late = connect({ socket: plain, ca: certificate });
    late.on('error', () => {});
    const secured = new Promise<void>((resolve) => late.once('secureConnect', resolve));
    late.resume();
    await secured;
    await closed;
  });
});
