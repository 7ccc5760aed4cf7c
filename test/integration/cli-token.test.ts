import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { t1 } from '../support/acceptance.ts';
import { runCommand } from '../support/command-line.ts';
import { lastClaim, PLACES, statusOf } from '../support/fusion.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { keySet, startIdp } from '../support/idp.ts';
import { decodePart, testKey } from '../support/tokens.ts';

const key = testKey('RS256', 'k1');
const pkcs8 = key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const octets = Buffer.from('octets-of-at-least-thirty-two-bytes!').toString('base64url');

const YAML = `
realms:
  - { name: fusion, issuer: fusion, signingKey: { secret: "\${FUSION}", kid: s1 }, audiences: [api],
      claims: { groups: groups }, roles: { default: [authenticated], mapping: { group-two: admin } } }
  - { name: corp, issuer: "https://idp.test", jwksUri: "\${JWKS}", claims: { subject: /user/name } }
  - { name: octets, issuer: octets, signingKey: { jwk: { kty: oct, k: ${octets} } } }
  - { name: open, issuer: unsigned-app, allowUnsigned: true, requireExpiration: false }
assertion: { algorithm: ES256, userClaims: { retriever: token } }
routes:
  - { name: places, match: { pathPrefix: /placeFinder/1.0.0 }, upstream: "\${BACKEND}" }
  - { name: roles, match: { pathPrefix: /api/roles }, upstream: "\${BACKEND}", require: { roles: { any: [admin] } } }
  - { name: trial, match: { pathPrefix: /trial }, upstream: "\${BACKEND}", mode: shadow }
`;

let gateway: TestGateway;
let environment: Record<string, string>;
let close: () => Promise<void>;
beforeAll(async () => {
  const idp = await startIdp();
  idp.answerJwks(keySet([key.jwk]));
  environment = { FUSION: 'a-secret-of-more-than-32-bytes-of-text', JWKS: idp.jwksUri };
  gateway = await startGateway(YAML, { environment, files: { 'private.pem': pkcs8, 'empty.pem': '' } });
  environment = { ...environment, BACKEND: gateway.backend.url };
  close = idp.close;
});
afterAll(async () => {
  await gateway.stop();
  await close();
});

/** Runs the command on the configuration of the gateway. */
function run(...args: string[]): ReturnType<typeof runCommand> {
  const config = ['--config', join(gateway.folder, 'countersign.yaml')];
  return runCommand([...args, ...config], environment);
}

async function mint(...args: string[]): Promise<string> {
  const { code, output } = await run('token', 'mint', ...args);
  expect(code, output).toBe(0);
  return output.trim();
}

describe('token mint', () => {
  it('makes a token of a secret that the gateway accepts (GW-C18)', async () => {
    const token = await mint('--realm', 'fusion', '--sub', 'u', '--group', 'group-two');
    expect(decodePart(token, 0)).toEqual({ alg: 'HS256', typ: 'JWT', kid: 's1' });
    expect(await statusOf(gateway, token, '/api/roles')).toBe(200);
    expect(lastClaim(gateway, 'enduser')).toBe('u');
  });

  it('makes a token of a private key, with the subject where the realm looks for it (GW-C18)', async () => {
    const file = join(gateway.folder, 'private.pem');
    const token = await mint('--realm', 'corp', '--sub', 'u', '--private-key', file, '--kid', 'k1');
    expect(decodePart(token, 1)).toMatchObject({ user: { name: 'u' } });
    expect(await statusOf(gateway, token)).toBe(200);
  });

  it('makes a token of a secret that is a JWK (GW-C18)', async () => {
    expect(await statusOf(gateway, await mint('--realm', 'octets', '--sub', 'u'))).toBe(200);
  });

  it('makes an unsigned token for a realm that takes them (GW-C18)', async () => {
    const token = await mint('--realm', 'open', '--sub', 'u');
    expect(token.endsWith('.')).toBe(true);
    expect(await statusOf(gateway, token)).toBe(200);
  });

  it('writes claims as JSON or as text, scopes, and the life that was asked for', async () => {
    const args = ['--scope', 'a', '--scope', 'b', '--claim', 'n=[1]', '--claim', 'email=u@x', '--ttl', '5m'];
    const claims = decodePart(await mint('--realm', 'fusion', '--sub', 'u', ...args), 1);
    expect(claims).toMatchObject({ scope: 'a b', n: [1], email: 'u@x', aud: 'api' });
    expect(Number(claims['exp']) - Number(claims['iat'])).toBe(300);
  });

  it.each([
    ['an unknown realm', ['--realm', 'nope'], 'no realm "nope"; there are fusion, corp, octets, open'],
    ['public keys only', ['--realm', 'corp'], 'has public keys only: give --private-key FILE'],
    [
      'no such key file',
      ['--realm', 'corp', '--private-key', 'no.pem'],
      'no.pem cannot be read: there is no such file',
    ],
    ['a folder as key file', ['--realm', 'corp', '--private-key', '.'], 'cannot be read: it is a directory'],
    [
      'a key file without a key',
      ['--realm', 'corp', '--private-key', 'EMPTY'],
      'holds no private key in PEM',
    ],
  ])('with %s says so and exits 1', async (_what, args, message) => {
    const given = args.map((arg) => (arg === 'EMPTY' ? join(gateway.folder, 'empty.pem') : arg));
    const { code, output } = await run('token', 'mint', '--sub', 'u', ...given);
    expect(code).toBe(1);
    expect(output).toContain(`countersign token mint: `);
    expect(output).toContain(message);
  });
});

