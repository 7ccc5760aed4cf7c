/** Requests that are answered without their body, or without having one whole: what the client sees, and what follows. */
import { describe, expect, it } from 'vitest';
import { type Handler, listenerPerTest, requestOf } from '../support/listener.ts';
import { openClient, statusOf } from './support/client.ts';
import { valuesOf } from './support/http-message.ts';

const start = listenerPerTest();

describe('a body that is held back', () => {
  it('and that nobody asked for is not looked for in what follows (S04, RFC 9110 §10.1.1)', async () => {
    const seen: string[] = [];
    const { port } = await start((request, answer) => {
      seen.push(request.target);
      answer.send(204, []);
    });
    const client = await openClient(port);
    const inside = requestOf('/inside');
    client.send(requestOf('/', `Expect: 100-continue\r\nContent-Length: ${inside.length}\r\n`, '', 'POST'));
    await client.answered(1);
    client.send(inside + requestOf('/behind'));
    const { responses } = await client.closed();
    expect(responses.map(statusOf)).toEqual([204]);
    expect(valuesOf(responses[0] ?? { headers: [] }, 'connection')).toEqual(['close']);
    expect(seen).toEqual(['/']);
  });
});

describe('a request whose body breaks before its answer', () => {
  const waiting: Handler = () => {};

  it.each([
    ['GET', true],
    ['HEAD', false],
  ])('%s is refused, with a body: %s (S07)', async (method, hasBody) => {
    const { port } = await start(waiting);
    const client = await openClient(port);
    client.send(requestOf('/', 'Transfer-Encoding: chunked\r\n', 'zz\r\n', method));
    await client.closed();
    const text = client.received();
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text.endsWith('\r\n\r\n')).toBe(!hasBody);
  });
});

describe('bytes that are no request', () => {
  it.each([
    ['GET', 'no field', 400, true],
    ['HEAD', 'no field', 400, false],
    ['HEAD', `X: ${'x'.repeat(20_000)}`, 431, false],
    ['WHAT EVER', '', 400, true],
  ])(
    'behind %s are answered once, with a date and a body only where one may be (RFC 9110 §6.6.1, §9.3.2)',
    async (method, line, status, hasBody) => {
      const { port, unreadable } = await start(() => {});
      const client = await openClient(port);
      client.send(`${method} / HTTP/1.1\r\n${line}\r\n\r\n`);
      const { responses, rest, violation } = await client.closed([method]);
      expect([responses.map(statusOf), rest, violation]).toEqual([[status], '', null]);
      expect(client.received()).toMatch(/\r\nDate: .* GMT\r\nConnection: close\r\n\r\n/);
      expect(client.received().endsWith('}')).toBe(hasBody);
      expect(unreadable).toHaveLength(1);
    },
  );
});

describe('a handler that answers what its connection has refused', () => {
  it('does so for nobody, and is no defect (S07)', async () => {
    const { promise: isAnswered, resolve } = Promise.withResolvers<boolean>();
    const { port, log } = await start(async ({ body }, answer) => {
      await new Promise<void>((isOver) => body?.once('close', isOver).resume());
      await new Promise((later) => setImmediate(later));
      resolve(answer.isClosed);
      answer.send(422, [], 'too late');
    });
    const client = await openClient(port);
    client.send(requestOf('/', 'Transfer-Encoding: chunked\r\n', 'zz\r\n', 'POST'));
    const { responses } = await client.closed();
    expect(responses.map(statusOf)).toEqual([400]);
    expect(await isAnswered).toBe(true);
    expect(log).toEqual([]);
  });
});

describe('a request without one Host', () => {
  it.each([
    ['none', '1.1', '', 'bad_host'],
    ['two', '1.1', 'Host: a\r\nHost: b\r\n', 'bad_host'],
    ['two', '1.0', 'Host: a\r\nHost: b\r\n', 'bad_host'],
    ['none', '1.0', '', null],
    ['an empty one', '1.1', 'Host:\r\n', null],
  ])(
    '%s in HTTP/%s %j is refused as %s, whoever serves it (H03, RFC 9112 §3.2)',
    async (_what, version, lines, code) => {
      const codes: (string | null)[] = [];
      const { port } = await start((request, answer) => {
        codes.push(request.refusal?.code ?? null);
        answer.closeAfter();
        answer.send(204, []);
      });
      const client = await openClient(port);
      client.send(`OPTIONS * HTTP/${version}\r\n${lines}\r\n`);
      await client.closed();
      expect(codes).toEqual([code]);
    },
  );
});
