/** A realm whose issuer is oidc-provider: its access tokens come in, its ID tokens do not, its rotations are followed. */
import { afterEach, describe, expect, it } from 'vitest';
import { wso2 } from '../support/acceptance.ts';
import { type CertifiedIssuer, startCertifiedIssuer } from '../support/certified-issuer.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { decodePart, testKey } from '../support/tokens.ts';

const PLACES = 'https://places.test';
const first = testKey('RS256', 'first');
const second = testKey('RS256', 'second');

function configuration(jwks: string): string {
  return `
realms:
  - name: corp
    issuer: "\${ISSUER}"
    discovery: true
    audiences: [${PLACES}]
    types: [at+jwt]
    jwks: { ${jwks} }
    claims: { groups: groups }
    roles: { mapping: { staff: reader } }
assertion: { algorithm: EdDSA, userClaims: { retriever: token } }
routes:
  - { name: places, match: { pathPrefix: /places, methods: [GET] }, upstream: "\${BACKEND}",
      require: { roles: { any: [reader] }, scopes: { all: ["places:read"] } } }
  - { name: write, match: { pathPrefix: /places, methods: [POST] }, upstream: "\${BACKEND}",
      require: { scopes: { all: ["places:write"] } } }
`;
}

let issuer: CertifiedIssuer;
let gateway: TestGateway;
let aheadMs = 0;

/** The real time, which the issuer uses too, and what the test adds to it. */
const clock = () => Date.now() + aheadMs;

async function start(jwks = 'cooldown: 30s'): Promise<void> {
  aheadMs = 0;
  issuer = await startCertifiedIssuer(first);
  gateway = await startGateway(configuration(jwks), { environment: { ISSUER: issuer.issuer }, clock });
}

afterEach(async () => {
  await gateway.stop();
  await issuer.goDown();
});

async function codeOf(answer: Response): Promise<unknown> {
  const { code }: { code?: unknown } = JSON.parse(await answer.text());
  return code;
}

async function readiness(): Promise<{ status: number; keySets: Record<string, unknown>[] }> {
  const answer = await fetch(`${gateway.opsUrl}/readyz`);
  const { key_sets: keySets }: { key_sets: Record<string, unknown>[] } = JSON.parse(await answer.text());
  return { status: answer.status, keySets };
}

describe('an access token of oidc-provider', () => {
  it('is what RFC 9068 says', async () => {
    await start();
    const token = await issuer.accessToken(PLACES);
    expect(decodePart(token, 0)).toEqual({ typ: 'at+jwt', alg: 'RS256', kid: 'first' });
    expect(decodePart(token, 1)).toMatchObject({ iss: issuer.issuer, aud: PLACES, sub: 'reporter' });
  });

  it('comes in, with roles by its groups and scopes of its own; the backend is told who calls', async () => {
    await start();
    const answer = await gateway.get('/places', await issuer.accessToken(PLACES));
    expect(answer.status).toBe(200);
    expect(gateway.assertion().payload).toMatchObject({
      sub: 'reporter',
      [wso2('enduser')]: 'reporter',
      [wso2('role')]: ['reader'],
      [wso2('scope')]: 'places:read places:write',
    });
  });

  it('without the scope of the route is 403 and says which one (GW-C07)', async () => {
    await start();
    const token = await issuer.accessToken(PLACES, 'places:read');
    expect((await gateway.get('/places', token)).status).toBe(200);
    const answer = await gateway.get('/places', token, { method: 'POST', body: '' });
    expect(answer.status).toBe(403);
    expect(answer.headers.get('www-authenticate')).toContain('scope="places:write"');
    expect(await codeOf(answer)).toBe('insufficient_scope');
  });

  it('for another audience is refused', async () => {
    await start();
    const answer = await gateway.get('/places', await issuer.accessToken('https://other.test'));
    expect([answer.status, await codeOf(answer)]).toEqual([401, 'wrong_audience']);
    expect(gateway.backend.received).toEqual([]);
  });
});

describe('an ID token of oidc-provider', () => {
  it('is refused where access tokens are asked for, although its signature is good', async () => {
    await start();
    const idToken = await issuer.idToken(await issuer.accessToken(PLACES));
    expect(decodePart(idToken, 0)['typ']).not.toBe('at+jwt');
    expect(decodePart(idToken, 1)).toMatchObject({ iss: issuer.issuer, aud: 'reporter', nonce: 'a-nonce' });
    const answer = await gateway.get('/places', idToken);
    expect([answer.status, await codeOf(answer)]).toEqual([401, 'wrong_type']);
    expect(gateway.backend.received).toEqual([]);
  });
});

