import { afterEach, describe, expect, it } from 'vitest';
import { createOpsListener, type Readiness } from '../../src/http/ops.ts';
import type { Listener } from '../../src/http/server.ts';
import { LIMITS } from '../support/edge.ts';
import { exchange, header } from '../support/raw-client.ts';

const READY: Readiness = { isReady: true, causes: [], unsignedRealms: [], keySets: [] };

let listener: Listener;

async function start(readiness: Readiness = READY): Promise<number> {
  listener = createOpsListener({
    bind: { host: '127.0.0.1', port: 0 },
    limits: LIMITS,
    randomId: () => 'id',
    clock: Date.now,
    readiness: () => readiness,
    metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' }),
    keys: () => ({ jwks: () => ({ body: '{"keys":[]}', etag: '"v1"' }), pem: () => 'pem' }),
  });
  const { port } = await listener.start();
  return port;
}

function ask(port: number, path: string, method = 'GET', host = 'localhost'): ReturnType<typeof exchange> {
  return exchange(port, `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
}

afterEach(() => listener.close(0));

describe('ops listener', () => {
  it('answers /healthz 200 whenever the loop runs, ready or not (GW-C09, A04)', async () => {
    const port = await start({ ...READY, isReady: false, causes: ['keys of realm fusion'] });
    expect(await ask(port, '/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
  });

  it('answers /readyz 200 when ready (GW-C09)', async () => {
    const response = await ask(await start({ ...READY, unsignedRealms: ['open'] }), '/readyz');
    expect(response.status).toBe(200);
    expect(JSON.parse(response.body)).toEqual({
      status: 'ready',
      causes: [],
      unsigned_realms: ['open'],
      key_sets: [],
    });
  });

  it('answers /readyz 503 with the causes while not ready (GW-C09)', async () => {
    const response = await ask(
      await start({ ...READY, isReady: false, causes: ['keys of realm fusion'] }),
      '/readyz',
    );
    expect(response.status).toBe(503);
    expect(JSON.parse(response.body)).toMatchObject({
      status: 'not_ready',
      causes: ['keys of realm fusion'],
    });
  });

  it('answers /metrics in the type of the exposition', async () => {
    const response = await ask(await start(), '/metrics');
    expect(response).toMatchObject({ status: 200, body: 'up 1\n' });
    expect(header(response, 'content-type')).toBe('text/plain; version=0.0.4');
  });

  it('publishes the keys too', async () => {
    expect((await ask(await start(), '/.well-known/jwks.json')).body).toBe('{"keys":[]}');
  });

  it('answers 404 to other paths, 405 to other methods', async () => {
    const port = await start();
    expect((await ask(port, '/')).status).toBe(404);
    expect((await ask(port, '/healthz/../metrics')).status).toBe(404);
    const post = await ask(port, '/healthz', 'POST');
    expect(post.status).toBe(405);
    expect(header(post, 'allow')).toBe('GET, HEAD');
  });

  it.each(['evil.test', 'localhost.evil.test', '127.0.0.1.evil.test', ''])(
    'refuses Host %j, which a rebinding page would send (A03)',
    async (host) => {
      expect((await ask(await start(), '/metrics', 'GET', host)).status).toBe(400);
    },
  );

  it.each(['localhost', '127.0.0.1:9090', '[::1]:9090', 'LOCALHOST'])(
    'accepts Host %s (A03)',
    async (host) => {
      expect((await ask(await start(), '/healthz', 'GET', host)).status).toBe(200);
    },
  );

  it('ignores an upgrade', async () => {
    const port = await start();
    const request =
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    expect((await exchange(port, request)).status).toBe(200);
  });
});
