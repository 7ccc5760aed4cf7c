import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CERT, KEY } from '../../support/certificates.ts';
import { compiledConfig, issuesOf, type TestConfigOptions, warningsOf } from '../../support/config.ts';

const read = (path: string) => readFileSync(join(import.meta.dirname, '../../..', path), 'utf8');
const SECRET = 'a-secret-that-is-long-enough-for-hs256';

describe('compileConfig() shipped files', () => {
  it('FJR-S01: compiles config/acceptance.yaml', () => {
    const { realms, routes, upstreams } = compiledConfig(read('config/acceptance.yaml'));
    expect(realms.map(({ name, issuer }) => `${name} ${issuer}`)).toEqual([
      'fusion fusion',
      'corp https://idp.test',
      'open unsigned-app',
    ]);
    expect(routes.routes.map(({ pathPrefix }) => pathPrefix)).toEqual([
      '/placeFinder/1.0.0',
      '/api/roles',
      '/public',
    ]);
    expect(upstreams.map(({ targets }) => targets)).toEqual([[{ url: 'http://127.0.0.1:9000' }]]);
  });

  it('compiles the demo, which listens on this machine only and warns about nothing but generated keys', () => {
    const files = { '/etc/data/demo-secret': SECRET };
    const demo = compiledConfig(read('config/countersign.yaml'), { files });
    expect(demo.listeners).toMatchObject({
      proxy: { bind: { host: '127.0.0.1', port: 8080 } },
      ops: { bind: { host: '127.0.0.1', port: 9090 } },
    });
    expect(demo.dataDir).toBe('/etc/data');
    expect(warningsOf(read('config/countersign.yaml'), { files })).toEqual([
      expect.stringMatching(/keys are generated in dataDir/),
    ]);
  });
});

describe('compileConfig() process', () => {
  const MINIMAL =
    'version: 1\nroutes: [{ name: home, match: { pathPrefix: / }, upstream: "builtin:echo", auth: none }]';

  it('has the defaults of the design', () => {
    expect(compiledConfig(MINIMAL)).toMatchObject({
      dataDir: '/etc/countersign/data',
      listeners: {
        proxy: { bind: { host: '0.0.0.0', port: 8080 } },
        ops: { bind: { host: '127.0.0.1', port: 9090 } },
      },
      limits: {
        headerBytes: 16_384,
        headerCount: 100,
        headersTimeoutMs: 10_000,
        requestTimeoutMs: 300_000,
        idleTimeoutMs: 60_000,
        connections: 10_000,
      },
      shutdownGraceMs: 30_000,
      trustedProxies: [],
      realms: [],
      tokenCacheMax: 0,
      assertion: null,
      observability: { logs: { format: 'json', level: 'info' }, metrics: { prefix: 'countersign_' } },
    });
  });

  const LISTENER_FILES = { files: { '/etc/countersign/cert.pem': CERT, '/etc/countersign/key.pem': KEY } };

  it('reads the certificate of the listener, and speaks TLS 1.2 or newer (GW-C13)', () => {
    const tls = 'tls: { certFile: cert.pem, keyFile: key.pem, clientCaFile: cert.pem }';
    const yaml = `${MINIMAL}\nlisteners: { proxy: { ${tls} } }`;
    expect(compiledConfig(yaml, LISTENER_FILES).listeners.proxy.tls).toEqual({
      certificate: CERT,
      privateKey: KEY,
      minVersion: 'TLSv1.2',
      clientAuthorities: CERT,
    });
  });

  it('warns where others may read the key of the listener (Y04)', () => {
    const yaml = `${MINIMAL}\nlisteners: { proxy: { tls: { certFile: cert.pem, keyFile: key.pem } } }`;
    const readableByOthers = ['/etc/countersign/key.pem'];
    expect(warningsOf(yaml, { ...LISTENER_FILES, readableByOthers })).toEqual([
      expect.stringMatching(/listeners\.proxy\.tls\.keyFile: other users/),
    ]);
  });

  it('watches its files unless told otherwise', () => {
    expect(compiledConfig(MINIMAL).watchesFiles).toBe(true);
    expect(compiledConfig(`${MINIMAL}\nreload: { watch: false }`).watchesFiles).toBe(false);
  });

  it.each([
    ['"[::1]:0"', { host: '::1', port: 0 }],
    ['"localhost:65535"', { host: 'localhost', port: 65_535 }],
  ])('A01: binds ops to %s', (bind, expected) => {
    expect(compiledConfig(`${MINIMAL}\nlisteners: { ops: { bind: ${bind} } }`).listeners.ops.bind).toEqual(
      expected,
    );
  });

  it.each(['"[::]:9090"', '"10.0.0.1:9090"', '"127.0.0.1:65536"', '"127.0.0.1"', '"999.0.0.1:1"', '":9090"'])(
    'A01: refuses to bind ops to %s',
    (bind) => {
      expect(issuesOf(`${MINIMAL}\nlisteners: { ops: { bind: ${bind} } }`)).toHaveLength(1);
    },
  );

  it('writes trusted proxies as ranges', () => {
    expect(
      compiledConfig(`${MINIMAL}\ntrustedProxies: [192.0.2.7, 10.0.0.0/8, "2001:db8::1"]`).trustedProxies,
    ).toEqual(['192.0.2.7/32', '10.0.0.0/8', '2001:db8::1/128']);
  });
});

