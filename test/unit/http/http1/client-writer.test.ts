/** Over real sockets: what a client takes, and when it takes nothing, only the system knows. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ClientWriter } from '../../../../src/http/http1/client-writer.ts';

const STALL_MS = 150;
/** More than the buffers of both ends take. */
const LARGE_BYTES = 32 * 1024 * 1024;
const UNSENT_BYTES = 64 * 1024;
/** In which a client that pauses behind each 64 KiB has taken what the system keeps for it, and more. */
const SLOW_STALL_MS = 500;
/** So long it pauses at least. */
const PAUSE_MS = 2;
/** Far more than it takes in that time. */
const SLOW_BYTES = 48 * 1024 * 1024;

const open: { destroy(): void }[] = [];
let server: Server | null = null;

afterEach(() => {
  vi.useRealTimers();
  for (const one of open.splice(0)) one.destroy();
  server?.close();
});

/** A writer on the side of the server, and the socket of its client, which reads nothing yet. */
async function setUp(stallMs = STALL_MS) {
  const made = createServer({ noDelay: true });
  server = made;
  const accepted = new Promise<Socket>((resolve) => made.once('connection', resolve));
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  const address = made.address();
  const client = connect({
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    host: '127.0.0.1',
  }).pause();
  const failed = vi.fn();
  client.on('error', failed);
  const socket = await accepted;
  socket.on('error', () => {});
  open.push(client, socket);
  const writer = new ClientWriter(socket, false, stallMs);
  socket.on('drain', () => writer.drained());
  return { writer, socket, client, failed };
}

/** Writes as the answers to requests are written: as fast as there is room. */
function pump(writer: ClientWriter, socket: Socket): void {
  const piece = Buffer.alloc(UNSENT_BYTES);
  let left = LARGE_BYTES / piece.length;
  const more = () => {
    while (left > 0 && !socket.destroyed) {
      left -= 1;
      if (!writer.write(piece)) return;
    }
  };
  socket.on('drain', more);
  more();
}

/** Reads as a client over a slow line does. Resolves with the pieces when this much came, or at the end. */
function readSlowly(client: Socket, bytes: number): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  let received = 0;
  return new Promise((resolve) => {
    const finish = () => resolve(pieces);
    client.once('end', finish).once('close', finish);
    client.on('data', (piece: Buffer) => {
      pieces.push(piece);
      received += piece.length;
      if (received >= bytes) finish();
      client.pause();
      setTimeout(() => client.resume(), PAUSE_MS);
    });
    client.resume();
  });
}

/** Time passes as the test says; what goes over the sockets takes its own. */
const fakeTimers = () => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });

const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));

