/** Rows S02–S07 and S09: whatever ends a request, the upstream and the client see the same number of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FRAMING, type FramingCase } from './cases/request-framing.ts';
import { openClient, statusOf } from './support/client.ts';
import {
  expectToServe,
  judge,
  judgeAnswers,
  request,
  SENTINEL,
  sentinel,
  startRig,
  type WireRig,
} from './support/rig.ts';
import { TAG } from './support/upstream.ts';

let rig: WireRig;

beforeAll(async () => {
  rig = await startRig();
});

afterAll(() => rig.stop());

function bytesOf({ isAnonymous, target = '/first', method, version, lines, body }: FramingCase): string {
  const optional = {
    ...(method && { method }),
    ...(version && { version }),
    ...(isAnonymous && { token: null }),
  };
  return request(rig, { target, tag: 'first', lines, body, ...optional });
}

describe('a request', () => {
  it.each(FRAMING)('with $name is $status ($row)', async (one) => {
    const { statuses, forwarded } = await judge(rig, bytesOf(one), [one.method ?? 'GET', 'GET']);
    expect(statuses).toEqual(one.isKept ? [one.status, 200] : [one.status]);
    expect(forwarded).toEqual([
      ...(one.forwarded === null ? [] : ['first']),
      ...(one.isKept ? [SENTINEL] : []),
    ]);
    if (one.forwarded !== null) expect(rig.upstream.requests[0]?.body).toBe(one.forwarded);
  });
});

/** Where the client stops, in the middle of a request whose head was forwarded already. */
const STOPS = [
  ['in the body of a length', 'Content-Length: 10\r\n', 'abc'],
  ['in a chunk size', 'Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n5'],
  ['in a chunk', 'Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n5\r\nhel'],
  ['before the last chunk', 'Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n'],
  ['before the last line end', 'Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n'],
] as const;

describe.each([
  ['a FIN', (client: Awaited<ReturnType<typeof openClient>>) => client.finish()],
  ['a close', (client: Awaited<ReturnType<typeof openClient>>) => client.cut()],
  ['a reset', (client: Awaited<ReturnType<typeof openClient>>) => client.cut(true)],
])('%s of the client', (_how, stop) => {
  it.each(STOPS)('%s never completes the upstream request (S07, U05)', async (_where, lines, body) => {
    rig.upstream.forget();
    const client = await openClient(rig.port);
    const forwarded = new Promise<void>((resolve) => {
      rig.upstream.behaviour = { ...rig.upstream.behaviour, onHead: () => resolve() };
    });
    client.send(request(rig, { method: 'POST', tag: 'cut', lines, body }));
    await forwarded;
    stop(client);
    const answers = await client.closed();
    await rig.upstream.settled();
    expect(rig.upstream.requests).toEqual([]);
    expect(answers.responses.map(statusOf)).not.toContain(200);
    await expectToServe(rig);
  });
});