describe('token inspect', () => {
  it('reads a token from standard input where "-" stands in its place', async () => {
    const token = await mint('--realm', 'fusion', '--sub', 'u');
    const config = ['--config', join(gateway.folder, 'countersign.yaml')];
    const piped = await runCommand(['token', 'inspect', '-', ...config], environment, `${token}\n`);
    expect(piped).toEqual(await run('token', 'inspect', token));
    expect(piped.code).toBe(0);
  });

  it('shows which realm accepts the token, its checks and roles, and why others do not (GW-C18)', async () => {
    const token = await mint('--realm', 'fusion', '--sub', 'u', '--group', 'group-two');
    const { code, output } = await run('token', 'inspect', token);
    expect(code).toBe(0);
    const [fusion = '', corp = ''] = output.split('\nrealm ').slice(1);
    for (const step of ['envelope', 'validity', 'key', 'signature', 'audience'])
      expect(fusion).toMatch(new RegExp(`^ +${step} `, 'm'));
    expect(fusion).toContain('=> accepted  subject "u", roles authenticated, admin');
    expect(corp).toMatch(/=> refused +unknown_issuer/);
  });

  it.each([
    ['is expired', ['--ttl', '1s', '--claim', 'exp=1'], 'expired'],
    ['has another audience', ['--claim', 'aud=other'], 'wrong_audience'],
    ['has no user', ['--claim', 'sub=null'], 'invalid_claim: sub'],
  ])('of one that %s says why, and exits 1 (GW-C18)', async (_what, args, reason) => {
    const token = await mint('--realm', 'fusion', '--sub', 'u', ...args);
    const { code, output } = await run('token', 'inspect', token);
    expect(code).toBe(1);
    expect(output).toMatch(new RegExp(`^realm fusion\\n(?: .*\\n)* {2}=> refused +${reason} `, 'm'));
  });

  it('of what is no token says so', async () => {
    const { code, output } = await run('token', 'inspect', 'nonsense');
    expect(code).toBe(1);
    expect(output).toContain('malformed');
  });
});

