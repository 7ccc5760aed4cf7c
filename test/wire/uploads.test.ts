/** Bodies that are not wanted, not whole, or followed by what is no request; and HTTP/1.0. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { echo, type Handler, listenerPerTest, requestOf } from '../support/listener.ts';
import { openClient, statusOf } from './support/client.ts';
import { valuesOf } from './support/http-message.ts';

const start = listenerPerTest();

/** Refuses at once, without a look at the body, as a request without a token is. */
const refuse: Handler = (request, answer) => {
  if (!request.isDrainable) answer.closeAfter();
  answer.send(401, [], 'no');
};

const LENGTH = 'Content-Length: 8000000\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const PIECE = 'x'.repeat(64 * 1024);
const CHUNK = `10000\r\n${PIECE}\r\n`;

describe('a large upload that is refused', () => {
  it.each([
    ['with a length', LENGTH, PIECE],
    ['in chunks', CHUNKED, CHUNK],
  ])(
    '%s has its answer, though the client reads only when it has sent for a while (D03)',
    async (_how, lines, piece) => {
      const { port } = await start(refuse);
      const client = await openClient(port);
      client.socket.pause();
      client.send(requestOf('/', lines, '', 'POST'));
      for (let sent = 0; sent < 40; sent += 1) {
        client.send(piece);
        await delay(2);
      }
      client.socket.resume();
      const { responses } = await client.closed();
      expect(responses.map(statusOf)).toEqual([401]);
      expect(valuesOf(responses[0] ?? { headers: [] }, 'connection')).toEqual(['close']);
    },
  );

  it.each([LENGTH, CHUNKED])('and is announced by Expect is not asked for: %j (S09)', async (lines) => {
    const { port } = await start(refuse);
    const client = await openClient(port);
    client.send(requestOf('/', `${lines}Expect: 100-continue\r\n`, '', 'POST'));
    const { responses } = await client.closed();
    expect(responses.map(statusOf)).toEqual([401]);
  });

  it('is closed soon, however long the client goes on', async () => {
    const { port, listener } = await start(refuse);
    const client = await openClient(port);
    client.send(requestOf('/', LENGTH.replace('8', '8000'), '', 'POST'));
    const sending = setInterval(() => client.send(PIECE), 5);
    await client.closed();
    clearInterval(sending);
    await listener.close(60_000);
  });
});

describe('an upload that is not read', () => {
  it('holds its client back', async () => {
    const { port } = await start(async (_request, answer) => {
      await new Promise<void>((resolve) => answer.onClose(resolve));
    });
    const client = await openClient(port);
    client.send(requestOf('/', 'Content-Length: 64000000\r\n', '', 'POST'));
    for (let sent = 0; sent < 64_000_000; sent += 1_000_000) client.send(Buffer.alloc(1_000_000));
    let before = -1;
    while (before !== client.socket.writableLength) {
      before = client.socket.writableLength;
      await delay(200);
    }
    expect(before).toBeGreaterThan(32_000_000);
    client.cut();
  });

  it('and is answered early is read on for as long as that costs little', async () => {
    const { port } = await start((_request, answer) => answer.send(200, [], 'early'));
    const client = await openClient(port);
    const body = 'x'.repeat(60_000);
    client.send(requestOf('/1', `Content-Length: ${body.length}\r\n`, '', 'POST'));
    await client.answered(1);
    client.send(body + requestOf('/2', 'Connection: close\r\n'));
    expect((await client.closed()).responses.map(statusOf)).toEqual([200, 200]);
  });

  it.each([
    ['with a length', 'Content-Length: 70000\r\n', 'x'.repeat(70_000)],
    ['in chunks', CHUNKED, '1\r\nx\r\n'.repeat(70_000)],
  ])('and is answered early is closed where it goes on for long: %s', async (_how, lines, body) => {
    const { port } = await start((_request, answer) => answer.send(200, [], 'early'));
    const client = await openClient(port);
    client.send(requestOf('/1', lines, '', 'POST'));
    await client.answered(1);
    client.send(body + requestOf('/2'));
    expect((await client.closed()).responses.map(statusOf)).toEqual([200]);
  });

  it('and is answered early is closed where its rest does not come', async () => {
    const { port } = await start((_request, answer) => answer.send(200, [], 'early'));
    const client = await openClient(port);
    client.send(requestOf('/1', 'Content-Length: 100\r\n', 'x', 'POST'));
    expect((await client.closed()).responses.map(statusOf)).toEqual([200]);
  });

  it('and breaks behind its answer is closed without another word', async () => {
    const { port, unreadable } = await start((_request, answer) => answer.send(200, [], 'early'));
    const client = await openClient(port);
    client.send(requestOf('/1', CHUNKED, '', 'POST'));
    await client.answered(1);
    client.send(`zz\r\n${requestOf('/2')}`);
    expect((await client.closed()).responses.map(statusOf)).toEqual([200]);
    expect(unreadable).toEqual([]);
  });
});

