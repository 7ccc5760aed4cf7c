import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { CountersignError } from '../../../src/core/errors.ts';
import { compileHeaderPolicy } from '../../../src/core/headers.ts';
import { Target } from '../../../src/forward/target.ts';
import type { ResponseSink } from '../../../src/forward/upstream.ts';
import { httpUpstream, TIMEOUTS, upstreamPorts } from '../../support/edge.ts';
import { type RecordingUpstream, recordingUpstream, type Script } from '../../support/upstream.ts';

const BODY_BYTES = 1024 * 1024;
/** Longer than the upstream may take with an answer. */
const WAIT_MS = 300;
const RESPONSE_MS = 100;
/** More than it takes to open a breaker. */
const MANY = 10;

/** Takes a piece, then asks to wait until the test says that there is room. A closed one asks for nothing, as that of a client. */
class SlowSink implements ResponseSink {
  isClosed = false;
  isFast = false;
  isEnded = false;
  pieces = 0;
  bytes = 0;
  #onDrain = () => {};
  #onClose = () => {};

  start(): void {}

  write(chunk: Buffer): boolean {
    this.pieces += 1;
    this.bytes += chunk.length;
    return this.isFast || this.isClosed;
  }

  end(): void {
    this.isEnded = true;
  }

  abort(): void {}

  onDrain(listener: () => void): void {
    this.#onDrain = listener;
  }

  onClose(listener: () => void): void {
    this.#onClose = listener;
  }

  drain(): void {
    this.isFast = true;
    this.#onDrain();
  }

  close(): void {
    this.isClosed = true;
    this.#onClose();
  }
}

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

/** The gateway's side of a client's connection, and the client's. */
async function connected(): Promise<{ socket: Socket; client: Socket }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('not a TCP server');
  const accepted = once(server, 'connection');
  const client = connect(address.port, '127.0.0.1').on('error', () => {});
  const [socket] = await accepted;
  if (!(socket instanceof Socket)) throw new TypeError('not a socket');
  socket.on('error', () => {});
  cleanUps.push(
    () => client.destroy(),
    () => socket.destroy(),
    () => server.close(),
  );
  return { socket, client };
}

const bigAnswer: Script = (_request, socket) =>
  void socket.write(
    Buffer.concat([
      Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`),
      Buffer.alloc(BODY_BYTES),
    ]),
  );

interface Rig {
  readonly upstream: RecordingUpstream;
  readonly target: Target;
  readonly sink: SlowSink;
  readonly socket: Socket;
  readonly client: Socket;
  readonly failures: CountersignError[];
  upgrade(): Promise<void>;
}

async function setUp(script: Script): Promise<Rig> {
  const upstream = await recordingUpstream(script);
  const settings = httpUpstream(upstream.url, { timeouts: { ...TIMEOUTS, responseMs: RESPONSE_MS } });
  const target = new Target({ url: upstream.url }, settings, upstreamPorts());
  const { socket, client } = await connected();
  cleanUps.push(
    () => upstream.close(),
    () => target.close(),
  );
  const sink = new SlowSink();
  socket.once('close', () => sink.close());
  const failures: CountersignError[] = [];
  const request = {
    method: 'GET',
    target: '/chat',
    headers: ['Host', 'gw.test', 'Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
    keepsHost: true,
    headerPolicy: compileHeaderPolicy(['X-JWT-Assertion']),
    assertionHeader: null,
    socket,
    onFailure: (error: CountersignError) => void failures.push(error),
    onShutdown: () => {},
  };
  return { upstream, target, sink, socket, client, failures, upgrade: () => target.upgrade(request, sink) };
}

/** Another answer than 101, of which the sink has taken the first piece. */
async function relaying() {
  const rig = await setUp(bigAnswer);
  const upgraded = rig.upgrade();
  await expect.poll(() => rig.sink.pieces).toBe(1);
  return { ...rig, upgraded };
}

describe('upgrade() that is answered with anything but 101', () => {
  it('waits for a client that takes no more, then goes on to the end (D03)', async () => {
    const { sink, upgraded } = await relaying();
    await delay(WAIT_MS / 10);
    expect(sink.pieces).toBe(1);
    sink.drain();
    await upgraded;
    expect([sink.bytes, sink.isEnded]).toEqual([BODY_BYTES, true]);
  });

  it('does not take the time of a slow client for that of the upstream', async () => {
    const { sink, upgraded, failures } = await relaying();
    await delay(WAIT_MS);
    sink.drain();
    await upgraded;
    expect([failures, sink.bytes]).toEqual([[], BODY_BYTES]);
  });

  it('is over, and leaves the upstream, where the client leaves while it is waited for (U05)', async () => {
    const { sink, upgraded, upstream, client, failures } = await relaying();
    client.resetAndDestroy();
    await upgraded;
    expect([failures.length, sink.isEnded]).toEqual([1, false]);
    await expect.poll(() => upstream.openConnections()).toBe(0);
  });

  it('still gives an upstream up that says no more (U07)', async () => {
    const { sink, failures, upgrade } = await setUp((_request, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na`);
    });
    const upgraded = upgrade();
    await expect.poll(() => sink.pieces).toBe(1);
    sink.drain();
    await upgraded;
    expect(failures).toHaveLength(1);
  });
});

describe('upgrade() for a client that has gone already', () => {
  it('makes no tunnel (U05)', async () => {
    const { socket, upstream, upgrade, failures } = await setUp(() => {});
    socket.destroy();
    await once(socket, 'close');
    await upgrade();
    expect([failures.length, upstream.connections()]).toEqual([1, 0]);
  });

  it('counts as no fault of the target', async () => {
    const { socket, target, upgrade } = await setUp(() => {});
    socket.destroy();
    await once(socket, 'close');
    for (let count = 0; count < MANY; count += 1) await upgrade();
    expect([target.status().breaker, target.activeRequests]).toEqual(['closed', 0]);
  });
});
