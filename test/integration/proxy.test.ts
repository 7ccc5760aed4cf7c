import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { AssertionPolicy } from '../../src/core/assertion.ts';
import { ECHO, GOOD_TOKEN, get, MINTED, route } from '../support/edge.ts';
import { edgePerTest } from '../support/edge-per-test.ts';
import { ASSERTION_POLICY } from '../support/policy.ts';
import { exchange, header, rawClient } from '../support/raw-client.ts';
import { headerOf } from '../support/upstream.ts';

const { edge, upstream, start } = edgePerTest();

describe('a forwarded request', () => {
  it.each(['GET', 'POST', 'HEAD'])('carries the assertion: %s (AST-S02)', async (method) => {
    await start();
    const body = method === 'POST' ? 'hello' : '';
    const lines = `Connection: close\r\n${body === '' ? '' : `Content-Length: ${body.length}\r\n`}`;
    const client = await rawClient(edge.port);
    client.send(get('/', lines).replace('GET', method) + body);
    await client.closed();
    expect(headerOf(upstream.seen[0], 'x-jwt-assertion')).toEqual([MINTED]);
    expect(upstream.seen[0]?.body).toBe(body);
  });

  it('carries it under exactly this name, as the last header before the framing (AST-S04)', async () => {
    await start();
    await exchange(edge.port, get('/a?b=c'));
    expect(upstream.seen[0]?.requestLine).toBe('GET /a?b=c HTTP/1.1');
    expect(upstream.seen[0]?.headers.at(-1)).toEqual(['X-JWT-Assertion', MINTED]);
  });

  it('carries it under a configured name (AST-S05)', async () => {
    const assertion: AssertionPolicy = { ...ASSERTION_POLICY, header: 'X-Identity' };
    await start({ routes: [route({ assertion })], ownedHeaders: ['X-Identity'] });
    await exchange(edge.port, get('/'));
    expect(upstream.seen[0]?.headers.at(-1)).toEqual(['X-Identity', MINTED]);
  });

  it('keeps its body and its other headers to the byte (AST-S57)', async () => {
    await start();
    const body = randomBytes(1024 * 1024);
    const own = Array.from({ length: 10 }, (_unused, index) => [
      `X-Own-${index}`,
      `Value "${index}" \xe9, ;=`,
    ]);
    const lines = own.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const head = get('/', `${lines}Content-Length: ${body.length}\r\n`).replace('GET', 'POST');
    const client = await rawClient(edge.port);
    client.send(Buffer.concat([Buffer.from(head, 'latin1'), body]));
    expect((await client.waitFor(1))[0]?.status).toBe(200);
    client.close();
    const [seen] = upstream.seen;
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(digest(Buffer.from(seen?.body ?? '', 'latin1'))).toBe(digest(body));
    expect(seen?.headers.filter(([name]) => name.startsWith('X-Own-'))).toEqual(own);
  });

  it('names the gateway in Via (RFC 9110 §7.6.3)', async () => {
    await start();
    await exchange(edge.port, get('/', 'Via: 1.1 cdn\r\n'));
    expect(headerOf(upstream.seen[0], 'via')).toEqual(['1.1 cdn', '1.1 countersign']);
  });

  it('without a token on a public route carries no assertion (AST-C47)', async () => {
    await start({ routes: [route({ auth: 'none', realms: [], tokenLocations: [] })] });
    await exchange(edge.port, 'GET /public HTTP/1.1\r\nHost: gw.test\r\n\r\n');
    expect(headerOf(upstream.seen[0], 'x-jwt-assertion')).toEqual([]);
  });

  it('awaiting a 100 gets it once the token is accepted (S09)', async () => {
    await start();
    const client = await rawClient(edge.port);
    client.send(get('/', 'Expect: 100-continue\r\nContent-Length: 4\r\n').replace('GET', 'POST'));
    expect((await client.waitFor(1))[0]?.status).toBe(100);
    client.send('body');
    expect((await client.waitFor(2))[1]?.status).toBe(200);
    expect(upstream.seen[0]?.body).toBe('body');
    client.close();
  });

  it('over HTTP/1.0 without Host is served', async () => {
    await start();
    const client = await rawClient(edge.port);
    client.send(`GET / HTTP/1.0\r\nAuthorization: Bearer ${GOOD_TOKEN}\r\n\r\n`);
    await client.closed();
    expect(client.received()).toMatch(/^HTTP\/1\.1 200/);
  });
});

const ROUTES = [
  route({ name: 'root', pathPrefix: '/' }),
  route({ name: 'app', pathPrefix: '/app' }),
  route({ name: 'app-v1', pathPrefix: '/app/v1', stripPrefix: true }),
  route({ name: 'reader', pathPrefix: '/docs', methods: ['GET'] }),
  route({ name: 'writer', pathPrefix: '/docs', methods: ['POST', 'PUT'], stripPrefix: true }),
  route({ name: 'site', hosts: ['site.test'], pathPrefix: '/' }),
  route({ name: 'site-api', hosts: ['site.test'], pathPrefix: '/api', stripPrefix: true }),
  route({ name: 'wild', hosts: ['*.wild.test'], pathPrefix: '/x' }),
];

