/** Marked tokens, secrets and keys through every path of the gateway: none of them may be seen where people look (O01). */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { t1Claims } from '../support/acceptance.ts';
import { runCommand } from '../support/command-line.ts';
import { LISTENERS, startGateway, type TestGateway } from '../support/gateway.ts';
import { type Idp, keySet, startIdp, text } from '../support/idp.ts';
import { pemOf } from '../support/minting.ts';
import { exchange } from '../support/raw-client.ts';
import { hs256, signed, testKey } from '../support/tokens.ts';

/** In every secret, credential and claim value of this file but the subject, which the access log names on purpose. */
const MARK = 'CANARY';
const SECRET = `${MARK}-secret-of-realm-fusion-with-32-bytes`;

const signing = testKey('EdDSA', 'k1');
const corp = testKey('ES256', 'corp-1');
const stranger = testKey('ES256', 'corp-1');

/** What must not be seen: the mark, all parts of each token sent, and the private key that signs. */
const forbidden = new Set<string>([MARK, btoa(MARK).slice(0, 7)]);

/** Remembers the parts of a token. The header says nothing. */
function marked(token: string): string {
  for (const part of token.split('.').slice(1)) if (part !== '') forbidden.add(part);
  return token;
}

const claims = (changes: object = {}) => t1Claims({ email: `${MARK}@example.test`, ...changes });
const fusionToken = (changes: object = {}, secret = SECRET) => marked(hs256(secret, claims(changes)));
const corpToken = (changes: object = {}, header: object = {}, key = corp) =>
  marked(
    signed(key, claims({ iss: 'https://idp.test', aud: 'places', ...changes }), { typ: 'at+jwt', ...header }),
  );

function configuration(): string {
  return `
realms:
  - name: fusion
    issuer: fusion
    signingKey: { secret: "\${FUSION_SECRET}" }
    claims: { groups: groups }
    requiredClaims: [sub]
    tokenFrom: [{ header: Authorization }, { cookie: session }, { query: access_token }]
  - name: corp
    issuer: https://idp.test
    jwksUri: "\${JWKS_URI}"
    audiences: [places]
    types: [at+jwt]
    maxAge: 1h
assertion:
  keys: [{ id: k1, privateKeyFile: k1.pem }]
  algorithm: EdDSA
  userClaims: { retriever: token }
routes:
  - { name: open, match: { pathPrefix: /open }, upstream: "\${BACKEND}", auth: optional }
  - { name: app, match: { pathPrefix: /app }, upstream: "\${BACKEND}" }
  - { name: writing, match: { pathPrefix: /writing, methods: [POST] }, upstream: "\${BACKEND}" }
  - { name: roles, match: { pathPrefix: /roles }, upstream: "\${BACKEND}", require: { roles: { any: [admin] } } }
  - { name: scopes, match: { pathPrefix: /scopes }, upstream: "\${BACKEND}", require: { scopes: { any: [read] } } }
  - { name: claims, match: { pathPrefix: /claims }, upstream: "\${BACKEND}", require: { claims: { email: [me@example.test] } } }
  - { name: users, match: { pathPrefix: /users }, upstream: "\${BACKEND}", assertion: { userClaims: { retriever: { module: ./users.mjs } } } }
  - { name: down, match: { pathPrefix: /down }, upstream: "http://127.0.0.1:1" }
  - { name: shadow, match: { pathPrefix: /shadow }, upstream: "\${BACKEND}", mode: shadow }
observability: { logs: { level: debug } }
`;
}

let idp: Idp;
let gateway: TestGateway;
/** Everything that clients and operators were shown. */
const shown: string[] = [];

beforeAll(async () => {
  idp = await startIdp();
  idp.answerJwks(keySet([corp.jwk]));
  const pem = pemOf(signing);
  forbidden.add(pem.split('\n')[1] ?? '');
  gateway = await startGateway(configuration(), {
    environment: { FUSION_SECRET: SECRET, JWKS_URI: idp.jwksUri },
    files: {
      'k1.pem': pem,
      'users.mjs': 'export const getClaims = () => { throw new Error("the directory is down"); };',
    },
  });
});
afterAll(async () => {
  await gateway.stop();
  await idp.close();
});

