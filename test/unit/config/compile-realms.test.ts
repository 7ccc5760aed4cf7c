import { describe, expect, it } from 'vitest';
import { ALGORITHMS } from '../../../src/core/realm.ts';
import { compiledConfig, issuesOf, type TestConfigOptions } from '../../support/config.ts';

const SECRET = 'a-secret-that-is-long-enough-for-hs256';
const ROUTES = 'routes: [{ name: home, match: { pathPrefix: / }, upstream: "builtin:echo" }]';

/** One realm `fusion`; `keys` is the rest of its flow map. */
function realm(keys: string, options: TestConfigOptions = {}) {
  const text = `version: 1\nrealms: [{ name: fusion, issuer: fusion, ${keys} }]\n${ROUTES}`;
  const compiled = compiledConfig(text, { environment: { SECRET }, ...options });
  return { realm: compiled.realms[0]!, keys: compiled.realmKeys.get('fusion')! };
}

const signed = 'signingKey: { secret: "${SECRET}" }';

describe('compileConfig() realms', () => {
  it('gives the defaults of the design', () => {
    expect(realm(signed).realm).toMatchObject({
      audiences: [],
      types: [],
      allowUnsigned: false,
      requireExpiration: true,
      requiredClaims: [],
      clockSkewMs: 60_000,
      maxAgeMs: null,
      iatUnit: 'auto',
      subjectClaim: { text: 'sub' },
      scopesClaim: { text: 'scope' },
      unmappedClaims: 'pass',
      tokenFrom: [{ kind: 'header', name: 'Authorization', scheme: 'Bearer', schemeCaseSensitive: true }],
    });
  });

  it('FJR-S19: ignores extra white space between roles', () => {
    const { rolesOfGroup } = realm(
      `${signed}, claims: { groups: groups }, roles: { mapping: { group-one: "search-user   developer " } }`,
    ).realm;
    expect(rolesOfGroup.get('group-one')).toEqual(['search-user', 'developer']);
  });

  it('FJR-S18: reads roles as a list or as a text', () => {
    const { rolesOfGroup, defaultRoles } = realm(
      `${signed}, claims: { groups: groups }, roles: { default: a b, mapping: { x: [c, d e] } }`,
    ).realm;
    expect(defaultRoles).toEqual(['a', 'b']);
    expect(rolesOfGroup.get('x')).toEqual(['c', 'd e']);
  });

  it('FJR-P41: needs no groups claim; then there are the default roles only', () => {
    const { groupsClaim, defaultRoles } = realm(`${signed}, roles: { default: [authenticated] }`).realm;
    expect(groupsClaim).toBeNull();
    expect(defaultRoles).toEqual(['authenticated']);
  });

  it('FJR-S15: reads claim paths as literal names, or as JSON pointers', () => {
    const { subjectClaim, groupsClaim } = realm(
      `${signed}, claims: { subject: /user/na~1me, groups: realm.roles }`,
    ).realm;
    expect(subjectClaim.segments).toEqual(['user', 'na/me']);
    expect(groupsClaim?.segments).toEqual(['realm.roles']);
  });

  it('keeps types in lower case without application/', () => {
    expect(realm(`${signed}, types: [application/AT+JWT, JWT]`).realm.types).toEqual(['at+jwt', 'jwt']);
  });
});