/** Method, host, target → route and target for the upstream, or the status of a refusal. */
const CASES: readonly [string, string, string, string, string | number][] = [
  ['GET', 'gw.test', '/', 'root', '/'],
  ['GET', 'gw.test', '/other', 'root', '/other'],
  ['GET', 'gw.test', '/application', 'root', '/application'],
  ['GET', 'gw.test', '/app', 'app', '/app'],
  ['GET', 'gw.test', '/app/', 'app', '/app/'],
  ['GET', 'gw.test', '/app/v2', 'app', '/app/v2'],
  ['GET', 'gw.test', '/app/v10', 'app', '/app/v10'],
  ['GET', 'gw.test', '/app/v1', 'app-v1', '/'],
  ['GET', 'gw.test', '/app/v1/', 'app-v1', '/'],
  ['GET', 'gw.test', '/app/v1?q=1', 'app-v1', '/?q=1'],
  ['GET', 'gw.test', '/app/v1/a/b?q=/app/v1', 'app-v1', '/a/b?q=/app/v1'],
  ['GET', 'gw.test', '/app/v1/%7Ea', 'app-v1', '/~a'],
  ['GET', 'gw.test', '/App', 'root', '/App'],
  ['GET', 'gw.test', '/docs', 'reader', '/docs'],
  ['GET', 'gw.test', '/docs/1', 'reader', '/docs/1'],
  ['POST', 'gw.test', '/docs/1', 'writer', '/1'],
  ['PUT', 'gw.test', '/docs', 'writer', '/'],
  ['DELETE', 'gw.test', '/docs/1', '', 405],
  ['OPTIONS', 'gw.test', '/docs/1', '', 405],
  ['GET', 'site.test', '/', 'site', '/'],
  ['GET', 'SITE.test:8080', '/a', 'site', '/a'],
  ['GET', 'site.test.', '/a', 'site', '/a'],
  ['GET', 'site.test', '/api/x', 'site-api', '/x'],
  ['GET', 'site.test', '/apix', 'site', '/apix'],
  ['GET', 'site.test', '/app/v1', 'site', '/app/v1'],
  ['GET', 'a.wild.test', '/x/y', 'wild', '/x/y'],
  ['GET', 'a.b.wild.test', '/x', 'wild', '/x'],
  ['GET', 'wild.test', '/x', 'root', '/x'],
  ['GET', 'a.wild.test', '/y', 'root', '/y'],
  ['PATCH', 'gw.test', '/app/v1/a', 'app-v1', '/a'],
];

describe('routing', () => {
  it.each(CASES)('%s %s%s leads to %s as %s (GW-C03)', async (method, host, target, name, outcome) => {
    await start({ routes: ROUTES });
    const request = get(target, 'Content-Length: 0\r\n').replace('GET', method).replace('gw.test', host);
    const response = await exchange(edge.port, request);
    if (typeof outcome === 'number') {
      expect(response.status).toBe(outcome);
      expect(header(response, 'allow')).toBe('GET, POST, PUT, HEAD');
      return;
    }
    expect(upstream.seen[0]?.requestLine).toBe(`${method} ${outcome} HTTP/1.1`);
    expect(edge.records[0]?.route).toBe(name);
  });

  it('without a route is a 404 in JSON (GW-C03)', async () => {
    await start({ routes: [route({ pathPrefix: '/only' })] });
    const response = await exchange(edge.port, get('/other'));
    expect(response.status).toBe(404);
    expect(JSON.parse(response.body)).toMatchObject({ code: 'route_not_found', status: 404 });
  });
});

describe('a refusal', () => {
  it('is a problem with challenge, request id and no-store (FJR-S34)', async () => {
    await start();
    const response = await exchange(
      edge.port,
      'GET / HTTP/1.1\r\nHost: gw.test\r\nX-Request-Id: my-id.1\r\n\r\n',
    );
    expect(response.status).toBe(401);
    expect(header(response, 'www-authenticate')).toBe('Bearer realm="countersign"');
    expect(header(response, 'content-type')).toBe('application/problem+json');
    expect(header(response, 'cache-control')).toBe('no-store');
    expect(header(response, 'x-request-id')).toBe('my-id.1');
    expect(JSON.parse(response.body)).toEqual({
      type: 'urn:countersign:error:no_token',
      title: 'A Bearer token is required',
      status: 401,
      code: 'no_token',
      instance: 'my-id.1',
    });
  });

  it('of a bad token says invalid_token and keeps the connection (FJR-S34)', async () => {
    await start();
    const client = await rawClient(edge.port);
    client.send('GET / HTTP/1.1\r\nHost: gw.test\r\nAuthorization: Bearer bad\r\n\r\n');
    const [first] = await client.waitFor(1);
    expect(first === undefined ? '' : header(first, 'www-authenticate')).toContain('error="invalid_token"');
    client.send(get('/'));
    expect((await client.waitFor(2))[1]?.status).toBe(200);
    client.close();
  });
});