describe('explain', () => {
  it('tells every step of an allowed request, as the gateway would decide it', async () => {
    const token = await mint('--realm', 'fusion', '--sub', 'u', '--group', 'group-two');
    const { code, output } = await run('explain', '--token', token, 'get', 'http://gw.test/api/roles?a=1');
    expect(code).toBe(0);
    expect(output).toMatch(/^GET \/api\/roles\?… \(Host gw\.test\)\n/);
    expect(output).toContain('groups ["group-two"] → roles ["authenticated","admin"]');
    expect(output).toMatch(/=> allow +"u" of realm fusion, forwarded to \S+ as \/api\/roles\?…/);
    expect(output).toMatch(/assertion +X-JWT-Assertion, \d+ bytes/);
  });

  it.each([
    ['without a token', PLACES, null, '401 no_token'],
    ['without the role', '/api/roles', ['--realm', 'fusion', '--sub', 'u'], '403 insufficient_role: admin'],
    ['without a route', '/elsewhere', null, '404 route_not_found'],
    ['with an ambiguous path', '/placeFinder/1.0.0/..%2f', null, '400 bad_path'],
  ])('of a request %s shows the refusal, and exits 1', async (_what, path, order, refusal) => {
    const token = order === null ? [] : ['--token', await mint(...order)];
    const { code, output } = await run('explain', ...token, 'GET', path);
    expect(code).toBe(1);
    expect(output).toMatch(new RegExp(`=> deny +${refusal} `));
  });

  it.each(['FETCH', 'TRACE'])('answers %s as the server does', async (method) => {
    const { code, output } = await run('explain', method, PLACES);
    expect(code).toBe(1);
    expect(output).toMatch(/=> deny +501 not_implemented/);
  });

  it('of a refusal in shadow mode says what would be refused, and exits 0', async () => {
    const { code, output } = await run('explain', '--token', 'nonsense', 'GET', '/trial');
    expect(code).toBe(0);
    expect(output).toMatch(/shadow +would be refused: 401 malformed/);
    expect(output).toMatch(/=> allow +anonymous/);
    expect(output).toMatch(/assertion +none/);
  });

  it('reads further headers, and refuses two credentials as the gateway does', async () => {
    const header = ['-H', `Authorization: Bearer ${t1()}`];
    const { output } = await run('explain', ...header, ...header, 'GET', PLACES);
    expect(output).toMatch(/=> deny +400 ambiguous_credentials/);
  });

  it('forwards nothing', async () => {
    const before = gateway.backend.received.length;
    await run('explain', '--token', await mint('--realm', 'open', '--sub', 'u'), 'GET', PLACES);
    expect(gateway.backend.received).toHaveLength(before);
  });
});

describe('explain and token inspect', () => {
  /** A folder with the configuration, in which no gateway has ever run. */
  function freshConfig(name: string): string {
    const folder = join(gateway.folder, name);
    mkdirSync(folder);
    writeFileSync(join(folder, 'countersign.yaml'), `version: 1\n${YAML}`);
    return folder;
  }

  it('make no key file where there is none yet', async () => {
    const folder = freshConfig('fresh');
    const config = ['--config', join(folder, 'countersign.yaml')];
    const token = await mint('--realm', 'open', '--sub', 'u');
    const explained = await runCommand(['explain', '--token', token, 'GET', PLACES, ...config], environment);
    expect(explained.output).toMatch(/assertion +X-JWT-Assertion, \d+ bytes/);
    expect((await runCommand(['token', 'inspect', token, ...config], environment)).code).toBe(0);
    expect(readdirSync(folder)).toEqual(['countersign.yaml']);
  });

  it('make no key file where the folder for keys is empty', async () => {
    const folder = freshConfig('empty');
    mkdirSync(join(folder, 'data/keys'), { recursive: true });
    const config = ['--config', join(folder, 'countersign.yaml')];
    const token = await mint('--realm', 'open', '--sub', 'u');
    const { code } = await runCommand(['explain', '--token', token, 'GET', PLACES, ...config], environment);
    expect(code).toBe(0);
    expect(readdirSync(join(folder, 'data/keys'))).toEqual([]);
  });

  it('sign with the keys of the gateway where there are some', async () => {
    expect(existsSync(join(gateway.folder, 'data/keys/keys.json'))).toBe(true);
    const { output } = await run(
      'explain',
      '--token',
      await mint('--realm', 'open', '--sub', 'u'),
      'GET',
      PLACES,
    );
    const kid = /mint +X-JWT-Assertion, key (\S+),/.exec(output)?.[1];
    expect(kid).toBeDefined();
    const jwks = await (await fetch(`${gateway.url}/.well-known/jwks.json`)).text();
    expect(jwks).toContain(`"${kid}"`);
  });
});
