import { describe, expect, it } from 'vitest';
import { compiledConfig, issuesOf, type TestConfigOptions, warningsOf } from '../../support/config.ts';

const REALMS = 'realms: [{ name: a, issuer: a, audiences: [x], jwksUri: "https://idp.test/jwks" }]';
const route = (name: string, keys = '') =>
  `  - { name: ${name}, match: { pathPrefix: /${name} }, upstream: "builtin:echo"${keys === '' ? '' : `, ${keys}`} }`;

function compile(
  assertion: string,
  routes: readonly string[] = [route('home')],
  options: TestConfigOptions = {},
) {
  return compiledConfig(`version: 1\n${REALMS}\n${assertion}\nroutes:\n${routes.join('\n')}\n`, options);
}

const policies = (...given: Parameters<typeof compile>) =>
  compile(...given).routes.routes.map(({ assertion }) => assertion);

describe('compileConfig() assertion', () => {
  it('AST-S01: mints nothing without the block', () => {
    const compiled = compile('');
    expect(compiled.assertion).toBeNull();
    expect(compiled.routes.routes[0]?.assertion).toBeNull();
  });

  it('AST-S01: mints nothing where enabled is false', () => {
    expect(compile('assertion: { enabled: false }').assertion).toBeNull();
  });

  it('AST-S02: an empty block switches it on', () => {
    expect(policies('assertion: {}')).toEqual([expect.objectContaining({ profile: 'standard' })]);
  });

  it('AST-S03: enabled alone decides whether a route mints', () => {
    const [on, off] = policies('assertion: {}', [route('on'), route('off', 'assertion: { enabled: false }')]);
    expect([on === null, off === null]).toEqual([false, true]);
    expect(
      policies('assertion: { enabled: false }', [route('on', 'assertion: { enabled: true }')])[0],
    ).not.toBeNull();
  });

  it('has the defaults of the profile standard (AST-S04, S13, P15, S19)', () => {
    expect(policies('assertion: {}')[0]).toEqual({
      profile: 'standard',
      header: 'X-JWT-Assertion',
      dialect: 'http://wso2.org/claims',
      issuer: 'countersign',
      algorithm: 'RS256',
      ttlMs: 300_000,
      minRemainingMs: 30_000,
      audience: null,
      encoding: 'base64url',
      timeUnit: 'seconds',
      x5t: 'none',
      kid: true,
      standardClaims: 'basic',
      includeRealm: false,
      anonymous: false,
      maxBytes: 6144,
      onOversize: 'reject',
      userClaims: {
        retriever: null,
        selective: false,
        exclude: new Set(),
        convertDialect: true,
        multiValue: 'array',
        multiValueSeparator: ',,,',
      },
    });
  });

  it.each([
    [
      'wso2-appm',
      {
        issuer: 'wso2.org/products/appm',
        ttlMs: 900_000,
        encoding: 'base64',
        timeUnit: 'milliseconds',
        x5t: 'wso2-hex-upper',
        kid: false,
        userClaims: expect.objectContaining({ multiValue: 'join' }),
      },
    ],
    [
      'wso2-apim',
      {
        issuer: 'wso2.org/products/am',
        ttlMs: 900_000,
        encoding: 'base64',
        timeUnit: 'seconds',
        x5t: 'wso2-hex',
        kid: true,
        userClaims: expect.objectContaining({ multiValue: 'array' }),
      },
    ],
  ])('AST-P15, AST-S13: the profile %s has defaults of its own', (profile, expected) => {
    expect(policies(`assertion: { profile: ${profile} }`)[0]).toMatchObject(expected);
  });

  it('AST-P15: what is written wins over the profile', () => {
    expect(
      policies('assertion: { profile: wso2-appm, ttl: 2m, timeUnit: seconds, issuer: me }')[0],
    ).toMatchObject({
      ttlMs: 120_000,
      timeUnit: 'seconds',
      issuer: 'me',
      encoding: 'base64',
    });
  });

  it.each(['SHA256WITHRSA', 'SHA256withRSA', 'RS256', 'rs256'])('AST-S11: reads %s as RS256', (name) => {
    expect(policies(`assertion: { algorithm: ${name} }`)[0]?.algorithm).toBe('RS256');
  });

  it.each(['NONE', 'none', 'None'])('AST-S10, AST-S11: reads %s as unsigned, and warns', (name) => {
    const text = `version: 1\n${REALMS}\nassertion: { algorithm: ${name} }\nroutes:\n${route('home')}\n`;
    expect(compiledConfig(text).routes.routes[0]?.assertion?.algorithm).toBe('none');
    expect(compiledConfig(text).assertion?.algorithms).toEqual([]);
    expect(warningsOf(text)).toEqual([
      expect.stringMatching(/assertion.algorithm: assertions are not signed/),
    ]);
  });

  it('AST-P54: a route overrides single keys; the others stay', () => {
    const [plain, own] = policies(
      'assertion: { ttl: 2m, userClaims: { selective: true, exclude: [mobile] } }',
      [
        route('plain'),
        route(
          'own',
          'assertion: { header: X-Identity, dialect: "http://acme.org/c", userClaims: { selective: false } }',
        ),
      ],
    );
    expect(plain).toMatchObject({
      header: 'X-JWT-Assertion',
      ttlMs: 120_000,
      userClaims: { selective: true },
    });
    expect(own).toMatchObject({
      header: 'X-Identity',
      dialect: 'http://acme.org/c',
      ttlMs: 120_000,
      userClaims: { selective: false, exclude: new Set(['mobile']) },
    });
  });

  it('AST-P54: the profile of a route brings its defaults, but not over what the block says', () => {
    const [own] = policies('assertion: { ttl: 2m }', [route('own', 'assertion: { profile: wso2-apim }')]);
    expect(own).toMatchObject({ profile: 'wso2-apim', ttlMs: 120_000, issuer: 'wso2.org/products/am' });
  });

  it('AST-P54: null in a route brings back the default', () => {
    const [own] = policies('assertion: { audience: everybody }', [
      route('own', 'assertion: { audience: null }'),
    ]);
    expect(own?.audience).toBeNull();
  });

  it('routes without an override share one policy', () => {
    const [one, other] = policies('assertion: {}', [route('one'), route('other')]);
    expect(one).toBe(other);
  });

  it('AST-P53: auth none mints nothing', () => {
    expect(policies('assertion: {}', [route('open', 'auth: none')])).toEqual([null]);
  });

  it('AST-S05: owns every header that a route writes, and the default one always', () => {
    expect(compile('').ownedHeaders).toEqual(['X-JWT-Assertion']);
    const routes = [route('a'), route('b', 'assertion: { header: X-Other }')];
    expect(compile('assertion: { header: X-Identity }', routes).ownedHeaders).toEqual([
      'X-JWT-Assertion',
      'X-Identity',
      'X-Other',
    ]);
  });
});

