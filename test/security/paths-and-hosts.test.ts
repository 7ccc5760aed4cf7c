import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Edge, GOOD_TOKEN, httpUpstream, route, startEdge } from '../support/edge.ts';
import { hostilePath } from '../support/paths.ts';
import { exchange, header, rawClient } from '../support/raw-client.ts';
import { type RecordingUpstream, recordingUpstream } from '../support/upstream.ts';

/** The ways in which servers read a path before they choose a handler. */
const DECODERS: Record<string, (path: string) => string> = {
  raw: (path) => path,
  'decoded once': decodeOnce,
  'decoded, dots removed': (path) => removeDots(decodeOnce(path).replaceAll('\\', '/')),
  'parameters stripped': (path) => removeDots(path.replaceAll(/;[^/]*/g, '').replaceAll(/\/{2,}/g, '/')),
};

function decodeOnce(path: string): string {
  return path.replace(/%([0-9A-Fa-f]{2})/g, (_whole, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function removeDots(path: string): string {
  const kept: string[] = [];
  for (const segment of path.replaceAll(/\/{2,}/g, '/').split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
  }
  return kept.join('/') || '/';
}

function isAdmin(path: string): boolean {
  return /^\/admin(?:[/;]|$)/.test(path);
}

let edge: Edge;
let upstream: RecordingUpstream;

beforeAll(async () => {
  upstream = await recordingUpstream((request, socket) => {
    const path = request.requestLine.split(' ')[1]?.split('?')[0] ?? '';
    const reached = Object.entries(DECODERS).filter(([, decode]) => isAdmin(decode(path)));
    const body = reached.length === 0 ? 'public' : `ADMIN as ${reached.map(([name]) => name).join(', ')}`;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  edge = await startEdge({
    upstreams: [httpUpstream(upstream.url)],
    routes: [
      route({ name: 'admin', pathPrefix: '/admin', hosts: ['*'] }),
      route({ name: 'public', pathPrefix: '/', auth: 'none', realms: [], tokenLocations: [] }),
      route({ name: 'virtual', pathPrefix: '/', hosts: ['secret.test'] }),
    ],
  });
});

afterAll(async () => {
  await edge.close();
  await upstream.close();
});

const ADMIN_PATHS = [
  ...['/admin', '/admin/', '//admin', '/./admin', '/x/../admin', '/x/%2e%2e/admin', '/%61dmin', '/admin;x=1'],
  ...[
    '/x/..;/admin',
    '/admin%2f',
    '/admin%00',
    '/admin%20',
    '/admin\\',
    '/x/..\\admin',
    '/%5cadmin',
    '/admin%23',
  ],
  ...[
    '/admin#',
    '/admin?',
    '/%2561dmin',
    '/%c0%ae%c0%ae/admin',
    '/adm%69n%2f..%2fpublic',
    '/public%2f..%2fadmin',
  ],
  ...['/public/..%2fadmin', '/admin/..', '/;/admin', '/admin%3bx', '/ADMIN', '/admin.', '/x%2f..%2fadmin'],
];

describe('/admin without a token', () => {
  it.each(ADMIN_PATHS)(
    'is not reached as %s by any upstream decoder (P01, CVE-2021-29492, CVE-2019-9901)',
    async (path) => {
      const response = await exchange(edge.port, `GET ${path} HTTP/1.1\r\nHost: gw.test\r\n\r\n`);
      expect(response.body).not.toContain('ADMIN as');
      expect([200, 400, 401]).toContain(response.status);
    },
  );

  it('is not reached by random hostile paths (P01)', async () => {
    await fc.assert(
      fc.asyncProperty(hostilePath, async (path) => {
        const line = `GET ${Buffer.from(path).toString('latin1')} HTTP/1.1`;
        const response = await exchange(edge.port, Buffer.from(`${line}\r\nHost: gw.test\r\n\r\n`, 'latin1'));
        expect(response.body).not.toContain('ADMIN as');
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    '/secret?x=/public',
    '/admin?x=/public',
    '/admin#/public',
    '/public/../admin',
    '/admin/?/../public',
  ])('is matched on the path only: %s (P03)', async (path) => {
    const response = await exchange(edge.port, `GET ${path} HTTP/1.1\r\nHost: gw.test\r\n\r\n`);
    expect(response.body).not.toContain('ADMIN as');
  });
});

const AMBIGUOUS = [
  '/a%2fb',
  '/a%5cb',
  '/a\\b',
  '/a#b',
  '/a%00b',
  '/a%zz',
  '/a%',
  '/a/./b',
  '/a/../b',
  '/a/%2e%2e/b',
  '/a//b',
];

describe('a path', () => {
  it.each(AMBIGUOUS)('that is ambiguous is 400 with a problem: %s (P02)', async (path) => {
    const before = upstream.seen.length;
    const response = await exchange(edge.port, `GET ${path} HTTP/1.1\r\nHost: gw.test\r\n\r\n`);
    expect(response.status).toBe(400);
    expect(header(response, 'content-type')).toBe('application/problem+json');
    expect(upstream.seen).toHaveLength(before);
  });

  it('is forwarded in the bytes that were matched (P02, law 8)', async () => {
    const plain = fc.stringMatching(
      /^(?:\/[A-Za-z0-9\-_~!$&'()*+,=:@]{1,8}){1,4}(?:\?[A-Za-z0-9/?%]{0,8})?$/,
    );
    await fc.assert(
      fc.asyncProperty(plain, async (target) => {
        fc.pre(!isAdmin(target));
        const before = upstream.seen.length;
        await exchange(edge.port, `GET ${target} HTTP/1.1\r\nHost: gw.test\r\n\r\n`);
        expect(upstream.seen[before]?.requestLine).toBe(`GET ${target} HTTP/1.1`);
      }),
      { numRuns: 200 },
    );
  });
});

const FOREIGN = [
  ['//evil.test/x', [400]],
  ['http:evil.test', [400]],
  ['*', [400]],
  ['gw.test:80', [400]],
  ['http://user@gw.test/', [400]],
  ['http://evil.test/x', [400]],
  ['http://gw.test/x', [200]],
] as const;

describe('a request target', () => {
  it.each(FOREIGN)('%s never leads to another host (P04)', async (target, statuses) => {
    const before = upstream.seen.length;
    const response = await exchange(edge.port, `GET ${target} HTTP/1.1\r\nHost: gw.test\r\n\r\n`);
    expect(statuses).toContain(response.status);
    if (response.status === 200) expect(upstream.seen[before]?.requestLine).toBe('GET /x HTTP/1.1');
    else expect(upstream.seen).toHaveLength(before);
  });

  it('in absolute-form routes by its authority, also against a port in Host (P04)', async () => {
    const request = 'GET http://secret.test/x HTTP/1.1\r\nHost: secret.test\r\n\r\n';
    expect((await exchange(edge.port, request)).status).toBe(401);
    const conflict = 'GET http://gw.test/x HTTP/1.1\r\nHost: secret.test\r\n\r\n';
    expect((await exchange(edge.port, conflict)).status).toBe(400);
  });
});

const REFUSED_METHODS = [
  ['CONNECT', 'gw.test:443', 501],
  ['TRACE', '/', 501],
  ['FOO', '/', 501],
  ['get', '/', 501],
] as const;

describe('a method', () => {
  it.each(REFUSED_METHODS)(
    '%s is answered without the upstream (P04, P06)',
    async (method, target, status) => {
      const before = upstream.connections();
      const response = await exchange(edge.port, `${method} ${target} HTTP/1.1\r\nHost: gw.test\r\n\r\n`);
      expect(response.status).toBe(status);
      expect(upstream.connections()).toBe(before);
    },
  );

  it('OPTIONS * is answered locally', async () => {
    const before = upstream.seen.length;
    const response = await exchange(edge.port, 'OPTIONS * HTTP/1.1\r\nHost: gw.test\r\n\r\n');
    expect(response.status).toBe(204);
    expect(upstream.seen).toHaveLength(before);
  });

  it.each(['X-HTTP-Method-Override: GET', 'X-Method-Override: GET'])(
    'is not overridden by %s (P06)',
    async (line) => {
      const response = await exchange(
        edge.port,
        `POST /admin HTTP/1.1\r\nHost: gw.test\r\n${line}\r\nContent-Length: 0\r\n\r\n`,
      );
      expect(response.status).toBe(401);
    },
  );

  it('HEAD of a protected route needs a token, and gets no body (P06, H09)', async () => {
    const client = await rawClient(edge.port);
    client.send('HEAD /admin HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n');
    await client.closed();
    expect(client.received()).toMatch(/^HTTP\/1\.1 401 [\s\S]*\r\n\r\n$/);
  });
});

const BAD_HOSTS = [
  '',
  'a b',
  'a/b',
  'a@b',
  'a:b',
  'a:99999',
  '[::1',
  'a..b',
  '.',
  'ex%41mple.com',
  '[fe80::1%25eth0]',
];

describe('Host', () => {
  it.each(BAD_HOSTS)('that is malformed is 400: %j (P05)', async (host) => {
    const response = await exchange(edge.port, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(response.status).toBe(400);
  });

  it('that is doubled or missing is 400 with a problem (P05)', async () => {
    const doubled = await exchange(edge.port, 'GET / HTTP/1.1\r\nHost: gw.test\r\nHost: secret.test\r\n\r\n');
    const missing = await exchange(edge.port, 'GET / HTTP/1.1\r\n\r\n');
    expect(JSON.parse(doubled.body)).toMatchObject({ status: 400, code: 'bad_host' });
    expect(JSON.parse(missing.body)).toMatchObject({ status: 400, code: 'bad_host' });
  });

  it.each(['SECRET.test', 'secret.TEST:8080', 'secret.test.'])(
    'selects the route in any spelling: %s (P05)',
    async (host) => {
      const response = await exchange(edge.port, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      expect(response.status).toBe(401);
    },
  );

  it('of the client goes to the upstream only by option', async () => {
    const own = await recordingUpstream();
    const keeping = await startEdge({
      upstreams: [httpUpstream(own.url)],
      routes: [route({ preserveHost: true })],
    });
    await exchange(
      keeping.port,
      `GET / HTTP/1.1\r\nHost: Site.test:81\r\nAuthorization: Bearer ${GOOD_TOKEN}\r\n\r\n`,
    );
    expect(own.seen[0]?.head).toContain('Host: Site.test:81');
    await keeping.close();
    await own.close();
  });
});
