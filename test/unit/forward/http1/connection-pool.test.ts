import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Asked, type AskOptions, poolTo, type TestPool } from '../../../support/connections.ts';
import { settled } from '../../../support/scheduler.ts';
import { OK, type RecordingUpstream, recordingUpstream, type Script } from '../../../support/upstream.ts';

let upstream: RecordingUpstream;
let test: TestPool;

async function start(script?: Script, options: Parameters<typeof poolTo>[1] = {}): Promise<void> {
  upstream = await recordingUpstream(script);
  test = poolTo(upstream.url, options);
}

const ask = (options?: AskOptions) => new Asked(test.pool, options);

afterEach(async () => {
  const closed = test.pool.close();
  await upstream.close();
  await closed;
});

/** Answers `/slow` when it is let. */
function slowly(): { script: Script; release: () => void } {
  const waiting: (() => void)[] = [];
  const script: Script = ({ requestLine }, socket) => {
    if (requestLine.includes('/slow')) waiting.push(() => void socket.write(OK));
    else socket.write(OK);
  };
  return { script, release: () => waiting.shift()?.() };
}

describe('ConnectionPool', () => {
  it('sends one request after the other over one connection', async () => {
    await start();
    for (let count = 0; count < 5; count += 1) expect(await ask().outcome).toBe('200 ok');
    expect(upstream.connections()).toBe(1);
  });

  it('opens a connection for each request that runs beside others', async () => {
    await start();
    const asked = Array.from({ length: 5 }, () => ask());
    expect(new Set(await Promise.all(asked.map(({ outcome }) => outcome)))).toEqual(new Set(['200 ok']));
    expect(upstream.connections()).toBe(5);
  });

  it('takes the connection that rested last', async () => {
    const { script, release } = slowly();
    await start(script);
    const slow = ask({ target: '/slow' });
    await expect.poll(() => upstream.seen.length).toBe(1);
    expect(await ask().outcome).toBe('200 ok');
    release();
    await slow.outcome;
    await ask().outcome;
    await ask().outcome;
    expect(upstream.seen.map(({ connection }) => connection)).toEqual([1, 2, 1, 1]);
  });

  it('never uses a connection that the upstream has closed', async () => {
    await start((_request, socket) => void socket.end(OK));
    for (let count = 0; count < 3; count += 1) {
      expect(await ask({ method: 'POST' }).outcome).toBe('200 ok');
      await expect.poll(() => upstream.openConnections()).toBe(0);
    }
    expect(upstream.connections()).toBe(3);
  });

  it('closes a connection over which something came that nobody asked for (S08)', async () => {
    let say: (bytes: string) => void = () => {};
    await start((_request, socket) => {
      say = (bytes) => void socket.write(bytes);
      socket.write(OK);
    });
    expect(await ask().outcome).toBe('200 ok');
    say('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await expect.poll(() => upstream.openConnections()).toBe(0);
    expect(await ask().outcome).toBe('200 ok');
  });

  it('closes a connection whose answer had more behind it (S08)', async () => {
    await start((_request, socket) => void socket.write(`${OK}x`));
    expect(await ask().outcome).toBe('200 ok');
    await expect.poll(() => upstream.openConnections()).toBe(0);
  });

  it('closes a connection that has rested as long as upstreams let it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    await start();
    await ask().outcome;
    vi.advanceTimersByTime(3999);
    expect(await ask().outcome).toBe('200 ok');
    expect(upstream.connections()).toBe(1);
    vi.advanceTimersByTime(4000);
    await expect.poll(() => upstream.openConnections()).toBe(0);
  });

  it('leaves a connection of a minute alone, so that a changed name is followed (U07)', async () => {
    await start();
    await ask().outcome;
    test.clock.advanceMs(60_000);
    await ask().outcome;
    expect(upstream.connections()).toBe(1);
    test.clock.advanceMs(1);
    expect(await ask().outcome).toBe('200 ok');
    expect(upstream.connections()).toBe(2);
    await expect.poll(() => upstream.openConnections()).toBe(1);
  });

  it('closes a connection of a minute when its request is over', async () => {
    const { script, release } = slowly();
    await start(script);
    const slow = ask({ target: '/slow' });
    await expect.poll(() => upstream.seen.length).toBe(1);
    test.clock.advanceMs(60_001);
    release();
    expect(await slow.outcome).toBe('200 ok');
    expect(slow.connection?.isUsable).toBe(false);
  });

  it.each([
    ['Keep-Alive: timeout=2', 2],
    ['Keep-Alive: timeout=60, max=100', 1],
    ['Keep-Alive: nonsense', 1],
    ['Connection: Close', 2],
    ['Connection: X-A,close', 2],
  ])('heeds %s', async (line, connections) => {
    await start((_request, socket) => void socket.write(OK.replace('\r\n', `\r\n${line}\r\n`)));
    await ask().outcome;
    await ask().outcome;
    expect(upstream.connections()).toBe(connections);
  });

  it('does not keep the connection of a HEAD', async () => {
    await start((_request, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'));
    expect(await ask({ method: 'HEAD' }).outcome).toBe('200 ');
    await expect.poll(() => upstream.openConnections()).toBe(0);
  });

  it('gives a connection that was not needed to the next', async () => {
    await start();
    const { promise, resolve } = Promise.withResolvers<void>();
    test.pool.acquire({
      onConnected: (connection) => {
        connection.rest();
        resolve();
      },
      onUnconnected: () => {},
    });
    await promise;
    expect(await ask().outcome).toBe('200 ok');
    expect(upstream.connections()).toBe(1);
  });

  it('tells what kept a connection from standing', async () => {
    await start();
    await upstream.close();
    expect(await ask().outcome).toContain('ECONNREFUSED');
  });
});

describe('a ConnectionPool whose connections are all taken', () => {
  const bounds = { connections: 1, waiting: 2 };

  it('gives the next free one to who waits longest', async () => {
    const { script, release } = slowly();
    await start(script, { bounds });
    const asked = ['/slow', '/first', '/second'].map((target) => ask({ target }));
    await expect.poll(() => upstream.seen.length).toBe(1);
    release();
    for (const { outcome } of asked) expect(await outcome).toBe('200 ok');
    expect(upstream.connections()).toBe(1);
    expect(upstream.seen.map(({ requestLine }) => requestLine.split(' ')[1])).toEqual([
      '/slow',
      '/first',
      '/second',
    ]);
  });

  it('opens another one for who waits when one is lost', async () => {
    await start(
      ({ requestLine }, socket) => {
        if (requestLine.includes('/lost')) socket.destroy();
        else socket.write(OK);
      },
      { bounds },
    );
    const asked = ['/lost', '/', '/lost'].map((target) => ask({ target }));
    const outcomes = await Promise.all(asked.map(({ outcome }) => outcome));
    expect(outcomes.map((text) => text.slice(0, 6))).toEqual(['failed', '200 ok', 'failed']);
  });

  it('refuses who finds the queue full', async () => {
    await start(() => {}, { bounds });
    const asked = Array.from({ length: 4 }, () => ask());
    expect(await asked[3]?.outcome).toContain('too many requests wait');
  });

  it('refuses who has waited as long as a connection may take', async () => {
    await start(() => {}, { bounds, timeouts: { connectMs: 50 } });
    ask();
    const { promise, resolve } = Promise.withResolvers<unknown>();
    test.pool.acquire({ onConnected: () => resolve(null), onUnconnected: resolve });
    expect(await promise).toMatchObject({ code: 'upstream_unavailable', status: 503, retryAfterSeconds: 1 });
  });

  it('forgets who has left', async () => {
    const { script, release } = slowly();
    await start(script, { bounds });
    const slow = ask({ target: '/slow' });
    const leaving = ask({ target: '/left' });
    await expect.poll(() => upstream.seen.length).toBe(1);
    test.pool.leave(leaving, new Error('left'));
    expect(await leaving.outcome).toBe('failed: left');
    release();
    await slow.outcome;
    expect(await ask().outcome).toBe('200 ok');
    expect(upstream.seen.map(({ requestLine }) => requestLine)).not.toContain('GET /left HTTP/1.1');
  });
});

describe('close()', () => {
  it('ends connections that rest, and lets requests finish, also those that wait', async () => {
    const { script, release } = slowly();
    await start(script, { bounds: { connections: 1, waiting: 1 } });
    const slow = ask({ target: '/slow' });
    const waiting = ask();
    await expect.poll(() => upstream.seen.length).toBe(1);
    let isClosed = false;
    const closed = test.pool.close().then(() => {
      isClosed = true;
    });
    await settled();
    expect(isClosed).toBe(false);
    release();
    expect([await slow.outcome, await waiting.outcome]).toEqual(['200 ok', '200 ok']);
    expect(waiting.connection?.isUsable).toBe(false);
    await closed;
    await expect.poll(() => upstream.openConnections()).toBe(0);
  });

  it('ends connections that rest at once', async () => {
    await start();
    const asked = ask();
    await asked.outcome;
    expect(asked.connection?.isUsable).toBe(true);
    const closed = test.pool.close();
    expect(asked.connection?.isUsable).toBe(false);
    await closed;
  });

  it('resolves at once where there are none, and gives none afterwards', async () => {
    await start();
    await test.pool.close();
    expect(await ask().outcome).toContain('being closed');
  });
});
