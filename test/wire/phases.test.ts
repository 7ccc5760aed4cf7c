/** What becomes of a connection in each phase of its life: its client falls silent, ends its side, resets it; its listener closes. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { ListenerLimits } from '../../src/core/limits.ts';
import { listenerPerTest, requestOf, type TestListener } from '../support/listener.ts';
import { clientIn, PHASES, type Phase, PhaseHandler } from '../support/phases.ts';
import { openClient, statusOf, type WireClient } from './support/client.ts';
import { valuesOf } from './support/http-message.ts';

const startListener = listenerPerTest();
const clients: WireClient[] = [];
/** Longer than any test: what ends earlier was not cut. */
const GRACE_MS = 60_000;
const PAUSE_MS = 30;

afterEach(() => {
  for (const client of clients.splice(0)) client.cut();
});

interface Started extends TestListener {
  readonly handler: PhaseHandler;
  in(phase: Phase): Promise<WireClient>;
}

async function start(limits: Partial<ListenerLimits> = {}): Promise<Started> {
  const handler = new PhaseHandler();
  const started = await startListener(handler.handle, { limits });
  return {
    ...started,
    handler,
    in: async (phase) => {
      const client = await clientIn(phase, started.port, handler);
      clients.push(client);
      return client;
    },
  };
}

const phase = (name: string): Phase => PHASES.find((one) => one.name === name) ?? missing(name);
function missing(name: string): never {
  throw new Error(`no phase ${name}`);
}

describe('a client that falls silent (D01)', () => {
  const SHORT = { headersTimeoutMs: 150, requestTimeoutMs: 150, idleTimeoutMs: 100 };

  it.each([
    ['before its first byte', []],
    ['behind an empty line', []],
    ['in a first line', [408]],
    ['in a head', [408]],
    ['in a body', [408]],
    ['in a chunk', [408]],
    ['in a body behind its answer', [200]],
    ['between two requests', [200]],
    ['between two requests, behind an empty line', [200]],
    ['in the head of a second request', [200, 408]],
    ['in the body of a second request', [200, 408]],
  ])('%s is answered %j in all, nothing where it asked nothing, and closed', async (name, statuses) => {
    const listener = await start(SHORT);
    const client = await listener.in(phase(name));
    const { responses, rest, violation } = await client.closed();
    expect(responses.map(statusOf)).toEqual(statuses);
    expect([rest, violation]).toEqual(['', null]);
    await listener.listener.close(GRACE_MS);
    expect(listener.handler.underWay).toBe(0);
  });

  it.each(['before an answer', 'in an answer'])('%s is waited for: its time has not come', async (name) => {
    const listener = await start(SHORT);
    const client = await listener.in(phase(name));
    await delay(500);
    listener.handler.release();
    expect((await client.answered(1)).responses.map(statusOf)).toEqual([200]);
  });

  it('before the answer to a second request is waited for, longer than between the two', async () => {
    const listener = await start({ idleTimeoutMs: 50 });
    const client = await listener.in(phase('between two requests'));
    client.send(requestOf('/held'));
    await expect.poll(() => listener.handler.underWay).toBe(1);
    await delay(1600); // a kept connection is given a second more than it is told
    listener.handler.release();
    expect((await client.answered(2)).responses.map(statusOf)).toEqual([200, 200]);
  });

  it('and says a byte now and then gets no more time for its head', async () => {
    const listener = await start({ headersTimeoutMs: 300 });
    const client = await openClient(listener.port);
    clients.push(client);
    const dribble = setInterval(() => client.send('a'), 20);
    client.send('GET /');
    const { responses } = await client.closed();
    clearInterval(dribble);
    expect(responses.map(statusOf)).toEqual([408]);
  });

  it('and says a byte now and then gets no more time for its body', async () => {
    const listener = await start({ requestTimeoutMs: 300 });
    const client = await openClient(listener.port);
    clients.push(client);
    client.send(requestOf('/', 'Content-Length: 1000000\r\n', '', 'POST'));
    const dribble = setInterval(() => client.send('a'), 20);
    const { responses } = await client.closed();
    clearInterval(dribble);
    expect(responses.map(statusOf)).toEqual([408]);
  });

  it('gets for each head the whole time, counted from its first byte', async () => {
    const listener = await start({ headersTimeoutMs: 400 });
    const client = await openClient(listener.port);
    clients.push(client);
    for (let request = 1; request <= 3; request += 1) {
      client.send('GET / HTTP/1.1\r\n');
      await delay(200);
      client.send('Host: test\r\n\r\n');
      expect((await client.answered(request)).responses).toHaveLength(request);
    }
  });
});

