/** Rows W01–W04: a tunnel opens only where both sides agreed on one, and no byte passes before. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GOOD_HANDSHAKE, GOOD_SWITCH, PLAIN_REQUESTS, REFUSING_ANSWERS } from './cases/upgrades.ts';
import { openClient, statusOf } from './support/client.ts';
import { valuesOf } from './support/http-message.ts';
import {
  expectOwnIdentity,
  expectToServe,
  judge,
  judgeAnswers,
  request,
  startRig,
  type WireRig,
} from './support/rig.ts';

let rig: WireRig;

beforeAll(async () => {
  rig = await startRig();
});

beforeEach(() => rig.upstream.forget());

afterAll(() => rig.stop());

const handshake = (parts = {}) => request(rig, { target: '/chat', lines: GOOD_HANDSHAKE, ...parts });

interface Tunnel {
  /** Bytes from the client. */
  received(): string;
  write(bytes: string): void;
}

/** Answers the next request with the bytes, and shows what comes through the tunnel. */
function answerWith(bytes: string, end?: 'fin' | 'reset'): Tunnel {
  let received = '';
  let write: Tunnel['write'] = () => {};
  rig.upstream.behaviour = {
    onRequest: (_request, socket) => {
      rig.upstream.behave();
      socket.removeAllListeners('data').on('data', (piece) => {
        received += piece.toString('latin1');
      });
      write = (text) => void socket.write(Buffer.from(text, 'latin1'));
      write(bytes);
      if (end === 'fin') socket.end();
      if (end === 'reset') setImmediate(() => socket.resetAndDestroy());
    },
  };
  return { received: () => received, write: (text) => write(text) };
}

describe('a tunnel', () => {
  it('carries bytes both ways, those that come with the 101 too, and ends with either side', async () => {
    const tunnel = answerWith(`${GOOD_SWITCH}\x81\x02hi`);
    const client = await openClient(rig.port);
    client.send(handshake());
    await client.saw('\x81\x02hi');
    expect(client.answers().responses.map(statusOf)).toEqual([101]);
    client.send('GET /not-a-request HTTP/1.1\r\n\r\n\0\xff');
    await expect.poll(() => tunnel.received()).toBe('GET /not-a-request HTTP/1.1\r\n\r\n\0\xff');
    expect(rig.upstream.requests).toHaveLength(1);
    client.cut();
    await expectToServe(rig);
  });

  it('is asked for with the decided head alone (W01, H01)', async () => {
    answerWith(GOOD_SWITCH);
    const client = await openClient(rig.port);
    client.send(handshake({ lines: `${GOOD_HANDSHAKE}X_JWT_Assertion: EVIL\r\nX-JWT-Assertion: EVIL\r\n` }));
    await client.saw('101');
    const [seen] = rig.upstream.requests;
    if (seen === undefined) throw new Error('no handshake was forwarded');
    expectOwnIdentity(seen);
    expect([valuesOf(seen, 'authorization'), valuesOf(seen, 'connection')]).toEqual([[], ['Upgrade']]);
    expect(rig.upstream.bytes()).not.toContain('EVIL');
    client.cut();
  });

  it.each([
    ['no token', { token: null }, 401],
    ['a bad token', { token: 'bad' }, 401],
    ['an ambiguous path', { target: '/a//b' }, 400],
    ['two Hosts', { lines: `${GOOD_HANDSHAKE}Host: other.test\r\n` }, 400],
  ])('is refused without a connection to the upstream: %s (W01)', async (_what, parts, status) => {
    const client = await openClient(rig.port);
    client.send(handshake(parts));
    const { responses } = await client.closed();
    expect([responses.map(statusOf), rig.upstream.bytes()]).toEqual([[status], '']);
  });

  it('is not opened by bytes that come before the 101 (W02, CVE-2025-64763)', async () => {
    const client = await openClient(rig.port);
    client.send(`${handshake()}GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n`);
    const { responses } = await client.closed();
    expect([responses.map(statusOf), rig.upstream.bytes()]).toEqual([[400], '']);
  });

  it('behind a request without answer does not take its place (D06, RFC 9112 §9.3.2)', async () => {
    let answer = () => {};
    rig.upstream.behaviour = {
      onRequest: (_request, socket) => {
        answer = () =>
          void socket.write('HTTP/1.1 200 OK\r\nX-Wire-Tag: first\r\nContent-Length: 5\r\n\r\nfirst');
      },
    };
    const client = await openClient(rig.port);
    client.send(request(rig, { tag: 'first' }) + handshake());
    await expect.poll(() => rig.upstream.requests.length).toBe(1);
    await expectToServe(rig);
    answer();
    const { responses } = await client.closed();
    expect(responses.map(({ body }) => body)[0]).toBe('first');
    expect(responses.map(statusOf).slice(1)).not.toContain(101);
  });
});

describe('no tunnel opens', () => {
  it.each(REFUSING_ANSWERS)('by $name: $status ($row)', async ({ bytes, status }) => {
    const tunnel = answerWith(bytes);
    const client = await openClient(rig.port);
    client.send(handshake());
    await client.answered(1);
    client.send('GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n');
    const { responses, violation } = await client.closed();
    expect(violation).toBeNull();
    expect(responses.map(statusOf)).toEqual([status]);
    await expectToServe(rig);
    expect(tunnel.received()).toBe('');
  });

  it.each(['fin', 'reset'] as const)('by a 101 that ends at any byte with a %s (U01, W04)', async (end) => {
    for (let length = 0; length < GOOD_SWITCH.length; length += 1) {
      answerWith(GOOD_SWITCH.slice(0, length), end);
      const client = await openClient(rig.port);
      client.send(handshake());
      const { responses } = await client.closed();
      expect([length, responses.map(statusOf)]).toEqual([length, [502]]);
    }
  });

  it.each(PLAIN_REQUESTS)('by a request with $name: it is a plain one (W03)', async (one) => {
    const { statuses, forwarded } = await judge(rig, request(rig, { tag: 'plain', ...one }));
    expect([statuses[0], forwarded[0]]).toEqual([200, 'plain']);
    expect(forwarded).toHaveLength(statuses.length);
    const [seen] = rig.upstream.requests;
    const passed = ['upgrade', 'http2-settings'].flatMap((name) =>
      seen === undefined ? [] : valuesOf(seen, name),
    );
    expect(passed).toEqual([]);
  });

  it.each(PLAIN_REQUESTS)(
    'by a request with $name, nor is the body behind it a request (S06)',
    async (one) => {
      const smuggled = request(rig, { target: '/smuggled', tag: 'smuggled' });
      const lines = `Content-Length: ${smuggled.length}\r\n`;
      const client = await openClient(rig.port);
      client.send(
        request(rig, { tag: 'plain', ...one }) + request(rig, { method: 'POST', tag: 'second', lines }),
      );
      await client.answered(1);
      client.send(smuggled + request(rig, { tag: 'third', lines: 'Connection: close\r\n' }));
      const { forwarded } = await judgeAnswers(rig, await client.closed());
      expect(forwarded).toEqual(['plain', 'second', 'third'].slice(0, forwarded.length));
    },
  );

  it('where the client leaves before the answer, and the upstream is left too (U05)', async () => {
    rig.upstream.behaviour = { onRequest: () => {} };
    const client = await openClient(rig.port);
    client.send(handshake());
    await expect.poll(() => rig.upstream.requests.length).toBe(1);
    const before = rig.upstream.openConnections();
    client.cut();
    await expect.poll(() => rig.upstream.openConnections()).toBe(before - 1);
  });
});