describe('compileConfig() routes', () => {
  const route = (keys: string) =>
    compiledConfig(
      `version: 1\nrealms: [{ name: a, issuer: a, signingKey: { secret: "\${SECRET}" } }]\n` +
        `routes: [{ name: home, match: { pathPrefix: /home }, upstream: "builtin:echo", ${keys} }]`,
      { environment: { SECRET } },
    ).routes.routes[0];

  it('has the defaults of the design', () => {
    expect(route('')).toMatchObject({
      hosts: ['*'],
      methods: [],
      allowPath: [],
      auth: 'required',
      mode: 'enforce',
      stripPrefix: false,
      preserveHost: false,
      forwardAuthorization: false,
      require: { roles: { any: [], all: [] }, scopes: { any: [], all: [] }, claims: [] },
      application: { id: null, uuid: null, name: 'home', subscriber: null, claims: null },
      realms: [{ name: 'a' }],
    });
  });

  it('writes hosts as requests are compared with them (P05)', () => {
    const hosts = '["[0:0:0:0:0:0:0:1]", API.example.com, "*.Example.com", "*"]';
    const { routes } = compiledConfig(
      `version: 1\nroutes: [{ name: a, match: { hosts: ${hosts}, pathPrefix: / }, upstream: "builtin:echo", auth: none }]`,
    ).routes;
    expect(routes[0]?.hosts).toEqual(['[::1]', 'api.example.com', '*.example.com', '*']);
  });

  it('GW-C07: compiles requirements', () => {
    expect(
      route('require: { roles: { any: [x] }, scopes: { all: [s] }, claims: { dept: [a, 1], /x/y: true } }')
        ?.require,
    ).toEqual({
      roles: { any: ['x'], all: [] },
      scopes: { any: [], all: ['s'] },
      claims: [
        { path: { text: 'dept', segments: ['dept'] }, values: ['a', 1] },
        { path: { text: '/x/y', segments: ['x', 'y'] }, values: [true] },
      ],
    });
  });

  it('opens no realm on a route without authentication', () => {
    expect(route('auth: none')).toMatchObject({ realms: [], tokenLocations: [] });
  });
});

describe('compileConfig() upstreams', () => {
  const upstreams = (upstream: string, block = '', options: TestConfigOptions = {}) =>
    compiledConfig(
      `version: 1\n${block}\nroutes: [{ name: home, match: { pathPrefix: / }, upstream: ${upstream}, auth: none }]`,
      { files: { '/etc/countersign/ca.pem': CERT, '/etc/countersign/key.pem': KEY }, ...options },
    );

  it('names a URL by its origin, with the default timeouts', () => {
    const compiled = upstreams('"http://127.0.0.1:9000/"');
    expect(compiled.routes.routes[0]?.upstream).toBe('http://127.0.0.1:9000');
    expect(compiled.upstreams).toEqual([
      {
        name: 'http://127.0.0.1:9000',
        kind: 'http',
        targets: [{ url: 'http://127.0.0.1:9000' }],
        balance: 'roundRobin',
        health: null,
        timeouts: { connectMs: 5000, responseMs: 30_000, idleMs: 60_000 },
        retry: { attempts: 1, methods: new Set(['GET', 'HEAD']) },
        tls: { ca: null, serverName: null, client: null },
      },
    ]);
  });

  it('takes a unix socket', () => {
    expect(upstreams('"unix:/run/app.sock"').upstreams[0]?.targets).toEqual([{ url: 'unix:/run/app.sock' }]);
  });

  it('answers builtin:echo without targets', () => {
    expect(upstreams('"builtin:echo"').upstreams).toMatchObject([{ kind: 'builtin:echo', targets: [] }]);
  });

  it('takes an upstream written in the route', () => {
    const compiled = upstreams(
      '{ targets: ["https://h:1"], tls: { caFile: ca.pem, serverName: app }, timeouts: { connect: 1s } }',
    );
    expect(compiled.routes.routes[0]?.upstream).toBe('route:home');
    expect(compiled.upstreams).toMatchObject([
      { name: 'route:home', tls: { ca: CERT, serverName: 'app' }, timeouts: { connectMs: 1000 } },
    ]);
  });

  it('takes targets, health, retries and a client certificate', () => {
    const compiled = upstreams(
      `{ targets: ["https://a", "https://b:8443"], balance: leastRequests, retry: { attempts: 0, methods: [PUT] },
         health: { path: /health }, tls: { certFile: ca.pem, keyFile: key.pem } }`,
    );
    expect(compiled.upstreams[0]).toMatchObject({
      targets: [{ url: 'https://a' }, { url: 'https://b:8443' }],
      balance: 'leastRequests',
      retry: { attempts: 0, methods: new Set(['PUT']) },
      health: {
        path: '/health',
        intervalMs: 10_000,
        timeoutMs: 1000,
        unhealthyAfter: 2,
        healthyAfter: 2,
      },
      tls: { client: { certificate: CERT, privateKey: KEY } },
    });
  });

  it('warns about a client key that others may read', () => {
    const { warnings } = upstreams(
      '{ targets: ["https://a"], tls: { certFile: ca.pem, keyFile: key.pem } }',
      '',
      { readableByOthers: ['/etc/countersign/key.pem'] },
    );
    expect(warnings.map(({ path }) => path)).toContain('routes[0].upstream.tls.keyFile');
  });

  it('finds a named upstream', () => {
    const compiled = upstreams('places', 'upstreams: { places: { targets: ["http://h"] } }');
    expect(compiled.routes.routes[0]?.upstream).toBe('places');
    expect(compiled.upstreams).toHaveLength(1);
  });
});