describe('compileConfig() keys', () => {
  it('FJR-S05: takes the UTF-8 bytes of a secret, HS256 by default', () => {
    const { realm: compiled, keys } = realm(signed);
    expect(keys.signingKey).toEqual({
      kind: 'secret',
      bytes: new TextEncoder().encode(SECRET),
      kid: null,
      allowWeakSecret: false,
    });
    expect(compiled.algorithms).toEqual(['HS256']);
    expect(keys.algorithms).toBeNull();
  });

  it.each([
    ['ZnVzaW9uLXNlY3JldA==', 'fusion-secret'],
    ['ZnVzaW9uLXNlY3JldA', 'fusion-secret'],
    ['-_-_', '\u00fb\u00ff\u00bf'],
    ['+/+/', '\u00fb\u00ff\u00bf'],
  ])('FJR-P35: decodes secretBase64 %s', (text, bytes) => {
    const { signingKey } = realm(`signingKey: { secretBase64: "${text}", allowWeakSecret: true }`).keys;
    expect(signingKey).toMatchObject({ kind: 'secret', bytes: new Uint8Array(Buffer.from(bytes, 'latin1')) });
  });

  it('FJR-P35: takes base64 given as secret for the text that it is', () => {
    const { signingKey } = realm('signingKey: { secret: ZnVzaW9uLXNlY3JldA==, allowWeakSecret: true }').keys;
    expect(signingKey).toMatchObject({ bytes: new TextEncoder().encode('ZnVzaW9uLXNlY3JldA==') });
  });

  it('FJR-P36: refuses a short secret, naming RFC 7518 §3.2, and takes it when allowed', () => {
    const short = (allow: boolean) =>
      `version: 1\nrealms: [{ name: a, issuer: a, signingKey: { secret: fusion-secret, allowWeakSecret: ${allow} } }]\n${ROUTES}`;
    expect(issuesOf(short(false))).toEqual([
      expect.stringMatching(/^2:\d+ realms\[0\].signingKey.secret: .*RFC 7518 §3\.2/),
    ]);
    expect(issuesOf(short(true))).toEqual([]);
  });

  it.each([
    [31, 1],
    [32, 0],
  ])('J22: a secret of %i bytes for HS256 has %i issues', (bytes, issues) => {
    const text = `version: 1\nrealms: [{ name: a, issuer: a, signingKey: { secret: ${'x'.repeat(bytes)} } }]\n${ROUTES}`;
    expect(issuesOf(text)).toHaveLength(issues);
  });

  it('reads a secret from a file beside the configuration, without the final line break', () => {
    const { signingKey } = realm('signingKey: { secret: { file: keys/demo } }', {
      files: { '/etc/countersign/keys/demo': `${SECRET}\r\n` },
    }).keys;
    expect(signingKey).toMatchObject({ bytes: new TextEncoder().encode(SECRET) });
  });

  it('refuses a secret file that is no UTF-8 text: its bytes would be another secret', () => {
    const text = `version: 1\nrealms: [{ name: a, issuer: a, signingKey: { secret: { file: /s } } }]\n${ROUTES}`;
    expect(issuesOf(text, { files: { '/s': new Uint8Array(32).fill(0xff) } })).toEqual([
      expect.stringMatching(/secret\.file: the file is no UTF-8 text/),
    ]);
  });

  it('FJR-P37: hands on PEM and JWK, with all asymmetric algorithms by default', () => {
    const files = { '/keys/acme.pem': 'PEM' };
    const pem = realm('signingKey: { pemFile: /keys/acme.pem, kid: one }', { files });
    expect(pem.keys.signingKey).toEqual({ kind: 'pem', text: 'PEM', kid: 'one' });
    expect(pem.realm.algorithms).toEqual(ALGORITHMS.filter((algorithm) => !algorithm.startsWith('HS')));
    const jwk = realm('signingKey: { jwk: { kty: RSA, n: AQ, e: AQAB }, kid: one }');
    expect(jwk.keys.signingKey).toMatchObject({ kind: 'jwk', jwk: { kty: 'RSA', kid: 'one' }, kid: 'one' });
  });

  it('FJR-P38: compiles how the key set is fetched', () => {
    const files = { '/etc/countersign/ca.pem': 'CA' };
    const { keys } = realm(
      'jwksUri: "https://idp.test/jwks", jwks: { timeout: 500ms, cacheTtl: 5m, cooldown: 10s, maxStale: 1h, caFile: ca.pem }',
      { files },
    );
    expect(keys).toMatchObject({
      jwksUri: 'https://idp.test/jwks',
      jwks: { timeoutMs: 500, cacheTtlMs: 300_000, cooldownMs: 10_000, maxStaleMs: 3_600_000, ca: 'CA' },
    });
  });

  it('FJR-S26: takes a key set and a public signing key in one realm', () => {
    const files = { '/keys/acme.pem': 'PEM' };
    const { keys } = realm('jwksUri: "https://idp.test/jwks", signingKey: { pemFile: /keys/acme.pem }', {
      files,
    });
    expect(keys).toMatchObject({ jwksUri: 'https://idp.test/jwks', signingKey: { kind: 'pem' } });
  });

  it('FJR-S27: gives a realm that allows unsigned tokens neither keys nor algorithms', () => {
    const { realm: compiled, keys } = realm('allowUnsigned: true');
    expect(compiled).toMatchObject({ allowUnsigned: true, algorithms: [] });
    expect(keys).toMatchObject({ signingKey: null, jwksUri: null, discovery: false });
  });

  it('AST-S11: reads algorithm names in any case, and WSO2’s name for RS256', () => {
    const { realm: compiled } = realm(
      'jwksUri: "https://idp.test/jwks", algorithms: [es256, EDDSA, SHA256withRSA]',
    );
    expect(compiled.algorithms).toEqual(['ES256', 'EdDSA', 'RS256']);
  });
});

describe('compileConfig() tokenFrom', () => {
  const two = (first: string, second: string) =>
    compiledConfig(
      `version: 1\nrealms:\n` +
        `  - { name: a, issuer: a, ${signed}, tokenFrom: [${first}] }\n` +
        `  - { name: b, issuer: b, ${signed}, tokenFrom: [${second}] }\n${ROUTES}`,
      { environment: { SECRET } },
    );

  it('FJR-C44: knows headers, cookies and query parameters', () => {
    const { tokenFrom } = realm(
      `${signed}, tokenFrom: [{ header: X-Token }, { cookie: access_token }, { query: token }]`,
    ).realm;
    expect(tokenFrom).toEqual([
      { kind: 'header', name: 'X-Token', scheme: '', schemeCaseSensitive: true },
      { kind: 'cookie', name: 'access_token' },
      { kind: 'query', name: 'token' },
    ]);
  });

  it('makes equal places of two realms one object, in the route too', () => {
    const { realms, routes } = two('{ header: Authorization }', '{ header: authorization, scheme: Bearer }');
    expect(realms[1]?.tokenFrom[0]).toBe(realms[0]?.tokenFrom[0]);
    expect(routes.routes[0]?.tokenLocations).toEqual([realms[0]?.tokenFrom[0]]);
    expect(routes.routes[0]?.tokenLocations[0]).toBe(realms[0]?.tokenFrom[0]);
  });

  it('keeps places apart that read different tokens', () => {
    const { routes } = two(
      '{ header: Authorization }',
      '{ header: Authorization, schemeCaseSensitive: false }',
    );
    expect(routes.routes[0]?.tokenLocations).toHaveLength(2);
  });
});