describe.each([
  ['ends its side', (client: WireClient) => client.finish()],
  ['closes', (client: WireClient) => client.cut()],
  ['resets', (client: WireClient) => client.cut(true)],
])('a client that %s', (_how, leave) => {
  it.each(PHASES)('$name leaves nothing behind (U05)', async (one) => {
    const listener = await start();
    const client = await listener.in(one);
    leave(client);
    await listener.listener.close(GRACE_MS);
    await expect.poll(() => listener.handler.underWay).toBe(0);
    const { responses, violation } = await client.closed();
    expect(responses.map(statusOf)).toEqual(Array.from({ length: one.answers }, () => 200));
    expect(violation).toBeNull();
    expect(listener.log).toEqual([]);
  });
});

describe('a client that ends its side', () => {
  it.each(PHASES)(
    '$name is let go at once: it has gone, and its time is not waited for (U05)',
    async (one) => {
      const listener = await start({ headersTimeoutMs: GRACE_MS, idleTimeoutMs: GRACE_MS });
      const client = await listener.in(one);
      client.finish();
      const { responses } = await client.closed();
      expect(responses.map(statusOf)).toEqual(Array.from({ length: one.answers }, () => 200));
    },
  );
});

describe('a listener that closes', () => {
  it.each(PHASES.filter(({ rest }) => rest !== null))(
    'answers a request whose rest comes at once, $name, and says that it is the last',
    async (one) => {
      const listener = await start();
      const client = await listener.in(one);
      const closed = listener.listener.close(GRACE_MS);
      await delay(PAUSE_MS);
      client.send(one.rest ?? '');
      const { responses } = await client.closed();
      await closed;
      expect(responses.map(statusOf)).toEqual(Array.from({ length: one.answers + 1 }, () => 200));
      expect(valuesOf(responses.at(-1) ?? { headers: [] }, 'connection')).toEqual(['close']);
    },
  );

  it.each([
    ['before an answer', 1],
    ['in an answer', 1],
  ])('lets an answer end, %s', async (name, answers) => {
    const listener = await start();
    const client = await listener.in(phase(name));
    const closed = listener.listener.close(GRACE_MS);
    await delay(PAUSE_MS);
    listener.handler.release();
    const { responses } = await client.closed();
    await closed;
    expect(responses.map(statusOf)).toEqual(Array.from({ length: answers }, () => 200));
  });

  it('answers what is pipelined behind an answer that did not say close', async () => {
    const listener = await start();
    const client = await listener.in(phase('in an answer, with a request behind it'));
    const closed = listener.listener.close(GRACE_MS);
    listener.handler.release();
    const { responses } = await client.closed();
    await closed;
    expect(responses.map(({ body }) => body)).toEqual(['begun', 'GET /2 0']);
    expect(responses.flatMap((one) => valuesOf(one, 'connection'))).toEqual(['keep-alive', 'close']);
  });

  it('closes connections that stay silent, in every phase without a request', async () => {
    const silent = PHASES.filter(({ waiting }) => waiting === 0);
    const endings = silent.map(async (one) => {
      const listener = await start({ headersTimeoutMs: 1500 });
      const client = await listener.in(one);
      await listener.listener.close(GRACE_MS);
      const { responses, violation } = await client.closed();
      return [one.name, violation, responses.filter((response) => statusOf(response) === 200).length];
    });
    expect(await Promise.all(endings)).toEqual(silent.map(({ name, answers }) => [name, null, answers]));
  });

  it('tells nobody who is silent behind an empty line that it was too slow', async () => {
    const listener = await start();
    const client = await listener.in(phase('between two requests, behind an empty line'));
    await listener.listener.close(GRACE_MS);
    expect((await client.closed()).responses.map(statusOf)).toEqual([200]);
  });

  it('cuts what is under way when its grace is over, in every phase at once', async () => {
    const listener = await start();
    const all = await Promise.all(PHASES.map((one) => listener.in(one)));
    await listener.listener.close(PAUSE_MS);
    for (const client of all) await client.closed();
    await expect.poll(() => listener.handler.underWay).toBe(0);
  });
});
