/** Rows H09, H10, S08, U01, U06 and D07: no upstream can make its answer longer, shorter or somebody else's. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANSWERS, type AnswerCase } from './cases/upstream-answers.ts';
import { openClient, statusOf } from './support/client.ts';
import { secondWord, valuesOf } from './support/http-message.ts';
import { expectToServe, request, startRig, type WireRig } from './support/rig.ts';
import { tagOf } from './support/upstream.ts';

let rig: WireRig;

beforeAll(async () => {
  rig = await startRig();
});

afterAll(() => rig.stop());

/** Answers one request with the bytes. */
function answerWith({ bytes, end }: Pick<AnswerCase, 'bytes' | 'end'>): void {
  rig.upstream.forget();
  rig.upstream.behaviour = {
    onRequest: (_request, socket) => {
      rig.upstream.behave();
      socket.write(Buffer.from(bytes, 'latin1'));
      if (end === 'fin') socket.end();
      if (end === 'reset') setImmediate(() => socket.resetAndDestroy());
    },
  };
}

describe('an answer with', () => {
  it.each(ANSWERS)('$name ($row)', async (one) => {
    const { method = 'GET', seen } = one;
    answerWith(one);
    const client = await openClient(rig.port);
    client.send(request(rig, { method, tag: 'first' }));
    const { responses, rest, violation } = await client.answered(1, [method]);
    expect(violation).toBeNull();
    expect(client.received()).not.toMatch(/EVIL|evil|garbage/);
    if (seen === 'cut') {
      expect([responses.length, client.isClosed]).toEqual([0, true]);
      // A reset may overtake the head.
      if (one.end !== 'reset') expect(rest).toMatch(/^HTTP\/1\.1 200 /);
    } else if (seen === 'refused') {
      expect(responses.map(statusOf)).toEqual([502]);
      expect(responses[0]?.body).toContain('upstream_protocol_error');
    } else
      expect(responses.map(({ startLine, body }) => [startLine.slice(9, 12), body])).toEqual([
        [String(seen.status), seen.body],
      ]);
    await expectNothingLeft(one);
    client.cut();
  });
});

/** The next request gets its own answer, over another connection where this one is in doubt. */
async function expectNothingLeft({ isReused }: AnswerCase): Promise<void> {
  const before = rig.upstream.connections();
  await expectToServe(rig);
  if (!isReused) expect(rig.upstream.connections()).toBe(before + 1);
}

const HEADER_ANSWER =
  'HTTP/1.1 200 Fine, Thanks\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\nServer: app\r\nSet-Cookie: a=1\r\nX-A: 1\r\n' +
  'set-cookie: b=2\r\nX-A: 2\r\nKeep-Alive: timeout=9\r\nConnection: X-Gone, keep-alive\r\nX-Gone: 1\r\n' +
  'Proxy-Authenticate: Basic\r\nX-JWT-Assertion: leak\r\nx_jwt_assertion: leak\r\nContent-Length: 5\r\n\r\nhello';

describe('the header of an answer', () => {
  it('keeps Date, Server and repeated lines in order, and loses what is for one connection (H09)', async () => {
    answerWith({ bytes: HEADER_ANSWER });
    const client = await openClient(rig.port);
    client.send(request(rig, { tag: 'first', lines: 'Connection: close\r\n' }));
    const { responses } = await client.closed();
    const [response] = responses;
    const values = (name: string) => (response === undefined ? [] : valuesOf(response, name));
    expect(values('date')).toEqual(['Tue, 01 Jan 2030 00:00:00 GMT']);
    expect(values('server')).toEqual(['app']);
    expect([...values('set-cookie'), ...values('x-a')]).toEqual(['a=1', 'b=2', '1', '2']);
    expect(values('x-gone')).toEqual([]);
    expect(values('proxy-authenticate')).toEqual([]);
    expect(client.received()).not.toContain('leak');
  });

  it('is named by Via in the request (H09, RFC 9110 §7.6.3)', async () => {
    rig.upstream.forget();
    await expectToServe(rig);
    expect(rig.upstream.requests.flatMap((one) => valuesOf(one, 'via'))).toEqual(['1.1 countersign']);
  });

  it('tells HTTP/1.0 clients nothing of chunks (RFC 9112 §6.1)', async () => {
    answerWith({ bytes: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n' });
    const client = await openClient(rig.port);
    client.send(request(rig, { version: '1.0' }));
    const { responses } = await client.closed();
    expect(responses.map(({ body }) => body)).toEqual(['hello']);
    expect(client.received()).not.toMatch(/transfer-encoding/i);
  });

  it('cut off behind it is a reset to HTTP/1.0 clients, to whom a close would mean the end (U01)', async () => {
    answerWith({ bytes: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', end: 'fin' });
    const client = await openClient(rig.port);
    let wasReset = false;
    client.socket.on('error', (error) => {
      wasReset ||= 'code' in error && error.code === 'ECONNRESET';
    });
    client.send(request(rig, { version: '1.0' }));
    await client.closed();
    expect(wasReset).toBe(true);
  });
});

/** Where an upstream may stop: every byte of these. */
const WHOLE_ANSWERS = [
  ['a length', 'HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 12\r\n\r\nhello, world'],
  ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n'],
] as const;

describe.each(WHOLE_ANSWERS)('an answer with %s', (_framing, bytes) => {
  const headEnd = bytes.indexOf('\r\n\r\n') + 4;

  it('that ends at any byte of its head is 502, at any byte of its body is never whole (U01)', async () => {
    for (let length = 0; length < bytes.length; length += 1) {
      const { status, isWhole } = await afterCut(bytes.slice(0, length), 'fin');
      expect([length, status, isWhole]).toEqual([length, length < headEnd ? 502 : 200, length < headEnd]);
    }
  });

  it('that is reset at any byte is 502 or never whole (U01)', async () => {
    for (let length = 0; length < bytes.length; length += 1) {
      const { status, isWhole } = await afterCut(bytes.slice(0, length), 'reset');
      if (length < headEnd) expect([length, status]).toEqual([length, 502]);
      expect([length, status, isWhole]).toEqual([length, expect.toBeOneOf([0, 200, 502]), status === 502]);
    }
  });

  it('that arrives byte by byte is whole', async () => {
    rig.upstream.forget();
    rig.upstream.behaviour = {
      onRequest: (_request, socket) => {
        for (const byte of bytes) socket.write(byte);
      },
    };
    const client = await openClient(rig.port);
    client.send(request(rig, { tag: 'first' }));
    const { responses } = await client.answered(1);
    client.cut();
    expect(responses[0]?.body).toBe('hello, world');
  });
});

async function afterCut(bytes: string, end: 'fin' | 'reset'): Promise<{ status: number; isWhole: boolean }> {
  answerWith({ bytes, end });
  const client = await openClient(rig.port);
  client.send(request(rig, { method: 'POST', tag: 'cut', lines: 'Content-Length: 0\r\n' }));
  const { responses, rest } = await client.answered(1);
  client.cut();
  expect(rig.upstream.requests.map(tagOf)).toEqual(['cut']);
  return {
    status: statusOf(responses[0]) || Number(secondWord({ startLine: rest })),
    isWhole: responses.length > 0,
  };
}
