import { createServer, type Server, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { Asked, type AskOptions, poolTo, type TestPool } from '../../../support/connections.ts';
import { OK, type RecordingUpstream, recordingUpstream, type Script } from '../../../support/upstream.ts';

let upstream: RecordingUpstream | undefined;
let server: Server | undefined;
let test: TestPool;

async function start(script?: Script, timeouts: Parameters<typeof poolTo>[1] = {}): Promise<void> {
  upstream = await recordingUpstream(script);
  test = poolTo(upstream.url, timeouts);
}

/** A server that only accepts. */
async function startRaw(onSocket: (socket: Socket) => void, options: Parameters<typeof poolTo>[1] = {}) {
  const sockets: Socket[] = [];
  const started = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  const address = started.address();
  if (address === null || typeof address === 'string') throw new TypeError('no TCP address');
  test = poolTo(`http://127.0.0.1:${address.port}`, options);
  return { end: () => sockets.map((socket) => socket.destroy()) };
}

const ask = (options?: AskOptions) => new Asked(test.pool, options);

afterEach(async () => {
  await upstream?.close();
  server?.close();
  await test.pool.close();
  upstream = undefined;
  server = undefined;
});

/** A body that the test pushes. */
function body(): Readable {
  return new Readable({ read: () => {} });
}

describe('the body of a request', () => {
  it('goes out in chunks, none of them empty, where its length is not known', async () => {
    await start();
    const pieces = ['a', '', 'b'.repeat(20)].map((piece) => Buffer.from(piece));
    const asked = ask({ method: 'POST', body: Readable.from(pieces) });
    expect(await asked.outcome).toBe('200 ok');
    expect(upstream?.seen[0]?.body).toBe(`a${'b'.repeat(20)}`);
    expect(upstream?.bytes()).toMatch(/\r\n\r\n1\r\na\r\n14\r\nb{20}\r\n0\r\n\r\n$/);
  });

  it('goes out as it is where its length is known', async () => {
    await start();
    const asked = ask({
      method: 'PUT',
      headers: ['Content-Length', '5'],
      body: Readable.from([Buffer.from('hello')]),
    });
    expect(await asked.outcome).toBe('200 ok');
    expect(upstream?.bytes()).toMatch(/\r\n\r\nhello$/);
  });

  it('does not hold back the head', async () => {
    await start();
    ask({ method: 'POST', body: body() });
    await expect.poll(() => upstream?.bytes()).toMatch(/chunked\r\n\r\n$/);
  });

  it.each([
    ['longer', 'hello, world', 'is longer than announced'],
    ['shorter', 'hell', 'is shorter than announced'],
  ])('that is %s than announced ends the connection, and is never whole', async (_how, text, why) => {
    await start();
    const sent = Readable.from([Buffer.from(text)]);
    const asked = ask({ method: 'POST', headers: ['Content-Length', '5'], body: sent });
    expect(await asked.outcome).toContain(why);
    await expect.poll(() => upstream?.openConnections()).toBe(0);
    expect(upstream?.seen).toEqual([]);
  });

  it.each([
    ['fails', (sent: Readable) => void sent.destroy(new Error('the client left'))],
    ['is closed without an end', (sent: Readable) => void sent.destroy()],
  ])('that %s ends the connection, and is never whole (S07)', async (_how, cut) => {
    await start();
    const sent = body();
    const asked = ask({ method: 'POST', body: sent });
    sent.push(Buffer.from('begun'));
    await expect.poll(() => upstream?.bytes()).toContain('begun');
    cut(sent);
    expect(await asked.outcome).toMatch(/^failed/);
    await expect.poll(() => upstream?.openConnections()).toBe(0);
    expect(upstream?.bytes()).not.toContain('\r\n0\r\n');
  });

  it('that was gone before it began is a failure', async () => {
    await start();
    const gone = body();
    gone.destroy();
    expect(await ask({ method: 'POST', body: gone }).outcome).toMatch(/^failed/);
  });

  it('whose answer comes before its end is given up with its connection (S08)', async () => {
    const raw = await startRaw((socket) => void socket.once('data', () => socket.write(OK)));
    const sent = body();
    const asked = ask({ method: 'POST', body: sent });
    sent.push(Buffer.from('begun'));
    expect(await asked.outcome).toBe('200 ok');
    expect([sent.destroyed, asked.connection?.isUsable]).toEqual([true, false]);
    raw.end();
  });

  it('of which a part has not left yet when its answer comes is given up with its connection (S08)', async () => {
    const raw = await startRaw((socket) => {
      socket.once('data', () => {
        socket.pause();
        socket.write(OK);
      });
    });
    const large = Buffer.alloc(16 * 1024 * 1024);
    const asked = ask({
      method: 'POST',
      headers: ['Content-Length', String(large.length)],
      body: Readable.from([large]),
    });
    expect(await asked.outcome).toBe('200 ok');
    expect(asked.connection?.isUsable).toBe(false);
    raw.end();
  });

  it('is given up when the upstream goes', async () => {
    const raw = await startRaw((socket) => void socket.once('data', () => socket.destroy()));
    const sent = body();
    const asked = ask({ method: 'POST', body: sent });
    sent.push(Buffer.from('begun'));
    expect(await asked.outcome).toMatch(/^failed/);
    expect(sent.destroyed).toBe(true);
    raw.end();
  });

  it('is held back while the upstream takes nothing', async () => {
    const raw = await startRaw((socket) => void socket.pause());
    let read = 0;
    const endless = new Readable({
      read() {
        read += 65_536;
        this.push(Buffer.alloc(65_536));
      },
    });
    const asked = ask({ method: 'POST', body: endless });
    let before = -1;
    await expect
      .poll(
        () => {
          const isStill = before === read && read > 0;
          before = read;
          return isStill;
        },
        { interval: 50 },
      )
      .toBe(true);
    expect(read).toBeLessThan(64 * 1024 * 1024);
    raw.end();
    expect(await asked.outcome).toMatch(/^failed/);
  });
});

describe('the deadline for the head', () => {
  const timeouts = { responseMs: 50 };

  it('ends a request without an answer', async () => {
    await start(() => {}, { timeouts });
    expect(await ask().outcome).toBe('failed: no answer in time');
  });

  it('is not extended by informational answers', async () => {
    await start((_request, socket) => void socket.write('HTTP/1.1 102 Processing\r\n\r\n'), { timeouts });
    expect(await ask().outcome).toBe('failed: no answer in time');
  });

  it('does not count the time that a client takes for its body', async () => {
    await start(undefined, { timeouts });
    const sent = body();
    const asked = ask({ method: 'POST', body: sent });
    sent.push(Buffer.from('begun'));
    await new Promise((resolve) => setTimeout(resolve, 4 * timeouts.responseMs));
    sent.push(null);
    expect(await asked.outcome).toBe('200 ok');
  });

  it('ends a request whose body the upstream does not take', async () => {
    const raw = await startRaw((socket) => void socket.pause(), { timeouts });
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(65_536));
      },
    });
    expect(await ask({ method: 'POST', body: endless }).outcome).toBe('failed: no answer in time');
    raw.end();
  });
});