describe('two requests in one write', () => {
  it.each([
    ['an unknown method', 'BREW /pot HTTP/1.1\r\nHost: wire.test\r\n\r\n', 501],
    ['bytes that are no request', '\x16\x03\x01\x02\x00\r\n\r\n', 400],
    [
      'a request that is framed twice',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['CONNECT', 'CONNECT wire.test:443 HTTP/1.1\r\nHost: wire.test:443\r\n\r\n', 501],
  ])(
    'get their answers in order where the second is %s (S06, RFC 9112 §9.3.2)',
    async (_what, second, status) => {
      const { statuses, forwarded } = await judge(rig, request(rig, { tag: 'first' }) + second);
      expect(statuses).toEqual([200, status]);
      expect(forwarded).toEqual(['first']);
    },
  );

  it('are not handled both where the first is refused and closes (RFC 9112 §9.6)', async () => {
    const { statuses, forwarded } = await judge(
      rig,
      request(rig, {
        method: 'POST',
        lines: 'Transfer-Encoding: gzip, chunked\r\n',
        body: '0\r\n\r\n',
        tag: 'first',
      }),
    );
    expect(statuses).toEqual([expect.toBeOneOf([400, 501])]);
    expect(forwarded).toEqual([]);
  });

  it('are not handled both where the first asks to close (RFC 9112 §9.6)', async () => {
    const { statuses, forwarded } = await judge(
      rig,
      request(rig, { tag: 'first', lines: 'Connection: close\r\n' }),
    );
    expect([statuses, forwarded]).toEqual([[200], ['first']]);
  });

  it('are not sent on side by side where the first has an unsafe method (RFC 9112 §9.3.2)', async () => {
    rig.upstream.forget();
    let answerFirst = () => {};
    const { onRequest } = rig.upstream.behaviour;
    rig.upstream.behaviour = {
      onRequest: (forwarded, socket) => {
        if (rig.upstream.requests.length > 1) onRequest?.(forwarded, socket);
        else answerFirst = () => onRequest?.(forwarded, socket);
      },
    };
    const client = await openClient(rig.port);
    client.send(request(rig, { method: 'POST', tag: '1', lines: 'Content-Length: 0\r\n' }) + sentinel(rig));
    await expect.poll(() => rig.upstream.requests.length).toBe(1);
    await expectOneForwarded();
    answerFirst();
    const outcome = await judgeAnswers(rig, await client.closed());
    expect(outcome.forwarded).toEqual(['1', SENTINEL]);
  });
});

/** Time enough for a second request to be forwarded: the gateway answers another connection meanwhile. */
async function expectOneForwarded(): Promise<void> {
  const other = await openClient(rig.port);
  other.send(request(rig, { token: null, lines: 'Connection: close\r\n' }));
  await other.closed();
  expect(rig.upstream.requests).toHaveLength(1);
}

describe('Expect: 100-continue', () => {
  const lines = 'Expect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n';

  it('is answered with 100 after the token was checked, and stays behind (S09)', async () => {
    rig.upstream.forget();
    const client = await openClient(rig.port);
    client.send(request(rig, { method: 'POST', tag: 'continue', lines }));
    await client.saw('100 Continue');
    client.send('hello');
    const { answers } = await judgeAnswers(rig, await client.closed());
    expect(answers.responses.map(statusOf)).toEqual([100, 200]);
    expect(rig.upstream.requests[0]?.body).toBe('hello');
    expect(rig.upstream.bytes()).not.toMatch(/expect/i);
  });

  it.each([
    ['no token', { token: null }, 401],
    ['a bad token', { token: 'bad' }, 401],
    ['a method that is not allowed', { target: '/read-only' }, 405],
    ['an ambiguous path', { target: '/a/../b' }, 400],
  ])('is answered without 100 where there is %s (S09)', async (_what, parts, status) => {
    rig.upstream.forget();
    const client = await openClient(rig.port);
    client.send(request(rig, { method: 'POST', lines, ...parts }));
    const { answers } = await judgeAnswers(rig, await client.answered(1));
    client.cut();
    expect(answers.responses.map(statusOf)).toEqual([status]);
    expect(rig.upstream.bytes()).toBe('');
  });

  it('is no reason to wait where the body is there already (S09)', async () => {
    const { answers } = await judge(
      rig,
      request(rig, {
        method: 'POST',
        tag: 'eager',
        lines: lines.replace('Connection: close\r\n', ''),
        body: 'hello',
      }),
    );
    expect(answers.responses.map(statusOf).filter((status) => status !== 100)).toEqual([200, 200]);
  });

  it.each([417, 401, 200])('passes on an early %i of the upstream (S09)', async (status) => {
    rig.upstream.forget();
    rig.upstream.behaviour = {
      onHead: (_head, socket) =>
        void socket.end(
          `HTTP/1.1 ${status} Early\r\n${TAG}: early\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno`,
        ),
    };
    const client = await openClient(rig.port);
    client.send(request(rig, { method: 'POST', tag: 'early', lines }));
    await client.saw('100 Continue');
    client.send('hel');
    const { responses } = await client.answered(1);
    expect(responses.map(statusOf)).toEqual([100, status]);
    client.cut();
    await expectToServe(rig);
  });
});
