/** Many requests at once, and clients that read late or never: answers in order, whole, and memory that is bounded. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { IncomingRequest } from '../../src/http/http1/incoming-request.ts';
import { type Handler, listenerPerTest, requestOf } from '../support/listener.ts';
import { openClient, statusOf } from './support/client.ts';
import { valuesOf } from './support/http-message.ts';

const start = listenerPerTest();
const MIB = 1024 * 1024;

const targets = (count: number) => Array.from({ length: count }, (_, index) => `/${index}`);
const bodies = (responses: readonly { readonly body: string }[]) => responses.map(({ body }) => body);

/** Answers after none to three turns of the event loop, as the target says. */
const unevenly: Handler = async ({ target }, answer) => {
  for (let turn = Number(target.slice(1)) % 4; turn > 0; turn -= 1)
    await new Promise((resolve) => setImmediate(resolve));
  answer.send(200, [], target);
};

describe('pipelined requests', () => {
  it('by the hundred, in one write, are answered in order (RFC 9112 §9.3.2)', async () => {
    const { port } = await start(unevenly);
    const client = await openClient(port);
    client.send(
      targets(500)
        .map((target) => requestOf(target))
        .join(''),
    );
    const { responses } = await client.answered(500);
    expect(bodies(responses)).toEqual(targets(500));
    client.cut();
  });

  it('that come byte by byte are answered in order', async () => {
    const { port } = await start(unevenly);
    const client = await openClient(port);
    for (const byte of targets(20)
      .map((target) => requestOf(target))
      .join('')) {
      client.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(bodies((await client.answered(20)).responses)).toEqual(targets(20));
    client.cut();
  });

  it('are handled one at a time', async () => {
    let most = 0;
    let underWay = 0;
    const { port } = await start(async (_request, answer) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await delay(1);
      underWay -= 1;
      answer.send(200, []);
    });
    const client = await openClient(port);
    client.send(
      targets(50)
        .map((target) => requestOf(target))
        .join(''),
    );
    await client.answered(50);
    expect(most).toBe(1);
    client.cut();
  });

  it('with bodies are told from their bodies', async () => {
    const { port } = await start(async ({ target, body }, answer) => {
      const pieces: string[] = [];
      for await (const piece of body ?? []) pieces.push(String(piece));
      answer.send(200, [], `${target} ${pieces.join('')}`);
    });
    const client = await openClient(port);
    const inside = requestOf('/inside');
    client.send(
      requestOf('/1', `Content-Length: ${inside.length}\r\n`, inside, 'POST') +
        requestOf(
          '/2',
          'Transfer-Encoding: chunked\r\n',
          `${inside.length.toString(16)}\r\n${inside}\r\n0\r\n\r\n`,
          'POST',
        ) +
        requestOf('/3', 'Connection: close\r\n') +
        requestOf('/behind a close'),
    );
    const { responses } = await client.closed();
    expect(bodies(responses)).toEqual([`/1 ${inside}`, `/2 ${inside}`, '/3 ']);
  });

  it.each([
    ['bytes that are no request', '\0garbage', 400],
    ['half a request that ends', 'GET /2 HTTP/1.1\r\nHost', 0],
    ['an unknown method', 'BREW / HTTP/1.1\r\n\r\n', 501],
    ['a head that is too long', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`, 431],
  ])('in front of %s are answered all, and first', async (_what, rest, status) => {
    const { port } = await start(unevenly);
    const client = await openClient(port);
    client.send(
      targets(10)
        .map((target) => requestOf(target))
        .join('') + rest,
    );
    await client.answered(10);
    client.finish();
    const { responses, violation } = await client.closed();
    expect(bodies(responses).slice(0, 10)).toEqual(targets(10));
    expect(responses.slice(10).map(statusOf)).toEqual(status === 0 ? [] : [status]);
    expect(violation).toBeNull();
  });
});

describe('a client that reads nothing of its answers', () => {
  const COUNT = 4000;
  const BODY = Buffer.alloc(16 * 1024, 'x');
  /** Of all the answers: what the system holds for both ends, and what we do. */
  const BUFFERED_BYTES_MAX = 24 * MIB;

  it('has its requests wait, however many it has sent, and gets each answer once it reads', async () => {
    let handled = 0;
    const { port } = await start(({ target }, answer) => {
      handled += 1;
      answer.begin(200, ['Content-Length', String(BODY.length), 'X-Target', target]);
      answer.write(BODY);
      answer.end();
    });
    const client = await openClient(port);
    client.socket.pause();
    client.send(
      targets(COUNT)
        .map((target) => requestOf(target))
        .join(''),
    );
    let before = -1;
    while (before !== handled) {
      before = handled;
      await delay(200);
    }
    expect(handled * BODY.length).toBeLessThan(BUFFERED_BYTES_MAX);
    client.socket.removeAllListeners('data');
    let text = '';
    client.socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1').replaceAll(/x{100,}/g, '');
    });
    client.socket.resume();
    await expect.poll(() => handled, { timeout: 15_000 }).toBe(COUNT);
    await expect.poll(() => text.includes(`X-Target: /${COUNT - 1}\r\n`), { timeout: 5000 }).toBe(true);
    expect([...text.matchAll(/X-Target: (\S+)/g)].map(([, target]) => target)).toEqual(targets(COUNT));
    client.cut();
  });

  it.each([
    ['of less than 64 KiB', 60 * 1024],
    ['of more than 64 KiB', 70 * 1024],
    ['of 16 MiB', 16 * MIB],
  ])('%s is cut off where it does not take one, and costs no other anything (D01)', async (_size, bytes) => {
    const body = 'x'.repeat(bytes);
    const { port, listener } = await start(
      ({ target }, answer) => {
        if (target === '/small') answer.send(200, []);
        else answer.send(200, [], body);
      },
      { limits: { idleTimeoutMs: 200 } },
    );
    const client = await openClient(port);
    client.socket.pause();
    client.send(requestOf('/').repeat(400));
    const other = await openClient(port);
    other.send(requestOf('/small', 'Connection: close\r\n'));
    expect((await other.closed()).responses.map(statusOf)).toEqual([200]);
    await listener.close(60_000);
    client.cut();
  });
});

describe('a client that reads slowly', () => {
  /** More than the system holds for both ends. */
  const BYTES = 24 * MIB;

  const large =
    (pieceBytes: number): Handler =>
    async (_request: IncomingRequest, answer) => {
      answer.begin(200, ['Content-Length', String(BYTES)]);
      for (let sent = 0; sent < BYTES; sent += pieceBytes)
        if (!answer.write(Buffer.alloc(pieceBytes, 'x')))
          await new Promise<void>((resolve) => {
            answer.onDrain(resolve);
            answer.onClose(resolve);
          });
      answer.end();
    };

  it.each([
    ['the last answer of its connection', 'Connection: close\r\n'],
    ['a kept one', ''],
  ])('gets all of %s', async (_which, lines) => {
    const { port } = await start(large(64 * 1024), { limits: { idleTimeoutMs: 5000 } });
    const client = await openClient(port);
    client.socket.removeAllListeners('data');
    let received = 0;
    client.socket.on('data', ({ length }: Buffer) => {
      received += length;
      client.socket.pause();
      setTimeout(() => client.socket.resume(), 2);
    });
    client.send(requestOf('/', lines));
    const headBytes = lines === '' ? 100 : 70;
    await expect.poll(() => received, { timeout: 15_000 }).toBeGreaterThan(BYTES + headBytes);
    client.cut();
  });

  it('gets the answer to a request that is behind a large one, once it has read that', async () => {
    const { port } = await start(
      async (request, answer) => {
        if (request.target === '/large') await large(64 * 1024)(request, answer);
        else answer.send(200, ['X-Second', 'yes'], 'second');
      },
      { limits: { idleTimeoutMs: 5000 } },
    );
    const client = await openClient(port);
    client.socket.removeAllListeners('data');
    let received = 0;
    let end = '';
    client.socket.on('data', (piece: Buffer) => {
      received += piece.length;
      end = (end + piece.toString('latin1')).slice(-200);
      client.socket.pause();
      setTimeout(() => client.socket.resume(), 3);
    });
    client.send(requestOf('/large') + requestOf('/second'));
    await expect.poll(() => end, { timeout: 15_000 }).toMatch(/X-Second: yes\r\n[\s\S]*second/);
    expect(received).toBeGreaterThan(BYTES);
    client.cut();
  });
});

describe('a pipelined request behind an answer that closes', () => {
  it('is not handled, and its client is told so by the close (RFC 9112 §9.6)', async () => {
    const handled: string[] = [];
    const { port } = await start(({ target }, answer) => {
      handled.push(target);
      if (target === '/1') answer.closeAfter();
      answer.send(200, [], target);
    });
    const client = await openClient(port);
    client.send(
      targets(4)
        .map((target) => requestOf(target))
        .join(''),
    );
    const { responses } = await client.closed();
    expect(handled).toEqual(['/0', '/1']);
    expect(responses.map((one) => valuesOf(one, 'connection'))).toEqual([['keep-alive'], ['close']]);
  });
});
