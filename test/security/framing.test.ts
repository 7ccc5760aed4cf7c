import { describe, expect, it } from 'vitest';
import { type EdgeOptions, get, httpUpstream } from '../support/edge.ts';
import { edgePerTest } from '../support/edge-per-test.ts';
import { exchange, header, rawClient } from '../support/raw-client.ts';
import { headerOf, OK, type Script } from '../support/upstream.ts';

const { edge, upstream, start: startWith } = edgePerTest();
const start = (script?: Script, options: Partial<EdgeOptions> = {}) => startWith(options, script);

const NEXT = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';

const BAD_FRAMING = [
  ['gzip, chunked', 'Transfer-Encoding: gzip, chunked\r\n', 501],
  [',chunked', 'Transfer-Encoding: ,chunked\r\n', 501],
  ['chunked with a no-break space', 'Transfer-Encoding: \xa0chunked\xa0\r\n', 501],
  ['an unknown coding', 'Transfer-Encoding: blegh\r\n', 501],
  ['Chunked in another case', 'Transfer-Encoding: Chunked\r\n', 501],
  ['two codings', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', 400],
  ['both framings', 'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', 400],
  ['an octal length', 'Content-Length: 010\r\n', 400],
  ['a signed length', 'Content-Length: +5\r\n', 400],
  ['a list of lengths', 'Content-Length: 5, 5\r\n', 400],
  ['two lengths', 'Content-Length: 5\r\nContent-Length: 5\r\n', 400],
  ['an empty length', 'Content-Length: \r\n', 400],
  ['a space before the colon', 'Content-Length : 5\r\n', 400],
  ['a folded line', 'X-A: b\r\n c\r\n', 400],
  ['a control character', 'X-A: b\x01c\r\n', 400],
  ['a bare CR', 'X-A: b\rc\r\n', 400],
  ['a NUL', 'X-A: b\0c\r\n', 400],
] as const;

describe('a request with', () => {
  it.each(BAD_FRAMING)('%s is refused, and the connection closed (S04)', async (_what, lines, status) => {
    await start();
    const client = await rawClient(edge.port);
    client.send(Buffer.from(get('/', lines).replace('GET', 'POST') + NEXT, 'latin1'));
    const [response] = await client.waitFor(1);
    await client.closed();
    // 400 is also right where the parser itself refuses a coding.
    expect([status, 400]).toContain(response?.status);
    expect(client.responses()).toHaveLength(1);
    expect(upstream.connections()).toBe(0);
  });

  it('Transfer-Encoding on HTTP/1.0 is refused (S04, RFC 9112 §6.1)', async () => {
    await start();
    const request = get('/', 'Transfer-Encoding: chunked\r\n').replace('HTTP/1.1', 'HTTP/1.0');
    expect((await exchange(edge.port, `${request}0\r\n\r\n`)).status).toBe(411);
    expect(upstream.connections()).toBe(0);
  });

  it.each(['GET / HTTP/2.0', 'GET / HTTP/1.2', 'GET /', 'GET / HTTP/0.9'])(
    'the request line `%s` is refused',
    async (line) => {
      await start();
      const response = await exchange(edge.port, `${line}\r\nHost: gw.test\r\n\r\n`);
      expect(response.status).toBe(400);
      expect(header(response, 'content-type')).toBe('application/problem+json');
    },
  );

  it('an unknown expectation is 417 (S09)', async () => {
    await start();
    const response = await exchange(edge.port, get('/', 'Expect: magic\r\nContent-Length: 2\r\n'));
    expect(response.status).toBe(417);
    expect(upstream.connections()).toBe(0);
  });

  it('bytes that are no HTTP is 400', async () => {
    await start();
    expect((await exchange(edge.port, '\x16\x03\x01\x02\x00\x01\r\n\r\n')).status).toBe(400);
    expect(edge.records[0]).toMatchObject({ status: 400, reason: 'bad_request', method: '' });
  });
});

describe('a body', () => {
  it.each(['GET', 'DELETE', 'OPTIONS', 'POST', 'PUT', 'PATCH'])(
    'of a chunked %s is one upstream request (S05)',
    async (method) => {
      await start();
      const body = `${NEXT.length.toString(16)}\r\n${NEXT}\r\n0\r\n\r\n`;
      await exchange(edge.port, get('/', 'Transfer-Encoding: chunked\r\n').replace('GET', method) + body);
      expect(upstream.seen.map(({ requestLine, body: seen }) => [requestLine, seen])).toEqual([
        [`${method} / HTTP/1.1`, NEXT],
      ]);
    },
  );

  it.each(['GET', 'DELETE', 'POST'])(
    'of a %s with Content-Length is one upstream request (S05)',
    async (method) => {
      await start();
      const head = get('/', `Content-Length: ${NEXT.length}\r\n`).replace('GET', method);
      await exchange(edge.port, head + NEXT);
      expect(upstream.seen.map(({ requestLine, body: seen }) => [requestLine, seen])).toEqual([
        [`${method} / HTTP/1.1`, NEXT],
      ]);
    },
  );

  it('of a refused request is never parsed as the next one, small or chunked (S06)', async () => {
    await start();
    for (const [lines, body] of [
      [`Content-Length: ${NEXT.length}\r\n`, NEXT],
      ['Transfer-Encoding: chunked\r\n', `${NEXT.length.toString(16)}\r\n${NEXT}\r\n0\r\n\r\n`],
    ] as const) {
      const client = await rawClient(edge.port);
      client.send(`POST / HTTP/1.1\r\nHost: gw.test\r\n${lines}\r\n${body}`);
      const [response] = await client.waitFor(1);
      expect(response?.status).toBe(401);
      client.close();
    }
    expect(edge.records.map(({ path }) => path)).toEqual(['/', '/']);
    expect(upstream.connections()).toBe(0);
  });

  it('of a refused request keeps the connection where it is small (S06)', async () => {
    await start();
    const client = await rawClient(edge.port);
    client.send('POST / HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 2\r\n\r\nhi');
    await client.waitFor(1);
    client.send(get('/after'));
    const [, second] = await client.waitFor(2);
    expect(second?.status).toBe(200);
    client.close();
  });

  it('of 100 MB to a 401 is not read (D03)', async () => {
    await start();
    const client = await rawClient(edge.port);
    client.send('POST / HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 100000000\r\n\r\n');
    const [response] = await client.waitFor(1);
    expect(response?.status).toBe(401);
    expect(response === undefined ? '' : header(response, 'connection')).toBe('close');
    let sent = 0;
    const piece = Buffer.alloc(64 * 1024);
    while (!client.socket.destroyed && sent < 100_000_000) {
      sent += piece.length;
      if (!client.socket.write(piece))
        await new Promise((resolve) => client.socket.once('drain', resolve).once('close', resolve));
    }
    await client.closed();
    expect(sent).toBeLessThan(50_000_000);
  });

  it('awaited with Expect is not asked for before the token is checked (S09)', async () => {
    await start();
    const response = await exchange(
      edge.port,
      'POST / HTTP/1.1\r\nHost: gw.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
    );
    expect(response.status).toBe(401);
    expect(header(response, 'connection')).toBe('close');
  });

  it.each([
    ['a broken chunk', '5\r\nhello!!\r\n'],
    ['a chunk size that is none', 'zz\r\n'],
  ])('with %s after its head went out destroys the upstream request (S07)', async (_what, rest) => {
    await start();
    const client = await rawClient(edge.port);
    client.send(`${get('/', 'Transfer-Encoding: chunked\r\n').replace('GET', 'POST')}3\r\nabc\r\n`);
    await expect.poll(() => upstream.bytes()).toContain('abc');
    client.send(rest);
    await client.closed();
    await expect.poll(() => upstream.openConnections()).toBe(0);
    expect(upstream.seen).toHaveLength(0);
  });

  it('cut by the client destroys the upstream request (S07, U05)', async () => {
    await start();
    const client = await rawClient(edge.port);
    client.send(`${get('/', 'Content-Length: 10\r\n').replace('GET', 'POST')}abc`);
    await expect.poll(() => upstream.bytes()).toContain('abc');
    client.close();
    await expect.poll(() => upstream.openConnections()).toBe(0);
    await expect.poll(() => edge.records[0]?.reason).toBe('client_closed');
  });

  it('answered before its end leaves no connection behind that others would use (S08)', async () => {
    await start();
    await upstream.close();
    await edge.close();
    // Answers as soon as it has the head, without waiting for the body.
    await startEarlyAnswer();
    const client = await rawClient(edge.port);
    client.send(`${get('/first', 'Content-Length: 10\r\n').replace('GET', 'POST')}abc`);
    expect((await client.waitFor(1))[0]?.body).toBe('early');
    const other = await exchange(edge.port, get('/second'));
    expect(other.body).toBe('early');
    client.close();
  });
});

async function startEarlyAnswer(): Promise<void> {
  const { createServer } = await import('node:net');
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly'));
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  await startWith({ upstreams: [httpUpstream(`http://127.0.0.1:${port}`)] });
  server.unref();
}

describe('two pipelined requests', () => {
  it('are answered in order', async () => {
    await start((request, socket) => {
      const body = request.requestLine.split(' ')[1] ?? '';
      const answer = () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      setTimeout(answer, body === '/1' ? 50 : 0);
    });
    const client = await rawClient(edge.port);
    client.send(get('/1') + get('/2'));
    expect((await client.waitFor(2)).map(({ body }) => body)).toEqual(['/1', '/2']);
    client.close();
  });
});

describe('an upstream connection', () => {
  it('is kept for the next request', async () => {
    await start();
    await exchange(edge.port, get('/1'));
    await exchange(edge.port, get('/2'));
    expect(upstream.connections()).toBe(1);
  });

  it('with bytes after the response is not used again (S08)', async () => {
    await start(
      (_request, socket) => void socket.write(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`),
    );
    expect((await exchange(edge.port, get('/1'))).body).toBe('ok');
    expect((await exchange(edge.port, get('/2'))).body).toBe('ok');
    expect(upstream.connections()).toBe(2);
    expect(headerOf(upstream.seen[1], 'x-jwt-assertion')).toHaveLength(1);
  });
});