describe('compileConfig() assertion keys', () => {
  it('AST-P42: reads keys and certificates from files', () => {
    const files = { '/etc/countersign/k1.pem': 'KEY 1', '/k2.pem': 'KEY 2', '/k2.crt': 'CERTIFICATE 2' };
    const { assertion } = compile(
      'assertion: { keys: [{ id: k1, privateKeyFile: k1.pem, state: retired }, { id: k2, privateKeyFile: /k2.pem, certificateFile: /k2.crt }] }',
      undefined,
      { files },
    );
    expect(assertion?.keys).toEqual([
      { id: 'k1', state: 'retired', privateKey: 'KEY 1', certificatePem: null },
      { id: 'k2', state: 'active', privateKey: 'KEY 2', certificatePem: 'CERTIFICATE 2' },
    ]);
  });

  it('names all algorithms that routes sign with, and the longest life', () => {
    const { assertion } = compile('assertion: {}', [
      route('a'),
      route('b', 'assertion: { algorithm: es256, ttl: 1h }'),
      route('c', 'assertion: { algorithm: NONE }'),
    ]);
    expect(assertion).toMatchObject({ algorithms: ['RS256', 'ES256'], longestTtlMs: 3_600_000, keys: null });
  });

  it('Y04: warns about a private key that others may read', () => {
    const warnings = warningsOf(
      `version: 1\n${REALMS}\nassertion: { keys: [{ id: k1, privateKeyFile: k1.pem }] }\nroutes:\n${route('home')}\n`,
      { files: { '/etc/countersign/k1.pem': 'KEY' }, readableByOthers: ['/etc/countersign/k1.pem'] },
    );
    expect(warnings).toEqual([
      expect.stringMatching(/keys\[0\].privateKeyFile: other users of this machine/),
    ]);
  });
});

describe('compileConfig() retriever', () => {
  const named = {
    name: 'x',
    retrieve: () => ({ dialect: null, claims: new Map(), order: 'natural' as const }),
  };

  it('AST-S17: none asks for no retriever', () => {
    const options = { retrieverFor: () => expect.unreachable() };
    expect(
      policies('assertion: { userClaims: { retriever: none } }', undefined, options)[0]?.userClaims.retriever,
    ).toBeNull();
  });

  it('AST-S24: equal specs share one retriever; the file is an absolute path', () => {
    const specs: unknown[] = [];
    const retrieverFor = (spec: unknown) => {
      specs.push(spec);
      return named;
    };
    const routes = [
      route('a'),
      route('b', 'assertion: { ttl: 1m }'),
      route('c', 'assertion: { userClaims: { retriever: token } }'),
    ];
    policies(
      'assertion: { userClaims: { retriever: { module: ./own.ts }, cache: { ttl: 1m, max: 5 } } }',
      routes,
      {
        retrieverFor,
      },
    );
    expect(specs).toEqual([
      { kind: 'module', file: '/etc/countersign/own.ts', cache: { ttlMs: 60_000, max: 5 } },
      { kind: 'token' },
    ]);
  });

  it('a retriever that cannot be had is an issue at its place', () => {
    const text = `version: 1\n${REALMS}\nassertion:\n  userClaims:\n    retriever: { module: ./own.ts }\nroutes:\n${route('home')}\n`;
    const retrieverFor = () => {
      throw new Error('it has no getClaims');
    };
    expect(issuesOf(text, { retrieverFor })).toEqual([
      '5:16 assertion.userClaims.retriever: cannot be used: it has no getClaims',
    ]);
  });
});
