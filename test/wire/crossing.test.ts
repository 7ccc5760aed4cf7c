/** Rows S07, S08, U03 and U05: whatever upstreams and clients do, no answer goes to a request that is not its own. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../support/random.ts';
import { FAULTS, FAULTY } from './cases/faults.ts';
import { openClient, statusOf, type WireClient } from './support/client.ts';
import { secondWord } from './support/http-message.ts';
import { expectToServe, request, startRig, type WireRig } from './support/rig.ts';
import { tagOf } from './support/upstream.ts';

const SEED = 20_260_101;
const REQUESTS = 2000;
const CLIENTS = 20;

let rig: WireRig;

beforeAll(async () => {
  rig = await startRig();
});

beforeEach(() => rig.upstream.forget());

afterAll(() => rig.stop());

const FRAMINGS = [
  { method: 'GET', lines: '', body: '' },
  { method: 'DELETE', lines: '', body: '' },
  { method: 'HEAD', lines: '', body: '' },
  { method: 'POST', lines: 'Content-Length: 5\r\n', body: 'hello' },
  { method: 'PUT', lines: 'Transfer-Encoding: chunked\r\n', body: '5\r\nhello\r\n0\r\n\r\n' },
];

/** One client that sends its share of requests one by one, and leaves some of them half sent or half answered. */
async function converseAtRandom(random: Random, name: string, count: number): Promise<string[]> {
  const problems: string[] = [];
  let client = await openClient(rig.port);
  for (let index = 0; index < count; index += 1) {
    const tag = `${name}-${index}`;
    const { method, lines, body } = random.pick(FRAMINGS);
    const fault = random.pick([...Object.keys(FAULTS), 'none', 'early']);
    const bytes = request(rig, {
      method,
      target: `/${tag}`,
      tag,
      lines: `X-Fault: ${fault}\r\n${lines}`,
      body,
    });
    if (random.below(20) === 0) {
      client.send(bytes.slice(0, random.below(bytes.length)));
      client.cut(random.below(2) === 0);
    } else problems.push(...(await problemsOf(client, { bytes, method, tag, fault })));
    if (client.isClosed || client.socket.destroyed || random.below(10) === 0) {
      client.cut();
      client = await openClient(rig.port);
    }
  }
  client.cut();
  return problems;
}

interface Sent {
  readonly bytes: string;
  readonly method: string;
  readonly tag: string;
  readonly fault: string;
}

const ANSWERS = new WeakMap<WireClient, number>();
const METHODS = new WeakMap<WireClient, string[]>();

async function problemsOf(client: WireClient, { bytes, method, tag, fault }: Sent): Promise<string[]> {
  const count = (ANSWERS.get(client) ?? 0) + 1;
  const methods = [...(METHODS.get(client) ?? []), method];
  ANSWERS.set(client, count);
  METHODS.set(client, methods);
  client.send(bytes);
  const { responses, violation } = await client.answered(count, methods);
  const response = responses[count - 1];
  if (violation !== null) return [`${tag} ${fault}: ${violation}`];
  if (response === undefined || statusOf(response) === 502) return []; // cut, or refused
  const isOwn = tagOf(response) === tag && (method === 'HEAD' || response.body.includes(tag));
  return isOwn ? [] : [`${tag} ${fault}: got ${statusOf(response)} ${tagOf(response)} ${response.body}`];
}

describe('answers', () => {
  it(`are never crossed over ${REQUESTS} mixed requests (S07, S08, I2)`, async () => {
    rig.upstream.behaviour = FAULTY;
    const random = seededRandom(SEED);
    const conversations = Array.from({ length: CLIENTS }, (_, index) =>
      converseAtRandom(random, `client${index}`, REQUESTS / CLIENTS),
    );
    expect((await Promise.all(conversations)).flat()).toEqual([]);
    expect(rig.upstream.violations).toEqual([]);
    const posts = rig.upstream.requests.filter(({ startLine }) => startLine.startsWith('POST')).map(tagOf);
    expect(posts).toHaveLength(new Set(posts).size); // U02: none twice
    await expectToServe(rig);
  });

  it.each([
    ['GET', 2],
    ['POST', 1],
  ])(
    'of a %s whose kept connection the upstream closes reach it at most %i times (U02, U03)',
    async (method, times) => {
      await expectToServe(rig);
      rig.upstream.forget();
      rig.upstream.behaviour = {
        onRequest: (_request, socket) => {
          rig.upstream.behave();
          socket.resetAndDestroy();
        },
      };
      const client = await openClient(rig.port);
      client.send(
        request(rig, { method, tag: 'raced', lines: 'Content-Length: 0\r\nConnection: close\r\n' }),
      );
      const { responses } = await client.closed();
      expect(responses.map(statusOf)).toEqual([expect.toBeOneOf(method === 'GET' ? [200, 502] : [502])]);
      expect(rig.upstream.requests.length).toBeLessThanOrEqual(times);
    },
  );
});

/** Moments at which a client leaves. */
const LEAVING = [
  { when: 'while the upstream is silent', behaviour: { onRequest: () => {} }, seen: '' },
  {
    when: 'within the answer',
    behaviour: {
      onRequest: (_request: unknown, socket: { write(bytes: string): void }) =>
        void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun'),
    },
    seen: 'begun',
  },
  {
    when: 'within an endless answer',
    behaviour: {
      onRequest: (_request: unknown, socket: { write(bytes: string): void }) =>
        void socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n'),
    },
    seen: 'begun',
  },
];

describe.each(['close', 'reset'])('a client that leaves with a %s', (how) => {
  it.each(LEAVING)(
    '$when leaves nothing open behind it, a hundred times (U05)',
    async ({ behaviour, seen }) => {
      const clients = await Promise.all(
        Array.from({ length: 100 }, async () => {
          rig.upstream.behaviour = behaviour;
          const client = await openClient(rig.port);
          client.send(request(rig, { target: '/left' }));
          await client.saw(seen);
          return client;
        }),
      );
      await expect.poll(() => rig.upstream.requests.length).toBe(100);
      expect(rig.upstream.requests.map(secondWord)).toEqual(Array.from({ length: 100 }, () => '/left'));
      for (const client of clients) client.cut(how === 'reset');
      await rig.upstream.allClosed();
      await expectToServe(rig);
    },
  );
});
