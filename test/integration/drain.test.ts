import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type Edge, type EdgeOptions, GOOD_TOKEN, get, httpUpstream, startEdge } from '../support/edge.ts';
import { header, rawClient } from '../support/raw-client.ts';
import { OK, type RecordingUpstream, recordingUpstream, type Script } from '../support/upstream.ts';

/** Longer than any of these tests: what ends earlier was not cut. */
const GRACE_MS = 60_000;

/** How long a silent connection is kept. */
const LINGER_MS = 1000;

let edge: Edge;
let upstream: RecordingUpstream;
let closing: Promise<void> | null = null;

async function start(script?: Script, options: Partial<EdgeOptions> = {}): Promise<void> {
  upstream = await recordingUpstream(script);
  edge = await startEdge({ upstreams: [httpUpstream(upstream.url)], ...options });
}

function beginClosing(): Promise<void> {
  closing ??= edge.close(GRACE_MS);
  return closing;
}

afterEach(async () => {
  await (closing ?? edge.close());
  closing = null;
  await upstream.close();
});

describe('a listener that closes', () => {
  it('answers a request that was on its way on a kept connection, and closes after it (GW-C14)', async () => {
    await start();
    const client = await rawClient(edge.port);
    client.send(get('/1'));
    const [first] = await client.waitFor(1);
    expect(first === undefined ? '' : header(first, 'connection')).not.toBe('close');
    const closed = beginClosing();
    client.send(get('/2'));
    const [, second] = await client.waitFor(2);
    expect(second?.status).toBe(200);
    expect(second === undefined ? '' : header(second, 'connection')).toBe('close');
    await client.closed();
    await closed;
  });

  it('answers a request that arrived while the process was busy for longer than it waits (GW-C14)', async () => {
    await start();
    const client = await rawClient(edge.port);
    client.send(get('/1'));
    await client.waitFor(1);
    const closed = beginClosing();
    client.send(get('/2'));
    const busyUntilMs = performance.now() + LINGER_MS + 200;
    while (performance.now() < busyUntilMs);
    const [, second] = await client.waitFor(2);
    expect(second?.status).toBe(200);
    await closed;
  });

  it('closes a kept connection on which nothing comes', async () => {
    await start();
    const client = await rawClient(edge.port);
    client.send(get('/'));
    await client.waitFor(1);
    const closed = beginClosing();
    await client.closed();
    await closed;
    expect(client.responses()).toHaveLength(1);
  });

  it('lets an answer that has begun end, and takes another request after it', async () => {
    let finish = () => {};
    await start((request, socket) => {
      if (request.requestLine.includes('/stream')) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab');
        finish = () => void socket.write('cd');
      } else socket.write(OK);
    });
    const client = await rawClient(edge.port);
    client.send(get('/stream'));
    await expect.poll(() => client.received()).toContain('ab');
    const closed = beginClosing();
    finish();
    const [stream] = await client.waitFor(1);
    expect(stream?.body).toBe('abcd');
    client.send(get('/after'));
    const [, after] = await client.waitFor(2);
    expect(after?.status).toBe(200);
    await closed;
  });

  it('takes no new connections', async () => {
    await start();
    await beginClosing();
    await expect(rawClient(edge.port)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('begins no tunnel any more, and says that it is shutting down', async () => {
    await start();
    const client = await rawClient(edge.port);
    client.send(get('/'));
    await client.waitFor(1);
    const closed = beginClosing();
    client.send(get('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
    const [, refusal] = await client.waitFor(2);
    expect(refusal?.status).toBe(503);
    expect(JSON.parse(refusal?.body ?? '{}')).toMatchObject({ code: 'shutting_down' });
    await closed;
  });

  it('says 1001 to WebSockets, and to what is behind them (GW-C14)', async () => {
    const backend = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await new Promise((resolve) => backend.once('listening', resolve));
    const codes: Record<string, number> = {};
    backend.on('connection', (socket) => {
      socket.on('close', (code) => {
        codes['backend'] = code;
      });
    });
    const address = backend.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await start(undefined, { upstreams: [httpUpstream(`http://127.0.0.1:${port}`)] });
    const headers = { Authorization: `Bearer ${GOOD_TOKEN}` };
    const client = new WebSocket(`ws://127.0.0.1:${edge.port}/`, { headers });
    client.on('close', (code) => {
      codes['client'] = code;
    });
    await new Promise((resolve) => client.once('open', resolve));
    await beginClosing();
    await expect.poll(() => codes).toEqual({ client: 1001, backend: 1001 });
    backend.close();
  });

  it('still ends requests that are too slow', async () => {
    await start(undefined, { limits: { headersTimeoutMs: 200 } });
    const client = await rawClient(edge.port);
    client.send('GET / HTTP/1.1\r\nHost: gw.test\r\nX-Slow: ');
    const closed = beginClosing();
    const [response] = await client.waitFor(1);
    expect(response?.status).toBe(408);
    await closed;
  });
});
