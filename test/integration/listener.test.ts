import { describe, expect, it } from 'vitest';
import { get } from '../support/edge.ts';
import { edgePerTest } from '../support/edge-per-test.ts';
import { exchange, header, rawClient } from '../support/raw-client.ts';
import { OK } from '../support/upstream.ts';

const { edge, upstream, start } = edgePerTest();

describe('a listener', () => {
  it('answers 408 to a header section that does not end (D01)', async () => {
    await start({ limits: { headersTimeoutMs: 200 } });
    const client = await rawClient(edge.port);
    client.send('GET / HTTP/1.1\r\nHost: gw.test\r\nX-Slow: ');
    const [response] = await client.waitFor(1);
    expect(response?.status).toBe(408);
    expect(JSON.parse(response?.body ?? '{}')).toMatchObject({ code: 'request_timeout' });
    await client.closed();
  });

  it('closes a connection that says nothing (D01)', async () => {
    await start({ limits: { headersTimeoutMs: 200 } });
    const client = await rawClient(edge.port);
    await client.closed();
  });

  it('cuts a body that does not end, and its upstream request (D01)', async () => {
    await start({ limits: { headersTimeoutMs: 100, requestTimeoutMs: 300 } });
    const client = await rawClient(edge.port);
    client.send(`${get('/', 'Content-Length: 10\r\n').replace('GET', 'POST')}ab`);
    await client.closed();
    await expect.poll(() => upstream.openConnections()).toBe(0);
  });

  it('closes idle kept connections', async () => {
    await start({ limits: { idleTimeoutMs: 200 } });
    const client = await rawClient(edge.port);
    client.send(get('/'));
    await client.waitFor(1);
    await client.closed();
  });

  it('cuts a client that reads nothing of its response (D01)', async () => {
    const total = 64 * 1024 * 1024;
    await start({ limits: { idleTimeoutMs: 300 } }, (_request, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
      socket.write(Buffer.alloc(total));
    });
    const client = await rawClient(edge.port);
    client.socket.pause();
    client.send(get('/'));
    await expect.poll(() => edge.records.length, { timeout: 5000 }).toBe(1);
    expect(edge.records[0]).toMatchObject({ reason: 'client_closed' });
    await expect.poll(() => upstream.openConnections()).toBe(0);
    client.close();
  });

  it('takes no more connections than it may (D02)', async () => {
    await start({ limits: { connections: 1 } });
    const first = await rawClient(edge.port);
    first.send(get('/'));
    await first.waitFor(1);
    const second = await rawClient(edge.port);
    await second.closed();
    first.send(get('/'));
    expect(await first.waitFor(2)).toHaveLength(2);
    first.close();
  });

  it('lets a running request finish when it closes, and says so to the client', async () => {
    let answer: () => void = () => {};
    await start({}, (_request, socket) => {
      answer = () => socket.write(OK);
    });
    const client = await rawClient(edge.port);
    client.send(get('/'));
    await expect.poll(() => upstream.seen.length).toBe(1);
    const closing = edge.close(5000);
    answer();
    const [response] = await client.waitFor(1);
    expect(response?.status).toBe(200);
    expect(response === undefined ? '' : header(response, 'connection')).toBe('close');
    await closing;
    await client.closed();
    await expect(rawClient(edge.port)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('cuts what runs longer than the grace', async () => {
    await start({}, () => {});
    const client = await rawClient(edge.port);
    client.send(get('/'));
    await expect.poll(() => upstream.seen.length).toBe(1);
    await edge.close(50);
    await client.closed();
    expect(client.responses()).toHaveLength(0);
  });

  it('refuses header bytes beyond its limit with 431', async () => {
    await start({ limits: { headerBytes: 1024 } });
    const response = await exchange(edge.port, get('/', `X-Big: ${'x'.repeat(2000)}\r\n`));
    expect(response.status).toBe(431);
    expect(header(response, 'connection')).toBe('close');
  });

  it('fails to start where the address is taken', async () => {
    await start();
    const { createProxyListener } = await import('../../src/http/proxy.ts');
    const again = createProxyListener({
      bind: { host: '127.0.0.1', port: edge.port },
      limits: (await import('../support/edge.ts')).LIMITS,
      snapshot: () => {
        throw new Error('not asked');
      },
      clock: () => 0,
      randomId: () => 'id',
      onRequestDone: () => {},
    });
    await expect(again.start()).rejects.toThrow(/EADDRINUSE/);
  });
});