describe('ClientWriter', () => {
  it('writes text as latin-1, and pieces in their order', async () => {
    const { writer, client } = await setUp();
    let received = '';
    client.on('data', (piece: Buffer) => {
      received += piece.toString('latin1');
    });
    client.resume();
    writer.write('\xe4');
    writer.writeAll(['1\r\n', Buffer.from([0, 255]), '\r\n']);
    await expect.poll(() => received).toBe('\xe41\r\n\0\xff\r\n');
  });

  it('has room until more than 64 KiB wait', async () => {
    const { writer, socket } = await setUp();
    socket.cork();
    expect(writer.write(Buffer.alloc(UNSENT_BYTES))).toBe(true);
    expect(writer.hasUnsent).toBe(false);
    expect(writer.write('x')).toBe(false);
    expect(writer.hasUnsent).toBe(true);
  });

  it('cuts a client off that takes nothing', async () => {
    const { writer, socket } = await setUp();
    writer.write(Buffer.alloc(LARGE_BYTES));
    await closed(socket);
    expect(socket.destroyed).toBe(true);
  });

  it('cuts it off with a reset: nothing is kept for it by the system, and no answer looks whole', async () => {
    const { writer, socket, client, failed } = await setUp();
    writer.write(Buffer.alloc(LARGE_BYTES));
    await closed(socket);
    client.resume();
    await closed(client);
    expect(failed).toHaveBeenCalledOnce();
  });

  it('leaves a client alone that takes all of each piece, however slow it is', async () => {
    const { writer, socket, client } = await setUp(500);
    pump(writer, socket);
    let received = 0;
    client.on('data', ({ length }: Buffer) => {
      received += length;
      client.pause();
      setTimeout(() => client.resume(), 1);
    });
    client.resume();
    await expect.poll(() => received, { timeout: 15_000 }).toBe(LARGE_BYTES);
  });

  it('leaves a client alone that takes steadily what it was handed at once, however slow it is (D01)', async () => {
    const { writer, client } = await setUp(SLOW_STALL_MS);
    const sent = Buffer.alloc(SLOW_BYTES, 'abcdefg');
    writer.write(sent);
    writer.write('end');
    const received = await readSlowly(client, SLOW_BYTES + 3);
    expect(received.length * PAUSE_MS).toBeGreaterThan(SLOW_STALL_MS);
    expect(Buffer.concat(received).equals(Buffer.concat([sent, Buffer.from('end')]))).toBe(true);
  });

  it('gives the socket no more than a slice of it at a time, and tells when there is room again', async () => {
    const { writer, socket, client } = await setUp(10_000);
    expect(writer.write(Buffer.alloc(LARGE_BYTES))).toBe(false);
    const waiting: number[] = [];
    const drained = new Promise<void>((resolve) =>
      socket.on('drain', () => {
        waiting.push(socket.writableLength);
        if (!writer.hasUnsent) resolve();
      }),
    );
    let received = 0;
    client.on('data', ({ length }: Buffer) => {
      received += length;
    });
    client.resume();
    await drained;
    await expect.poll(() => received).toBe(LARGE_BYTES);
    expect(Math.max(...waiting)).toBe(UNSENT_BYTES);
    expect([writer.hasUnsent, writer.isSending]).toEqual([false, false]);
  });

  it('keeps nothing of it for a client that has gone', async () => {
    const { writer, socket, client } = await setUp();
    writer.write(Buffer.alloc(LARGE_BYTES));
    socket.on('close', () => writer.cancel());
    client.destroy();
    await closed(socket);
    expect([writer.hasUnsent, writer.isSending]).toEqual([false, false]);
  });

  it('ends behind what it was handed at once, and takes nothing more', async () => {
    const { writer, client } = await setUp(10_000);
    writer.write(Buffer.alloc(LARGE_BYTES));
    const sent = new Promise<void>((resolve) => writer.end(resolve));
    writer.write('late');
    const received = await readSlowly(client, Number.POSITIVE_INFINITY);
    expect(Buffer.concat(received)).toHaveLength(LARGE_BYTES);
    await sent;
  });

  it('leaves a client alone that was sent everything, and says nothing for long', async () => {
    fakeTimers();
    const { writer, socket, client } = await setUp();
    socket.cork();
    writer.write('x');
    socket.uncork();
    client.resume();
    await new Promise((resolve) => client.once('data', resolve));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(10 * STALL_MS);
    expect([socket.destroyed, vi.getTimerCount()]).toEqual([false, 0]);
  });

  it('watches again: a client that took one answer and not the next is cut off', async () => {
    const { writer, socket, client } = await setUp(500);
    let received = 0;
    client.on('data', ({ length }: Buffer) => {
      received += length;
    });
    client.resume();
    pump(writer, socket);
    await expect.poll(() => received, { timeout: 15_000 }).toBe(LARGE_BYTES);
    client.pause();
    writer.write(Buffer.alloc(LARGE_BYTES));
    await closed(socket);
    expect(socket.destroyed).toBe(true);
  });

  it('cuts nobody off once it is cancelled', async () => {
    fakeTimers();
    const { writer, socket } = await setUp();
    writer.write(Buffer.alloc(LARGE_BYTES));
    expect(vi.getTimerCount()).toBe(1);
    writer.cancel();
    vi.advanceTimersByTime(10 * STALL_MS);
    expect(socket.destroyed).toBe(false);
  });

  it('writes nothing to a connection that is closed, or that was ended', async () => {
    const { writer, socket } = await setUp();
    const onError = vi.fn();
    socket.on('error', onError);
    socket.end();
    writer.write('late');
    socket.destroy();
    writer.writeAll(['late', Buffer.from('later')]);
    await closed(socket);
    expect(onError).not.toHaveBeenCalled();
  });

  it('ends behind all that was written, and says so', async () => {
    const { writer, client } = await setUp();
    let received = '';
    client.on('data', (piece: Buffer) => {
      received += String(piece);
    });
    writer.write('last');
    const sent = new Promise<void>((resolve) => writer.end(resolve));
    client.resume();
    await new Promise((resolve) => client.once('end', resolve));
    await sent;
    expect(received).toBe('last');
  });

  it('cuts a client off that takes nothing of the end', async () => {
    const { writer, socket } = await setUp();
    writer.write(Buffer.alloc(LARGE_BYTES));
    writer.destroySoon();
    await closed(socket);
    expect(socket.writableFinished).toBe(false);
  });

  it('watches an end that is not sent, though all before it was: TLS has to write it', async () => {
    const { writer, socket } = await setUp();
    socket._final = () => {}; // as where the system takes no more
    writer.destroySoon();
    expect(socket.writableLength).toBe(0);
    await closed(socket);
  });

  it('cuts nobody off that was sent all, however long the connection lasts', async () => {
    fakeTimers();
    const { writer, socket } = await setUp();
    await new Promise<void>((resolve) => writer.end(resolve));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(10 * STALL_MS);
    expect([socket.destroyed, vi.getTimerCount()]).toEqual([false, 0]);
  });

  it.each([
    ['a reset where a close would look complete', true, 1],
    ['a close otherwise', false, 0],
  ])('cuts with %s', async (_how, looksComplete, errors) => {
    const { writer, client, failed } = await setUp();
    client.resume();
    writer.cut(looksComplete);
    await closed(client);
    expect(failed).toHaveBeenCalledTimes(errors);
  });
});