/** The code of the problem, `ok` for an answer of the backend. What a client is shown is kept. */
async function ask(path: string, headers: Record<string, string>): Promise<string> {
  const answer = await fetch(`${gateway.url}${path}`, { headers });
  const body = await answer.text();
  if (answer.status === 200) return 'ok';
  shown.push(JSON.stringify([...answer.headers]), body);
  const { code }: { code: string } = JSON.parse(body);
  return code;
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const hour = 3600;
const now = () => Math.floor(Date.now() / 1000);

type Attempt = readonly [code: string, path: string, headers: () => Record<string, string>];

const ATTEMPTS: readonly Attempt[] = [
  ['ok', '/app', () => bearer(fusionToken())],
  ['ok', '/app', () => ({ Cookie: `session=${fusionToken()}; other=${MARK}` })],
  ['ok', '/open', () => ({})],
  ['ok', '/app', () => bearer(corpToken())],
  ['ok', '/shadow', () => bearer(fusionToken({}, 'another secret of 32 bytes or more'))],
  ['no_token', '/app', () => ({ Authorization: `Basic ${btoa(`${MARK}:${MARK}`)}` })],
  ['no_token', '/app', () => ({ Authorization: `bearer ${MARK}` })],
  ['malformed', '/app', () => bearer(MARK)],
  ['malformed', '/app', () => bearer(`${MARK} ${MARK}`)],
  ['malformed', '/app', () => bearer(marked(`${btoa('{}')}.${btoa(MARK).replaceAll('=', '')}.${MARK}`))],
  ['ambiguous_credentials', '/app', () => ({ ...bearer(fusionToken()), Cookie: `session=${fusionToken()}` })],
  ['unknown_issuer', '/app', () => bearer(fusionToken({ iss: MARK }))],
  ['alg_not_allowed', '/app', () => bearer(marked(signed(corp, claims())))],
  ['unknown_kid', '/app', () => bearer(corpToken({}, { kid: 'nobody' }))],
  ['bad_signature', '/app', () => bearer(corpToken({}, {}, stranger))],
  ['bad_signature', '/app', () => bearer(fusionToken({}, 'another secret of 32 bytes or more'))],
  ['expired', '/app', () => bearer(fusionToken({ exp: now() - hour }))],
  ['not_yet_valid', '/app', () => bearer(fusionToken({ nbf: now() + hour }))],
  ['too_old', '/app', () => bearer(corpToken({ iat: now() - 2 * hour }))],
  ['wrong_audience', '/app', () => bearer(corpToken({ aud: MARK }))],
  ['wrong_type', '/app', () => bearer(corpToken({}, { typ: 'JWT' }))],
  ['missing_claim', '/app', () => bearer(fusionToken({ sub: undefined }))],
  ['invalid_claim', '/app', () => bearer(fusionToken({ iat: MARK }))],
  ['insufficient_role', '/roles', () => bearer(fusionToken({ groups: [MARK] }))],
  ['insufficient_scope', '/scopes', () => bearer(fusionToken({ scope: MARK }))],
  ['insufficient_claims', '/claims', () => bearer(fusionToken())],
  ['assertion_too_large', '/app', () => bearer(fusionToken({ note: MARK.repeat(1000) }))],
  ['headers_too_large', '/app', () => bearer(marked(`e30.${MARK.repeat(2800)}.${MARK}`))],
  ['claims_unavailable', '/users', () => bearer(fusionToken())],
  ['upstream_unreachable', '/down', () => bearer(fusionToken())],
  ['method_not_allowed', '/writing', () => bearer(fusionToken())],
  ['route_not_found', `/nowhere?access_token=${MARK}`, () => bearer(fusionToken())],
  ['bad_path', `/app/a%2fb?access_token=${MARK}`, () => bearer(fusionToken())],
];

/** Key sets that a careless issuer might publish, and answers that are none. */
const BAD_SETS = [
  text(`<html>${MARK}</html>`),
  text(JSON.stringify({ keys: MARK })),
  keySet([{ kty: 'oct', kid: 'shared', k: btoa(MARK), alg: 'HS256' }]),
  keySet([{ ...corp.jwk, d: MARK }]),
];

/** Places where a file can be wrong beside, in and around a secret. */
const BAD_FILES: readonly (readonly [what: string, realm: string])[] = [
  ['a value beside it', `signingKey: { secret: ${MARK}, allowWeakSecret: maybe }`],
  ['an unknown key beside it', `signingKey: { secrett: x, secret: "${MARK}" }`],
  ['the secret itself, too short', `signingKey: { secret: ${MARK} }`],
  ['its kind', `signingKey: { secret: [${MARK}] }`],
  ['its map', `signingKey: { secret: { value: ${MARK} } }`],
  ['the secret in place of the map', `signingKey: ${MARK}`],
  ['the secret in place of the map, quoted', `signingKey: "${MARK}"`],
  ['its name', `signingKey: { hmacSecret: ${MARK} }`],
  ['its name in snake case', `signing_key: ${MARK}`],
  ['a missing blank', `signingKey: { secret:${MARK} }`],
  ['a missing blank in a block', `signingKey:\n      secret:${MARK}`],
  ['base64', `signingKey: { secretBase64: "${MARK}!!" }`],
  ['a file in its place', `signingKey: { pemFile: "-----BEGIN PRIVATE KEY-----${MARK}" }`],
  ['a key of the wrong kind', `signingKey: { jwk: { kty: XX, k: ${MARK} } }`],
  ['a private key', `signingKey: { jwk: { kty: EC, crv: P-256, x: a, y: b, d: ${MARK} } }`],
  ['the line after a block', `signingKey:\n      secret: |\n        ${MARK}\n      : x`],
  ['an open quote', `signingKey:\n      secret: "${MARK}\n        ${MARK}\n`],
  ['an open quote, in braces', `signingKey: { secret: "${MARK}\n        ${MARK}, kid: a }`],
  ['a folded line', `signingKey:\n      secret:\n        ${MARK}: x\n        ${MARK}`],
  [
    'a key in the place of a file',
    `signingKey:\n      pemFile: |\n        -----BEGIN KEY-----\n        ${MARK}`,
  ],
  [
    'a key that is not indented',
    `signingKey:\n      pemFile: |\n-----BEGIN KEY-----\n${MARK}\n-----END KEY-----`,
  ],
  ['a URL with a password', `jwksUri: "https://me:${MARK}@idp.test/jwks"`],
  ['a list line', `signingKey:\n      secret:\n        - ${MARK}`],
];

const withRealm = (realm: string) => `
realms:
  - name: fusion
    issuer: fusion
    ${realm}
routes: [{ name: app, match: { pathPrefix: / }, upstream: "builtin:echo" }]
`;

function leaksIn(texts: readonly string[]): string[] {
  return texts.filter((one) => [...forbidden].some((secret) => one.includes(secret)));
}

describe('no canary', () => {
  it.each(ATTEMPTS)('is shown for %s at %s (O01, I6, GW-C10)', async (code, path, headers) => {
    expect(await ask(path, headers())).toBe(code);
    expect(leaksIn(shown)).toEqual([]);
    expect(leaksIn(gateway.log.map((line) => JSON.stringify(line)))).toEqual([]);
  });

  it('is shown where a request cannot even be read (O01)', async () => {
    const port = Number(new URL(gateway.url).port);
    for (const bytes of [
      `GET /app HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${MARK}\r\nAuthorization: Bearer ${MARK}\r\n\r\n`,
      `GET /app HTTP/1.1\r\nHost: a\r\nHost: ${MARK}\r\n\r\n`,
      `GET /app HTTP/1.1\r\nHost: a\r\nAuthorization : Bearer ${MARK}\r\n\r\n`,
      `${MARK} / HTTP/1.1\r\nHost: a\r\n\r\n`,
      `GET /app?access_token=${fusionToken()} HTTP/1.1\r\nHost: a\r\n\r\n`,
      `GET /cb#access_token=${MARK} HTTP/1.1\r\nHost: a\r\n\r\n`,
      `GET /cb#access_token=${MARK} HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n`,
      `GET http://me:${MARK}@a/app HTTP/1.1\r\nHost: a\r\n\r\n`,
    ]) {
      const { status, headers, body } = await exchange(port, bytes);
      if (status !== 200) shown.push(JSON.stringify(headers), body);
    }
    expect(leaksIn(shown)).toEqual([]);
    expect(leaksIn(gateway.log.map((line) => JSON.stringify(line)))).toEqual([]);
  });

  it('of a key set is shown, whatever is wrong with it (O01, K04)', async () => {
    for (const answer of BAD_SETS) {
      const other = await startIdp();
      other.answerJwks(answer);
      const environment = { FUSION_SECRET: SECRET, JWKS_URI: other.jwksUri };
      const files = { 'k1.pem': pemOf(signing), 'users.mjs': 'export const getClaims = () => ({});' };
      const second = await startGateway(configuration(), { environment, files });
      expect((await second.get('/app', corpToken())).status).toBeGreaterThan(400);
      const ready = await (await fetch(`${second.opsUrl}/readyz`)).text();
      expect(leaksIn([JSON.stringify(second.log), ready, await second.metrics()])).toEqual([]);
      await second.stop();
      await other.close();
    }
  });

  it.each(BAD_FILES)(
    'of a file that is wrong in %s is shown, by reload nor by check (O01)',
    async (_what, realm) => {
      const lines = gateway.log.length;
      expect(await gateway.reload(withRealm(realm))).toBe(false);
      const log = gateway.log.slice(lines).map((line) => JSON.stringify(line));
      expect(log.length).toBeGreaterThan(0);
      const ready = await (await fetch(`${gateway.opsUrl}/readyz`)).text();
      const file = join(gateway.folder, 'countersign.yaml');
      const check = await runCommand(['check', file]);
      expect(check.code).toBe(1);
      expect(leaksIn([...log, ready, check.output])).toEqual([]);
    },
  );

  it('is shown by the command line (O01)', async () => {
    const file = join(gateway.folder, 'good.yaml');
    writeFileSync(file, LISTENERS + configuration());
    const env = { FUSION_SECRET: SECRET, JWKS_URI: idp.jwksUri, BACKEND: gateway.backend.url };
    const config = ['--config', file];
    const results = [
      await runCommand(['check', file], env),
      await runCommand(['explain', '--help'], env),
      await runCommand(['realms', ...config], env),
      await runCommand(['routes', ...config], env),
      await runCommand(['keys', 'list', ...config], env),
    ];
    expect(results.map(({ code }) => code)).toEqual(results.map(() => 0));
    expect(leaksIn(results.map(({ output }) => output))).toEqual([]);
  });

  it('token or assertion is shown by explain, which tells claims to who has the token (O01)', async () => {
    const file = join(gateway.folder, 'good.yaml');
    writeFileSync(file, LISTENERS + configuration());
    const env = { FUSION_SECRET: SECRET, JWKS_URI: idp.jwksUri, BACKEND: gateway.backend.url };
    const token = fusionToken();
    for (const request of [
      ['--token', token, 'GET', '/app'],
      ['GET', `/app?access_token=${token}`],
      ['--header', `Cookie: session=${token}`, 'GET', '/app'],
    ]) {
      const { code, output } = await runCommand(['explain', '--config', file, ...request], env);
      expect(code).toBe(0);
      expect(output).toContain('X-JWT-Assertion');
      expect(output).not.toMatch(/eyJ|[\w-]{80}/);
    }
  });

  it('is shown by metrics and readiness after all of this, nor any assertion by the log (O01, GW-C10)', async () => {
    const ready = await (await fetch(`${gateway.opsUrl}/readyz`)).text();
    const metrics = await gateway.metrics();
    expect(metrics).toContain('countersign_auth_decisions_total');
    expect(leaksIn([ready, metrics])).toEqual([]);
    for (const { headers } of gateway.backend.received) marked(String(headers['x-jwt-assertion'] ?? ''));
    expect(leaksIn(gateway.log.map((line) => JSON.stringify(line)))).toEqual([]);
    expect(metrics).not.toContain('test-fusion');
  });
});