describe('a rotation of oidc-provider', () => {
  it('is followed: the new key comes in after one fetch, the old one does not any more', async () => {
    await start();
    const old = await issuer.accessToken(PLACES);
    expect((await gateway.get('/places', old)).status).toBe(200);
    issuer.rotateTo(second);
    const fresh = await issuer.accessToken(PLACES);
    const hits = issuer.keySetHits();
    const answers = await Promise.all(Array.from({ length: 20 }, () => gateway.get('/places', fresh)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(issuer.keySetHits() - hits).toBe(1);
    // The token was verified and remembered before: it dies with its key all the same.
    const answer = await gateway.get('/places', old);
    expect([answer.status, await codeOf(answer)]).toEqual([401, 'unknown_kid']);
    expect((await readiness()).keySets).toMatchObject([{ state: 'fresh', kids: ['second'] }]);
  });

  it('is not asked after again before the cooldown is over', async () => {
    await start();
    expect((await gateway.get('/places', await issuer.accessToken(PLACES))).status).toBe(200);
    issuer.rotateTo(second);
    expect((await gateway.get('/places', await issuer.accessToken(PLACES))).status).toBe(200);
    issuer.rotateTo(first);
    const back = await issuer.accessToken(PLACES);
    const hits = issuer.keySetHits();
    const answer = await gateway.get('/places', back);
    expect([answer.status, await codeOf(answer)]).toEqual([401, 'unknown_kid']);
    expect(issuer.keySetHits()).toBe(hits);
    aheadMs += 31_000;
    expect((await gateway.get('/places', back)).status).toBe(200);
  });
});

describe('an outage of oidc-provider', () => {
  it('leaves known keys at work; readiness and metrics tell that they are stale', async () => {
    await start('cacheTtl: 1s');
    const known = await issuer.accessToken(PLACES);
    const unseen = await issuer.accessToken(PLACES);
    expect((await gateway.get('/places', known)).status).toBe(200);
    expect((await readiness()).keySets).toMatchObject([
      { state: 'fresh', kids: ['first'], realms: ['corp'] },
    ]);
    expect(await gateway.metrics()).toContain('countersign_jwks_stale{key_set="corp"} 0');

    await issuer.goDown();
    await expect
      .poll(async () => (await readiness()).keySets, { timeout: 10_000 })
      .toMatchObject([{ state: 'stale', lastError: expect.stringContaining('127.0.0.1') }]);
    expect((await readiness()).status).toBe(200);
    expect((await gateway.get('/places', known)).status).toBe(200);
    expect((await gateway.get('/places', unseen)).status).toBe(200);
    const metrics = await gateway.metrics();
    expect(metrics).toContain('countersign_jwks_stale{key_set="corp"} 1');
    expect(metrics).toContain('countersign_jwks_keys{key_set="corp"} 1');
    expect(metrics).toMatch(/countersign_jwks_fetch_total\{key_set="corp",result="failed"\} [1-9]/);
  });

  it('beyond maxStale is 503 with Retry-After, known tokens included, and never 401', async () => {
    await start('maxStale: 10m');
    const known = await issuer.accessToken(PLACES);
    expect((await gateway.get('/places', known)).status).toBe(200);
    await issuer.goDown();
    aheadMs += 10 * 60_000;
    const answer = await gateway.get('/places', known);
    expect([answer.status, await codeOf(answer)]).toEqual([503, 'keys_unavailable']);
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect((await readiness()).keySets).toMatchObject([{ state: 'expired' }]);
  });

  it('at the start is 503 too, and the gateway says that it is not ready', async () => {
    await start();
    const token = await issuer.accessToken(PLACES);
    const { issuer: address } = issuer;
    await gateway.stop();
    await issuer.goDown();
    gateway = await startGateway(configuration('timeout: 1s'), { environment: { ISSUER: address }, clock });
    const answer = await gateway.get('/places', token);
    expect([answer.status, await codeOf(answer)]).toEqual([503, 'keys_unavailable']);
    expect(await readiness()).toMatchObject({ status: 503, keySets: [{ state: 'loading' }] });
    expect(gateway.backend.received).toEqual([]);
  });
});
