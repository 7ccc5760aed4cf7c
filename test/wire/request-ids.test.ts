/** One request has one name, in its answer, at its upstream and in the log; and the log tells of the answer that was sent. */
import { type AddressInfo, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import type { ListenerLimits } from '../../src/core/limits.ts';
import { startApi, type TestApi } from '../support/api.ts';
import { ECHO, GOOD_TOKEN, httpUpstream, verifier } from '../support/edge.ts';
import { edgePerTest } from '../support/edge-per-test.ts';
import { exchange, header, type RawResponse } from '../support/raw-client.ts';
import { openClient } from './support/client.ts';

const { edge, upstream, start } = edgePerTest();

const ID = 'mine-1';
const head = (lines: string, method = 'POST') =>
  `${method} /path?query HTTP/1.1\r\nHost: gw.test\r\nX-Request-Id: ${ID}\r\n` +
  `Authorization: Bearer ${GOOD_TOKEN}\r\n${lines}`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n';
const WEB_SOCKET =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nearly';

const SOON: Partial<ListenerLimits> = { headersTimeoutMs: 100, requestTimeoutMs: 100 };

/** What the connection refuses, with the request under way, begun, or not to be begun. */
const REFUSED = [
  ['a body that breaks', `${head(CHUNKED)}zz\r\n`, 400, 'bad_request'],
  ['a body that stops', head(CHUNKED), 408, 'request_timeout'],
  ['a head that breaks', head('no field\r\n'), 400, 'bad_request'],
  ['a head that stops', head('Acc'), 408, 'request_timeout'],
  ['an upgrade with bytes behind it', head(WEB_SOCKET, 'GET'), 400, 'bad_request'],
] as const;

/** Where it has IPv6, a listener on `::` sees IPv4 clients at mapped addresses. */
const HAS_IPV6 = Object.values(networkInterfaces()).some((one) =>
  one?.some(({ family }) => family === 'IPv6'),
);
const BOTH_PLAIN = ['127.0.0.1', '127.0.0.1'];

const namesIn = (answer: RawResponse) => [header(answer, 'x-request-id'), JSON.parse(answer.body).instance];

describe('the name of a request', () => {
  it.each(REFUSED)(
    'is the one of its client where the connection refuses %s (O05, S07)',
    async (_what, bytes, status, reason) => {
      await start({ limits: SOON });
      const answer = await exchange(edge.port, bytes);
      expect([answer.status, ...namesIn(answer)]).toEqual([status, ID, ID]);
      const method = bytes.slice(0, bytes.indexOf(' '));
      await expect.poll(() => edge.records).toHaveLength(1);
      expect(edge.records[0]).toMatchObject({ requestId: ID, method, path: '/path', status, reason });
      if (upstream.bytes() !== '') expect(upstream.bytes()).toContain(`\r\nX-Request-Id: ${ID}\r\n`);
    },
  );

  it('is made once where its client names none (O05, S07)', async () => {
    await start();
    const client = await openClient(edge.port);
    client.send(head(CHUNKED).replace(ID, 'not harmless'));
    await expect.poll(() => upstream.bytes()).toContain('abc');
    client.send('zz\r\n');
    await client.closed();
    const made = /\r\nX-Request-Id: (\S+)\r\n/.exec(upstream.bytes())?.[1] ?? '';
    expect(made).toMatch(/^[0-9a-f-]{36}$/);
    expect(client.received()).toContain(`\r\nX-Request-Id: ${made}\r\n`);
    expect(client.received()).toContain(`"instance":"${made}"`);
    await expect.poll(() => edge.records).toMatchObject([{ requestId: made }]);
  });

  it('is made where not even the first line came, and is the same in the log (O05)', async () => {
    await start({ limits: SOON });
    const answer = await exchange(edge.port, 'GET / HT');
    const [name] = namesIn(answer);
    expect(namesIn(answer)).toEqual([name, name]);
    expect(edge.records).toMatchObject([{ requestId: name, method: '', path: '', status: 408 }]);
  });
});

describe('the line of a request in the log', () => {
  it('says why its connection cut an answer that had begun (S07)', async () => {
    const early = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun'));
    });
    await new Promise<void>((resolve) => early.listen(0, '127.0.0.1', resolve));
    const { port } = early.address() as AddressInfo;
    await start({ upstreams: [httpUpstream(`http://127.0.0.1:${port}`)] });
    const client = await openClient(edge.port);
    client.send(head(CHUNKED));
    await client.saw('begun');
    client.send('zz\r\n');
    await client.closed();
    await expect.poll(() => edge.records).toMatchObject([{ status: 200, reason: 'bad_request' }]);
    early.close();
  });

  it.skipIf(!HAS_IPV6)('names the address of the client in one way, whoever answers it', async () => {
    await start({ host: '::' });
    for (const bytes of [head('\r\n', 'GET'), head('no field\r\n')]) await exchange(edge.port, bytes);
    await expect.poll(() => edge.records.map(({ clientAddress }) => clientAddress)).toEqual(BOTH_PLAIN);
  });

  it('says that the client left, where it did before an answer that came at once', async () => {
    const { promise: isVerifying, resolve: verifying } = Promise.withResolvers<void>();
    const { promise: goOn, resolve: verified } = Promise.withResolvers<void>();
    await start({
      upstreams: [ECHO],
      verifier: {
        verify: async (token, realms) => {
          verifying();
          await goOn;
          return verifier.verify(token, realms);
        },
      },
    });
    const client = await openClient(edge.port);
    client.send(head('\r\n', 'GET'));
    await isVerifying;
    client.cut(true);
    await client.closed();
    await new Promise((resolve) => setTimeout(resolve, 50)); // the reset is on its way
    verified();
    await expect.poll(() => edge.records).toMatchObject([{ status: 499, reason: 'client_closed' }]);
  });
});

describe('a call of the API', () => {
  let api: TestApi;
  afterEach(() => api.close());

  it('whose body breaks has one name and one status, in the answer and in the log (O05, S07)', async () => {
    api = await startApi();
    const bytes = `POST /api/jwt/refresh HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${ID}\r\nContent-Type: application/json\r\n`;
    const answer = await exchange(api.port, `${bytes}${CHUNKED}zz\r\n`);
    expect([answer.status, ...namesIn(answer)]).toEqual([400, ID, ID]);
    await expect.poll(() => api.records).toHaveLength(1);
    expect(api.records[0]).toMatchObject({
      requestId: ID,
      path: '/api/jwt/refresh',
      status: 400,
      isClientGone: false,
      reason: 'the line of a chunk is none of HTTP',
    });
  });

  it('that is none of HTTP behind its first line is named by it in the log', async () => {
    api = await startApi();
    await exchange(api.port, 'GET /api/jwt/validate HTTP/1.1\r\nno field\r\n\r\n');
    expect(api.records).toMatchObject([{ method: 'GET', path: '/api/jwt/validate', status: 400 }]);
  });
});
