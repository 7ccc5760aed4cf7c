/** Rows D01, D03, D05, D06, P06, P08 and U07 in small: floods and dawdlers cost themselves, and nobody else. */
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../support/random.ts';
import { type Answers, openClient, statusOf, type WireClient } from './support/client.ts';
import { valuesOf } from './support/http-message.ts';
import { mutantSeeds, mutate } from './support/mutants.ts';
import { expectToServe, judge, type RigOptions, request, startRig, type WireRig } from './support/rig.ts';
import { tagOf } from './support/upstream.ts';

const SEED = 20_260_102;

let rig: WireRig;

async function start(options: RigOptions = {}): Promise<void> {
  rig = await startRig(options);
}

afterEach(() => rig.stop());

const openClients = (count: number) => Promise.all(Array.from({ length: count }, () => openClient(rig.port)));

/** Good requests, one after the other, all of which must succeed. */
async function expectGoodRequests(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await expectToServe(rig);
}

describe('bad tokens', () => {
  it('by the thousand do not stop good requests, and reach no upstream (D05)', async () => {
    await start();
    rig.upstream.forget();
    const clients = await openClients(20);
    const [head = '', payload = ''] = rig.token.split('.');
    const bad = [
      'x',
      `${head}.${payload}.AAAA`,
      `${head}.${payload}.`,
      rig.token.slice(0, -2),
      `${rig.token}x`,
    ];
    for (const client of clients)
      for (let index = 0; index < 50; index += 1)
        client.send(request(rig, { tag: 'bad', token: bad[index % bad.length] ?? '' }));
    await expectGoodRequests(20);
    for (const client of clients) {
      const { responses } = await client.answered(50);
      expect(new Set(responses.map(statusOf))).toEqual(new Set([401]));
      client.cut();
    }
    expect(new Set(rig.upstream.requests.map(tagOf))).toEqual(new Set(['after']));
  });
});

/** Clients that say a little and then no more. */
const DAWDLERS = [
  ['nothing', ''],
  ['half a request line', 'GET / HT'],
  ['half a header', 'GET / HTTP/1.1\r\nHost: wire.test\r\nX-Slow: '],
  ['headers without an end', 'GET / HTTP/1.1\r\nHost: wire.test\r\nX-Slow: 1\r\n'],
  ['half a body', 'POST /public HTTP/1.1\r\nHost: wire.test\r\nContent-Length: 100\r\n\r\nhalf'],
  [
    'half a chunk',
    'POST /public HTTP/1.1\r\nHost: wire.test\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf',
  ],
] as const;

describe('a hundred clients that send', () => {
  it.each(DAWDLERS)('%s do not stop good requests, and are closed (D01)', async (_what, bytes) => {
    await start({ limits: 'headersTimeout: 200ms, requestTimeout: 300ms, idleTimeout: 300ms' });
    const clients = await openClients(100);
    for (const client of clients) client.send(bytes);
    await expectGoodRequests(10);
    const answers = await Promise.all(clients.map((client) => client.closed()));
    const statuses = answers.flatMap(({ responses }) => responses.map(statusOf));
    // An answer to who asked nothing would be taken for that to a request which is on its way.
    expect(statuses).toEqual(Array.from({ length: bytes === '' ? 0 : 100 }, () => 408));
    expect(rig.upstream.requests.map(tagOf)).not.toContain('');
  });
});

describe('a client that reads nothing', () => {
  it('is cut off, and the upstream with it (D01, slow read)', async () => {
    await start({ limits: 'idleTimeout: 200ms' });
    rig.upstream.behaviour = {
      onRequest: (_request, socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
        const piece = Buffer.alloc(1024 * 1024);
        const pump = () => {
          while (!socket.destroyed && socket.write(piece));
          socket.once('drain', pump);
        };
        pump();
      },
    };
    const client = await openClient(rig.port);
    client.socket.pause();
    client.send(request(rig, { tag: 'unread' }));
    await expect.poll(() => rig.upstream.requests.length).toBe(1);
    await rig.upstream.allClosed();
    client.cut();
    await expectToServe(rig);
  });
});

