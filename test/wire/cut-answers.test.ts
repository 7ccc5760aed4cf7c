/** An answer that is not whole never looks whole, whatever cuts it: HTTP/1.0 has no other end than that of the connection. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { AnswerWriter } from '../../src/http/http1/answer-writer.ts';
import { echo, type Handler, listenerPerTest, requestOf } from '../support/listener.ts';
import { openClient, statusOf, type WireClient } from './support/client.ts';

const start = listenerPerTest();

/** How the connection ended: `end`, or the code of the error. */
function endingOf({ socket }: WireClient): Promise<string> {
  return new Promise((resolve) => {
    socket.once('end', () => resolve('end')).once('error', ({ message }) => resolve(message));
  });
}

/** Begins an answer whose end nobody knows, and leaves it so until the client is gone. */
const begin: Handler = async (request, answer) => {
  request.body?.resume();
  answer.begin(200, []);
  answer.write(Buffer.from('begun'));
  await new Promise<void>((resolve) => answer.onClose(resolve));
};

/** More than the systems of both ends keep. */
const ALL_OF_IT = 32 * 1024 * 1024;

const GET_10 = 'GET / HTTP/1.0\r\n\r\n';
const POST_10 = 'POST / HTTP/1.0\r\nContent-Length: 10\r\n\r\nabc';

describe('an answer to HTTP/1.0 that has begun ends in a reset', () => {
  async function begun(bytes: string, handler: Handler = begin, limits = {}) {
    const { port, listener } = await start(handler, { limits });
    const client = await openClient(port);
    const ending = endingOf(client);
    client.send(bytes);
    await client.saw('begun');
    expect(client.received()).toMatch(/\r\nConnection: close\r\n/);
    return { client, ending, listener };
  }

  it('where the rest of the request does not come in time (D01)', async () => {
    const { ending } = await begun(POST_10, begin, { requestTimeoutMs: 200 });
    expect(await ending).toMatch(/ECONNRESET/);
  });

  it('where the client ends its side', async () => {
    const { client, ending } = await begun(GET_10);
    client.finish();
    expect(await ending).toMatch(/ECONNRESET/);
  });

  it('where the listener closes, and its grace is over', async () => {
    const { listener, ending } = await begun(GET_10);
    await listener.close(20);
    expect(await ending).toMatch(/ECONNRESET/);
  });

  it('where the handler fails', async () => {
    let fail: (error: Error) => void = () => {};
    const { ending } = await begun(GET_10, async (_request, answer) => {
      answer.begin(200, []);
      answer.write(Buffer.from('begun'));
      await new Promise((_resolve, reject) => {
        fail = reject;
      });
    });
    fail(new Error('a defect'));
    expect(await ending).toMatch(/ECONNRESET/);
  });

  it('where the handler aborts it', async () => {
    let kept: AnswerWriter | null = null;
    const { ending } = await begun(GET_10, (_request, answer) => {
      kept = answer;
      answer.begin(200, []);
      answer.write(Buffer.from('begun'));
    });
    (kept as AnswerWriter | null)?.abort();
    expect(await ending).toMatch(/ECONNRESET/);
  });

  it('where the listener closes before the client took all of what was handed over', async () => {
    const { port, listener } = await start((_request, answer) => {
      answer.begin(200, []);
      answer.write(Buffer.alloc(ALL_OF_IT, 'x'));
      answer.end();
    });
    const client = await openClient(port);
    const ending = endingOf(client);
    client.send(GET_10);
    await client.saw('xxx');
    client.socket.pause();
    await listener.close(50);
    client.socket.resume();
    expect(await ending).toMatch(/ECONNRESET/);
  });

  it('where the client takes nothing (D01)', async () => {
    const pump: Handler = async (_request, answer) => {
      answer.begin(200, []);
      const piece = Buffer.alloc(256 * 1024, 'begun');
      const more = () => {
        while (!answer.isClosed && answer.write(piece));
      };
      answer.onDrain(more);
      more();
      await new Promise<void>((resolve) => answer.onClose(resolve));
    };
    const { port } = await start(pump, { limits: { idleTimeoutMs: 200 } });
    const client = await openClient(port);
    client.socket.pause();
    const ending = endingOf(client);
    client.send(GET_10);
    await delay(1000);
    client.socket.resume();
    expect(await ending).toMatch(/ECONNRESET/);
  });
});

describe('a request that breaks while it is under way', () => {
  const LATE = 'x'.repeat(200_000);

  /** Reads the body, and answers when it is whole. */
  const read: Handler = async (request, answer) => {
    try {
      for await (const piece of request.body ?? []) void piece;
      answer.send(200, []);
    } catch {
      // answered already
    }
  };

  it.each([
    ['before its answer', read, ['400']],
    ['behind the beginning of its answer', begin, []],
  ] as const)(
    '%s is answered once at most, and the client can send on without losing that (S07)',
    async (_when, handler, statuses) => {
      const { port } = await start(handler);
      const client = await openClient(port);
      client.send(requestOf('/', 'Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n', 'POST'));
      if (handler === begin) await client.saw('begun');
      client.send(`zz\r\n${LATE}`);
      client.send(LATE);
      const { responses, violation } = await client.closed();
      expect(responses.map((one) => String(statusOf(one)))).toEqual(statuses);
      expect(violation).toBeNull();
    },
  );

  it('is refused once, though its handler fails for the same reason', async () => {
    let ids = 0;
    const randomId = () => {
      ids += 1;
      return String(ids);
    };
    const { port, listener } = await start(echo, { randomId });
    const client = await openClient(port);
    client.send(requestOf('/', 'Transfer-Encoding: chunked\r\n', 'zz\r\n', 'POST'));
    expect((await client.closed()).responses.map(statusOf)).toEqual([400]);
    await listener.close(60_000);
    expect(ids).toBe(1);
  });

  it('is no reset where it is answered: the client reads the answer, then the end (RFC 9112 §9.6)', async () => {
    const { port } = await start(read);
    const client = await openClient(port);
    const ending = endingOf(client);
    client.socket.pause();
    client.send(requestOf('/', 'Transfer-Encoding: chunked\r\n', 'zz\r\n', 'POST'));
    await delay(50);
    client.send(LATE);
    await delay(50);
    client.socket.resume();
    expect(await ending).toBe('end');
    expect(client.answers().responses.map(statusOf)).toEqual([400]);
  });
});
