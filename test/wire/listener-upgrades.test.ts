/** Upgrades at the listener itself: in their turn, with nothing behind them, refused so that the client learns why. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ListenerHandlers } from '../../src/http/server.ts';
import { echo, listenerPerTest, requestOf } from '../support/listener.ts';
import { openClient, statusOf } from './support/client.ts';
import { valuesOf } from './support/http-message.ts';

const startListener = listenerPerTest();
const GRACE_MS = 60_000;
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
const handshake = requestOf('/chat', UPGRADE);

/** Opens a tunnel that sends back what it is sent. `goodbye` is what it says when the listener closes. */
const tunnel: ListenerHandlers['upgrade'] = async (_request, _answer, socket, onShutdown) => {
  socket.write(SWITCH);
  socket.on('data', (piece: Buffer) => socket.write(piece)).on('end', () => socket.end());
  socket.resume();
  onShutdown(() => socket.end('goodbye'));
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
};

/** Says no, after a while. */
const refuse: ListenerHandlers['upgrade'] = async (_request, answer) => {
  await delay(30);
  answer.send(401, [], 'no');
};

async function start(upgrade: NonNullable<ListenerHandlers['upgrade']>) {
  const started = await startListener(echo, {
    handlers: { request: async (request, answer) => await echo(request, answer), upgrade },
  });
  return { ...started, client: await openClient(started.port) };
}

describe('an upgrade', () => {
  it('carries bytes both ways, and ends with either side', async () => {
    const { client, listener } = await start(tunnel);
    client.send(handshake);
    await client.saw('101');
    client.send('GET / HTTP/1.1\r\n\r\n\0');
    await client.saw('\0');
    client.finish();
    await client.closed();
    expect(client.received()).toBe(`${SWITCH}GET / HTTP/1.1\r\n\r\n\0`);
    await listener.close(GRACE_MS);
  });

  it('that is pipelined waits for its turn, and is made then', async () => {
    const { client } = await start(tunnel);
    client.send(requestOf('/1') + requestOf('/2') + handshake);
    await client.saw('101');
    client.send('through');
    await client.saw('through');
    const { responses } = client.answers();
    expect(responses.map(statusOf)).toEqual([200, 200, 101]);
    client.cut();
  });

  it('that is pipelined with bytes behind it is refused, and those are no request (W02)', async () => {
    const { client } = await start(tunnel);
    client.send(requestOf('/1') + handshake + requestOf('/2'));
    const { responses } = await client.closed();
    expect(responses.map(statusOf)).toEqual([200, 400]);
  });

  it.each([
    ['with nothing behind it', ''],
    ['with bytes sent before the answer', 'x'.repeat(100_000)],
  ])('that is refused, %s, is told why, and the connection closes', async (_what, rest) => {
    const { client, listener } = await start(refuse);
    client.send(handshake);
    await delay(10);
    client.send(rest);
    const ending = new Promise<string>((resolve) => {
      client.socket.once('end', () => resolve('end')).once('error', ({ message }) => resolve(message));
    });
    expect(await ending).toBe('end');
    const { responses } = client.answers();
    expect(responses.map(statusOf)).toEqual([401]);
    expect(valuesOf(responses[0] ?? { headers: [] }, 'connection')).toEqual(['close']);
    await listener.close(GRACE_MS);
  });

  it('that is refused is followed by no request', async () => {
    const { client } = await start(refuse);
    client.send(handshake);
    await client.answered(1);
    client.send(requestOf('/smuggled'));
    expect((await client.closed()).responses.map(statusOf)).toEqual([401]);
  });

  it('whose handler fails is 500', async () => {
    const { client, log } = await start(() => Promise.reject(new Error('a defect')));
    client.send(handshake);
    expect((await client.closed()).responses.map(statusOf)).toEqual([500]);
    expect(log).toEqual([expect.stringContaining('request handler failed')]);
  });

  it.each([
    ['ends its side', false],
    ['resets', true],
  ])('whose client %s before the answer leaves nothing behind', async (_how, isReset) => {
    const { client, listener } = await start(refuse);
    client.send(handshake);
    if (isReset) client.cut(true);
    else client.finish();
    await client.closed();
    await listener.close(GRACE_MS);
  });
});

describe('a listener that closes', () => {
  it('has its tunnels say goodbye', async () => {
    const { client, listener } = await start(tunnel);
    client.send(handshake);
    await client.saw('101');
    const closed = listener.close(GRACE_MS);
    await client.saw('goodbye');
    client.finish();
    await closed;
  });

  it('makes no tunnel any more, also where the upgrade was pipelined before, and tells the log', async () => {
    let answer: () => void = () => {};
    const told: string[] = [];
    const started = await startListener(echo, {
      handlers: {
        request: async (_request, writer) => {
          writer.begin(200, ['Content-Length', '2']);
          writer.write(Buffer.from('o'));
          await new Promise<void>((resolve) => {
            answer = resolve;
          });
          writer.write(Buffer.from('k'));
          writer.end();
        },
        upgrade: tunnel,
        onUnreadable: ({ code }) => void told.push(code),
      },
    });
    const client = await openClient(started.port);
    client.send(requestOf('/') + handshake);
    await client.saw('\r\n\r\no');
    const closed = started.listener.close(GRACE_MS);
    answer();
    const { responses } = await client.closed();
    expect(responses.map(statusOf)).toEqual([200, 503]);
    expect(told).toEqual(['shutting_down']);
    await closed;
  });

  it('cuts a tunnel that does not end when its grace is over', async () => {
    const { client, listener } = await start(async (_request, _answer, socket) => {
      socket.write(SWITCH);
      await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    });
    client.send(handshake);
    await client.saw('101');
    await listener.close(30);
    await client.closed();
  });
});

describe('a request with Upgrade that is no upgrade here', () => {
  it.each([
    ['another protocol', UPGRADE.replace('websocket', 'h2c'), 'GET'],
    ['another method', `${UPGRADE}Content-Length: 0\r\n`, 'POST'],
    ['no word of it in Connection', 'Upgrade: websocket\r\n', 'GET'],
    ['a body', `${UPGRADE}Content-Length: 2\r\n`, 'GET'],
    ['an expectation', `${UPGRADE}Expect: 100-continue\r\n`, 'GET'],
  ])('is a plain one, the last of its connection: %s (W03)', async (_what, lines, method) => {
    const { client } = await start(tunnel);
    client.send(
      requestOf('/', lines, lines.includes('Length: 2') ? 'hi' : '', method) + requestOf('/smuggled'),
    );
    const { responses } = await client.closed();
    expect(responses.map(statusOf).filter((status) => status !== 100)).toEqual([200]);
    expect(valuesOf(responses.at(-1) ?? { headers: [] }, 'connection')).toEqual(['close']);
  });
});