describe('100 MB for a route that answers 401', () => {
  const TOTAL_BYTES = 100_000_000;
  const PIECE = Buffer.alloc(64 * 1024, 'x');

  /** Sends until the gateway closes; what the kernels hold on the way counts as sent. */
  async function upload(client: WireClient, frame: (piece: Buffer) => Buffer): Promise<number> {
    let sentBytes = 0;
    while (!client.isClosed && sentBytes < TOTAL_BYTES) {
      sentBytes += PIECE.length;
      if (!client.socket.write(frame(PIECE)))
        await new Promise((resolve) => client.socket.once('drain', resolve).once('close', resolve));
      else await new Promise((resolve) => setImmediate(resolve));
    }
    return sentBytes;
  }

  it.each([
    ['with a length', `Content-Length: ${TOTAL_BYTES}\r\n`, (piece: Buffer) => piece],
    [
      'in chunks',
      'Transfer-Encoding: chunked\r\n',
      (piece: Buffer) =>
        Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]),
    ],
  ])('%s are not read (D03)', async (_how, lines, frame) => {
    await start();
    const client = await openClient(rig.port);
    client.send(request(rig, { method: 'POST', token: null, lines }));
    const { responses } = await client.answered(1);
    expect(responses.map(statusOf)).toEqual([401]);
    expect(valuesOf(responses[0] ?? { headers: [] }, 'connection')).toEqual(['close']);
    expect(await upload(client, frame)).toBeLessThan(TOTAL_BYTES / 2);
    expect(rig.upstream.bytes()).toBe('');
    await expectToServe(rig);
  });
});

const UPLOAD_BYTES = 64 * 1024 * 1024;

describe('an upload to an upstream that does not read', () => {
  it('is held back (D03)', async () => {
    await start();
    const held: Socket[] = [];
    rig.upstream.behaviour = { onHead: (_head, socket) => void held.push(socket.pause()) };
    const client = await openClient(rig.port);
    client.send(request(rig, { method: 'POST', tag: 'held', lines: `Content-Length: ${UPLOAD_BYTES}\r\n` }));
    const piece = Buffer.alloc(256 * 1024);
    for (let bytes = 0; bytes < UPLOAD_BYTES; bytes += piece.length) client.socket.write(piece);
    let before = UPLOAD_BYTES;
    const isStill = () => {
      const same = before === client.socket.writableLength;
      before = client.socket.writableLength;
      return same;
    };
    await expect.poll(isStill, { interval: 100 }).toBe(true);
    expect(client.socket.writableLength).toBeGreaterThan(UPLOAD_BYTES / 2);
    client.cut();
    for (const socket of held) socket.resume();
    await rig.upstream.allClosed();
  });
});

describe('a request target', () => {
  it.each([
    ['of 9 KiB', `/${'a'.repeat(9 * 1024)}`, [414]],
    ['of 64 KiB', `/${'a'.repeat(64 * 1024)}`, [414, 431]],
    ['with 10,000 parameters', `/?${'a=1&'.repeat(10_000)}`, [414, 431]],
    ['with 2,000 parameters', `/?${'a=1&'.repeat(2000)}`, [200]],
  ])('%s is %j%j (P08)', async (_what, target, statuses) => {
    await start();
    const { statuses: seen } = await judge(rig, request(rig, { target, tag: 'first' }));
    expect(statuses).toContain(seen[0]);
  });
});

describe('a method', () => {
  it.each([
    ['GET with X-HTTP-Method-Override', 'GET', '/read-only', 'X-HTTP-Method-Override: DELETE\r\n', 200],
    [
      'POST with X-HTTP-Method-Override',
      'POST',
      '/read-only',
      'X-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n',
      405,
    ],
    [
      'POST with X-Method-Override',
      'POST',
      '/read-only',
      'X-Method-Override: GET\r\nContent-Length: 0\r\n',
      405,
    ],
    ['POST with X-HTTP-Method', 'POST', '/read-only', 'X-HTTP-Method: GET\r\nContent-Length: 0\r\n', 405],
    ['POST with _method in the query', 'POST', '/read-only?_method=GET', 'Content-Length: 0\r\n', 405],
    ['HEAD of a GET route', 'HEAD', '/read-only', '', 200],
    ['OPTIONS of a GET route', 'OPTIONS', '/read-only', '', 405],
    ['PROPFIND', 'PROPFIND', '/read-only', '', 405],
    ['an unknown one', 'BREW', '/read-only', '', 501],
    ['one in lower case', 'get', '/read-only', '', 501],
  ])('is what the request line says: %s (P06)', async (_what, method, target, lines, status) => {
    await start();
    const { statuses } = await judge(rig, request(rig, { method, target, lines, tag: 'first' }), [method]);
    expect(statuses[0]).toBe(status);
    if (status === 200) expect(rig.upstream.requests[0]?.startLine).toBe(`${method} ${target} HTTP/1.1`);
  });

  it('of a preflight opens no protected route (P06)', async () => {
    await start();
    const lines = 'Origin: https://evil.test\r\nAccess-Control-Request-Method: GET\r\n';
    const { statuses, forwarded } = await judge(
      rig,
      request(rig, { method: 'OPTIONS', lines, token: null, tag: 'pre' }),
    );
    expect([statuses[0], forwarded]).toEqual([401, ['sentinel']]);
  });
});