describe('a body', () => {
  it.each([
    ['of a length', 'Content-Length: 5\r\n', 'hello'],
    ['in chunks', CHUNKED, '5\r\nhello\r\n0\r\n\r\n'],
  ])('%s that garbage follows is answered, and then the garbage is', async (_how, lines, body) => {
    const { port } = await start(echo);
    const client = await openClient(port);
    client.send(requestOf('/', lines, `${body}\0\0\0\r\n\r\n`, 'POST'));
    const { responses } = await client.closed();
    expect(responses.map(statusOf)).toEqual([200, 400]);
    expect(responses[0]?.body).toBe('POST / 5');
  });

  it.each([
    ['of a length', 'Content-Length: 5\r\n', 'hel'],
    ['in chunks', CHUNKED, '5\r\nhel'],
    ['in chunks but for the last line end', CHUNKED, '5\r\nhello\r\n0\r\n\r'],
  ])('%s that ends before its end is never whole (S07)', async (_how, lines, body) => {
    const errors: unknown[] = [];
    const { port, listener } = await start(async (request, answer) => {
      await echo(request, answer).catch((error: unknown) => errors.push(error));
    });
    const client = await openClient(port);
    client.send(requestOf('/', lines, body, 'POST'));
    client.finish();
    expect((await client.closed()).responses).toEqual([]);
    await listener.close(60_000);
    expect(errors).toEqual([new Error('the request body is incomplete')]);
  });
});

describe('HTTP/1.0', () => {
  const old = (method: string, lines = '') => `${method} / HTTP/1.0\r\n${lines}\r\n`;
  /** Its length is not known in advance. */
  const open: Handler = async (_request, answer) => {
    answer.begin(200, []);
    await delay(1);
    answer.write(Buffer.from('open'));
    answer.end();
  };

  it.each([
    ['is closed behind its answer', '', 1, 'close'],
    ['is kept where it asks for that', 'Connection: keep-alive\r\n', 2, 'keep-alive'],
    ['is closed where it asks for both', 'Connection: keep-alive, close\r\n', 1, 'close'],
  ])('%s', async (_what, lines, answers, connection) => {
    for (const method of ['GET', 'HEAD']) {
      const { port } = await start(echo);
      const client = await openClient(port);
      client.send(old(method, lines).repeat(2));
      const { responses, violation } = await client.answered(answers, [method, method]);
      if (answers === 1) await client.closed();
      expect(responses.map(statusOf)).toEqual(Array.from({ length: answers }, () => 200));
      expect(valuesOf(responses[0] ?? { headers: [] }, 'connection')).toEqual([connection]);
      expect(violation).toBeNull();
      client.cut();
    }
  });

  it('gets a body of unknown length until the close, though it asked to be kept', async () => {
    const { port } = await start(open);
    const client = await openClient(port);
    client.send(old('GET', 'Connection: keep-alive\r\n'));
    const { responses } = await client.closed();
    expect(responses.map(({ body }) => body)).toEqual(['open']);
    expect(valuesOf(responses[0] ?? { headers: [] }, 'connection')).toEqual(['close']);
    expect(client.received()).not.toContain('chunked');
  });

  it('is kept behind a HEAD whatever the length', async () => {
    const { port } = await start(open);
    const client = await openClient(port);
    client.send(old('HEAD', 'Connection: keep-alive\r\n').repeat(2));
    const { responses } = await client.answered(2, ['HEAD', 'HEAD']);
    expect(responses.map(statusOf)).toEqual([200, 200]);
    client.cut();
  });

  it('is never told to go on', async () => {
    const { port } = await start(echo);
    const client = await openClient(port);
    client.send(`${old('POST', 'Expect: 100-continue\r\nContent-Length: 2\r\n')}hi`);
    expect((await client.closed()).responses.map(statusOf)).toEqual([200]);
  });
});

describe('HEAD of HTTP/1.1', () => {
  it('gets a head alone, and the next answer behind it', async () => {
    const { port } = await start(echo);
    const client = await openClient(port);
    client.send(requestOf('/', '', '', 'HEAD') + requestOf('/2', 'Connection: close\r\n'));
    const { responses, violation } = await client.closed(['HEAD', 'GET']);
    expect(responses.map(({ body }) => body)).toEqual(['', 'GET /2 0']);
    expect(violation).toBeNull();
  });

  it('whose framing is refused gets an answer that a client of HEAD can read', async () => {
    const { port } = await start((request, answer) =>
      answer.send(request.refusal?.status ?? 200, [], 'refused'),
    );
    const client = await openClient(port);
    client.send(requestOf('/', 'Transfer-Encoding: gzip\r\n', '', 'HEAD'));
    const { responses, rest } = await client.closed(['HEAD']);
    expect([responses.map(statusOf), rest]).toEqual([[501], '']);
  });
});

describe('the connections of a listener', () => {
  it('are as many as it may have, and one that leaves makes room (D02)', async () => {
    const { port } = await start(echo, { limits: { connections: 2 } });
    const [first, second] = [await openClient(port), await openClient(port)];
    for (const client of [first, second]) {
      client.send(requestOf('/'));
      await client.answered(1);
    }
    const third = await openClient(port);
    third.send(requestOf('/'));
    expect((await third.closed()).responses).toEqual([]);
    first.cut();
    await expect
      .poll(async () => {
        const fourth = await openClient(port);
        fourth.send(requestOf('/', 'Connection: close\r\n'));
        return (await fourth.closed()).responses.map(statusOf);
      })
      .toEqual([200]);
    second.cut();
  });
});
