/** A PROXY header and the requests behind it, in any packets: who the client is, and what it said, does not depend on them. */
import { describe, expect, it } from 'vitest';
import type { IncomingRequest } from '../../src/http/http1/incoming-request.ts';
import { listenerPerTest, requestOf } from '../support/listener.ts';
import { proxyHeader } from '../support/proxy-header.ts';
import { converse, openClient, statusOf } from './support/client.ts';

const startListener = listenerPerTest();
const SOURCE = '203.0.113.7';

/** Requests, each answered with its body, and who they came from. */
async function start() {
  const seen: string[] = [];
  const serve = async ({ target, peer, body }: IncomingRequest): Promise<string> => {
    const pieces: string[] = [];
    for await (const piece of body ?? []) pieces.push(String(piece));
    seen.push(`${peer.address} ${target} ${pieces.join('')}`);
    return pieces.join('');
  };
  const { port } = await startListener(
    async (request, answer) => {
      answer.send(200, [], await serve(request));
    },
    { proxyProtocol: { isTrusted: () => true } },
  );
  return { port, seen };
}

const REQUESTS =
  requestOf('/1', 'Content-Length: 5\r\n', 'hello', 'POST') +
  requestOf('/2', 'Transfer-Encoding: chunked\r\n', '2\r\nhi\r\n0\r\n\r\n', 'POST') +
  requestOf('/3', 'Connection: close\r\n');
const SEEN = [`${SOURCE} /1 hello`, `${SOURCE} /2 hi`, `${SOURCE} /3 `];

describe.each([
  ['IPv4', proxyHeader({ source: SOURCE })],
  ['extensions', proxyHeader({ source: SOURCE, extensions: Buffer.alloc(40, 4) })],
])('a PROXY header (%s) with requests behind it', (_what, header) => {
  const bytes = Buffer.concat([header, Buffer.from(REQUESTS)]);

  it('is read the same wherever it is cut, with the requests in the packet behind the cut (H03)', async () => {
    const { port, seen } = await start();
    for (let at = 0; at <= bytes.length; at += 1) {
      seen.length = 0;
      const client = await openClient(port);
      client.send(bytes.subarray(0, at));
      await new Promise((resolve) => setTimeout(resolve, at < header.length ? 2 : 0));
      client.send(bytes.subarray(at));
      const { responses } = await client.closed();
      expect([at, responses.map(statusOf)]).toEqual([at, [200, 200, 200]]);
      expect(seen).toEqual(SEEN);
    }
  });

  it('is read the same byte by byte', async () => {
    const { port, seen } = await start();
    const client = await openClient(port);
    for (const byte of bytes) {
      client.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await client.closed()).responses.map(statusOf)).toEqual([200, 200, 200]);
    expect(seen).toEqual(SEEN);
  });
});

describe('a second PROXY header', () => {
  it('is no header but the beginning of a request that is none (H03)', async () => {
    const { port, seen } = await start();
    const twice = Buffer.concat([
      proxyHeader({ source: SOURCE }),
      proxyHeader({ source: '10.0.0.1' }),
      Buffer.from(REQUESTS),
    ]);
    const { responses } = await converse(port, twice);
    expect(responses.map(statusOf)).toEqual([400]);
    expect(seen).toEqual([]);
  });
});