/** Upstreams that are not there, or are and say nothing: who is to blame shows in the status (U07). */
describe('an upstream that', () => {
  const silent = { timeouts: 'connect: 200ms, response: 200ms, idle: 200ms' };

  it('refuses connections is 502', async () => {
    await start({ upstreamUrl: 'http://127.0.0.1:1' });
    await expectStatus(502, 'upstream_unreachable');
  });

  it('has a name that does not exist is 502', async () => {
    await start({ upstreamUrl: 'http://no-such-host.invalid:80' });
    await expectStatus(502, 'upstream_unreachable');
  });

  it('accepts and never finishes the TLS handshake is 504', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    await start({ ...silent, upstreamUrl: `https://127.0.0.1:${port}` });
    await expectStatus(504, 'upstream_timeout');
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it.each([
    ['', 'no byte'],
    ['HTTP/1.1 200 OK\r\nX-Slow: ', 'half a head'],
    ['HTTP/1.1 103 Early Hints\r\n\r\n', 'a hint alone'],
  ])('answers %j, %s, is 504', async (bytes) => {
    await start(silent);
    rig.upstream.behaviour = { onRequest: (_request, socket) => void socket.write(bytes) };
    await expectStatus(504, 'upstream_timeout');
    await rig.upstream.allClosed();
  });

  it('falls silent in its body has the client cut off, not answered', async () => {
    await start(silent);
    rig.upstream.behaviour = {
      onRequest: (_request, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
    };
    const client = await openClient(rig.port);
    client.send(request(rig));
    const { responses, rest } = await client.closed();
    expect(responses).toEqual([]);
    expect(rest).toMatch(/^HTTP\/1\.1 200 /);
    await rig.upstream.allClosed();
  });
});

async function expectStatus(status: number, code: string): Promise<void> {
  const client = await openClient(rig.port);
  client.send(request(rig, { method: 'POST', lines: 'Content-Length: 0\r\n' }));
  const { responses } = await client.answered(1);
  client.cut();
  expect(responses.map(statusOf)).toEqual([status]);
  expect(JSON.parse(responses[0]?.body ?? '')).toMatchObject({ status, code });
}

const MUTANTS = 600;

describe('a request changed at random', () => {
  it(`is refused, or forwarded once and well framed, ${MUTANTS} times (D06, S02)`, async () => {
    await start();
    const random = seededRandom(SEED);
    const seeds = mutantSeeds(rig);
    for (let index = 0; index < MUTANTS; index += 1) {
      const bytes = mutate(Buffer.from(random.pick(seeds), 'latin1'), random);
      rig.upstream.forget();
      const client = await openClient(rig.port);
      client.send(bytes);
      client.finish();
      const answers = await client.closed();
      judgeMutant(answers, bytes);
    }
    await expectToServe(rig);
  });

  function judgeMutant(answers: Answers, bytes: Buffer): void {
    // A client that ends early may have lost an answer, but no answer is another's, and nothing is badly framed.
    const tags = answers.responses.map(tagOf).filter((tag) => tag !== '');
    expect(rig.upstream.requests.map(tagOf), bytes.toString('latin1')).toEqual(expect.arrayContaining(tags));
    expect([answers.violation, rig.upstream.violations]).toEqual([null, []]);
    expect(rig.upstream.requests.length).toBeLessThanOrEqual(2);
  }
});