describe('a request id', () => {
  it.each(['a b', 'x'.repeat(65), 'ä', '"><script>', ''])(
    'that could do harm is replaced: %j (O05)',
    async (id) => {
      await start();
      const response = await exchange(edge.port, Buffer.from(get('/', `X-Request-Id: ${id}\r\n`)));
      const given = header(response, 'x-request-id') ?? '';
      expect(given).toMatch(/^[0-9a-f-]{36}$/);
      expect(headerOf(upstream.seen[0], 'x-request-id')).toEqual([given]);
    },
  );
});

describe('the access record', () => {
  it('says who asked what, and how it went', async () => {
    await start();
    await exchange(edge.port, get('/a?secret=1'));
    await expect.poll(() => edge.records.length).toBe(1);
    expect(edge.records[0]).toMatchObject({
      method: 'GET',
      path: '/a',
      status: 200,
      verdict: 'allow',
      reason: null,
      route: 'app',
      realm: 'fusion',
      user: 'test-fusion',
      upstream: 'app',
      clientAddress: '127.0.0.1',
      responseBytes: 2,
    });
  });

  it('of shadow mode names the refusal that was not carried out', async () => {
    await start({ routes: [route({ mode: 'shadow' })] });
    const response = await exchange(edge.port, 'GET / HTTP/1.1\r\nHost: gw.test\r\n\r\n');
    expect(response.status).toBe(200);
    expect(edge.records[0]).toMatchObject({ status: 200, verdict: 'shadow_deny', reason: 'no_token' });
    expect(headerOf(upstream.seen[0], 'x-jwt-assertion')).toEqual([]);
  });
});

describe('published keys', () => {
  const keys = {
    jwks: () => ({ body: '{"keys":[]}', etag: '"v1"' }),
    pem: () => '-----BEGIN PUBLIC KEY-----\n',
  };

  it.each(['/.well-known/jwks.json', '/jwks'])('are served at %s before any route', async (path) => {
    await start({ keys });
    const response = await exchange(edge.port, `GET ${path} HTTP/1.1\r\nHost: gw.test\r\n\r\n`);
    expect(response).toMatchObject({ status: 200, body: '{"keys":[]}' });
    expect(header(response, 'cache-control')).toBe('public, max-age=300');
    expect(header(response, 'etag')).toBe('"v1"');
    expect(header(response, 'access-control-allow-origin')).toBe('*');
  });

  it.each(['"v1"', 'W/"v1"', '"v0", "v1"', '*'])('are 304 to If-None-Match %s', async (tag) => {
    await start({ keys });
    const request = `GET /jwks HTTP/1.1\r\nHost: gw.test\r\nIf-None-Match: ${tag}\r\n\r\n`;
    expect((await exchange(edge.port, request)).status).toBe(304);
  });

  it('are served as PEM', async () => {
    await start({ keys });
    const response = await exchange(edge.port, 'GET /.well-known/jwks.pem HTTP/1.1\r\nHost: gw.test\r\n\r\n');
    expect(response.body).toContain('BEGIN PUBLIC KEY');
  });

  it('are an ordinary path where they are not published', async () => {
    await start();
    expect((await exchange(edge.port, 'GET /jwks HTTP/1.1\r\nHost: gw.test\r\n\r\n')).status).toBe(401);
  });

  it('are an ordinary path to other methods', async () => {
    await start({ keys });
    const post = 'POST /jwks HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 0\r\n\r\n';
    expect((await exchange(edge.port, post)).status).toBe(401);
  });
});

describe('builtin:echo', () => {
  it('shows what a backend gets, the assertion decoded', async () => {
    const value = `${btoa('{"alg":"RS256"}')}.${btoa('{"sub":"alice"}')}.sig`;
    const minter = { mint: () => ({ header: 'X-JWT-Assertion', value, kid: null, expiresAtMs: Infinity }) };
    await start({ upstreams: [ECHO], minter });
    const response = await exchange(
      edge.port,
      `${get('/x?y', 'Content-Length: 2\r\n').replace('GET', 'POST')}hi`,
    );
    const shown = JSON.parse(response.body);
    expect(shown).toMatchObject({ method: 'POST', url: '/x?y', body: { bytes: 2, text: 'hi' } });
    expect(shown.assertion).toEqual({ header: { alg: 'RS256' }, payload: { sub: 'alice' } });
    expect(shown.headers).toContainEqual(['X-JWT-Assertion', value]);
  });

  it('answers HEAD without a body, and an upgrade with a plain response', async () => {
    await start({ upstreams: [ECHO] });
    const client = await rawClient(edge.port);
    client.send(get('/', 'Connection: close\r\n').replace('GET', 'HEAD'));
    await client.closed();
    expect(client.received()).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n$/);
    const lines =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
    expect((await exchange(edge.port, get('/', lines))).status).toBe(200);
  });
});