describe('the deadline within a body', () => {
  const HALF = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf';
  const timeouts = { idleMs: 50 };

  it('ends an answer that falls silent', async () => {
    await start((_request, socket) => void socket.write(HALF), { timeouts });
    const asked = ask();
    expect(await asked.outcome).toBe('failed: the answer stopped');
    expect(asked.body).toBe('half');
  });

  it('does not count the time in which nobody takes the answer', async () => {
    await start(
      (_request, socket) => {
        socket.write(HALF);
        setTimeout(() => socket.write('behind'), 3 * timeouts.idleMs);
      },
      { timeouts },
    );
    const asked = ask({ isEager: false });
    await expect.poll(() => asked.body).toBe('half');
    await new Promise((resolve) => setTimeout(resolve, 4 * timeouts.idleMs));
    asked.connection?.resume();
    expect(await asked.outcome).toBe('200 halfbehind');
  });
});

describe('an answer', () => {
  it('whose last piece was not taken leaves a connection that can be used', async () => {
    await start();
    expect(await ask({ isEager: false }).outcome).toBe('200 ok');
    expect(await ask().outcome).toBe('200 ok');
    expect(upstream?.connections()).toBe(1);
  });

  it('that was aborted leaves none', async () => {
    await start((_request, socket) => void socket.write('HTTP/1.1 200 OK\r\n\r\nbegun'));
    const asked = ask();
    await expect.poll(() => asked.body).toBe('begun');
    asked.connection?.abort(new Error('nobody wants it'));
    expect(await asked.outcome).toBe('failed: nobody wants it');
    await expect.poll(() => upstream?.openConnections()).toBe(0);
  });

  it.each([
    ['nothing', '', false],
    ['half a head', 'HTTP/1.1 200', true],
  ])('of which %s came is a failure that says so (U02)', async (_what, bytes, hasBegun) => {
    await start((_request, socket) => void socket.end(bytes));
    const asked = ask();
    expect(await asked.outcome).toBe('failed: the upstream closed the connection');
    expect(asked.hasBegun).toBe(hasBegun);
  });
});
