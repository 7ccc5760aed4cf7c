/** How long assertions live, how often one is sent, and with which keys they are signed. */
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { acceptance, assertionFor, gatewayPerTest, PLACES, t1, wso2 } from '../support/acceptance.ts';
import { fakeClock } from '../support/clock.ts';
import type { TestGateway } from '../support/gateway.ts';
import { pemOf } from '../support/minting.ts';
import { testKey } from '../support/tokens.ts';

const start = gatewayPerTest();

const LONG_TOKEN = { exp: 2_000_000_000 };

describe('a remembered assertion', () => {
  it('is sent while it lives, and never dead: 100 requests in 6 s with a ttl of 3 s (AST-P50)', async () => {
    const clock = fakeClock();
    const gateway = await start({ assertion: 'ttl: 3s, minRemaining: 1s, algorithm: EdDSA' }, { clock });
    const token = t1(LONG_TOKEN, clock);
    const ids = new Set<unknown>();
    for (let request = 0; request < 100; request += 1) {
      const { payload } = await assertionFor(gateway, token);
      expect(Number(payload['exp']) * 1000).toBeGreaterThan(clock());
      ids.add(payload['jti']);
      clock.advanceMs(60);
    }
    expect(ids.size).toBeGreaterThan(1);
    expect(ids.size).toBeLessThanOrEqual(4);
  });

  it('ends with the token of the caller, whatever its own life would be (AST-P52)', async () => {
    const clock = fakeClock();
    const gateway = await start({ assertion: 'ttl: 15m, algorithm: EdDSA' }, { clock });
    const exp = Math.floor(clock() / 1000) + 60;
    expect((await assertionFor(gateway, t1({ exp }, clock))).payload['exp']).toBe(exp);
    clock.advanceMs(59_000);
    expect((await assertionFor(gateway, t1({ exp }, clock))).payload['exp']).toBe(exp);
  });

  it('is nobody else’s: two callers, two assertions', async () => {
    const gateway = await start();
    const first = await assertionFor(gateway, t1({ sub: 'alice' }));
    const second = await assertionFor(gateway, t1({ sub: 'bob' }));
    expect(first.payload[wso2('enduser')]).toBe('alice');
    expect(second.payload[wso2('enduser')]).toBe('bob');
  });

  it('is forgotten when the configuration changes', async () => {
    const gateway = await start({ assertion: 'ttl: 5m, algorithm: EdDSA' });
    const token = t1();
    await assertionFor(gateway, token);
    await gateway.reload(acceptance({ assertion: 'ttl: 5m, algorithm: EdDSA, issuer: renamed' }));
    expect((await assertionFor(gateway, token)).payload['iss']).toBe('renamed');
  });

  it('serves 300 first requests at once: one signature, and the retriever is asked once (AST-S24)', async () => {
    const source = `let inits = 0, questions = 0;
      export const init = async () => { inits += 1; await new Promise((done) => setTimeout(done, 20)); };
      export const getClaims = () => ({ inits, questions: ++questions });`;
    const assertion = 'userClaims: { retriever: { module: ./users.mjs } }';
    const gateway = await start({ assertion }, { files: { 'users.mjs': source } });
    const token = t1();
    const answers = await Promise.all(Array.from({ length: 300 }, () => gateway.get(PLACES, token)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const values = gateway.backend.received.map(({ headers }) => headers['x-jwt-assertion']);
    expect(values).toHaveLength(300);
    expect(new Set(values).size).toBe(1);
    expect(gateway.assertion().payload).toMatchObject({ [wso2('inits')]: 1, [wso2('questions')]: 1 });
    expect(await gateway.metrics()).toMatch(/countersign_assertions_minted_total\{[^}]*\} 1\n/);
  });
});

const k1 = testKey('RS256', 'k1');
const k2 = testKey('RS256', 'k2');
const files = { 'k1.pem': pemOf(k1), 'k2.pem': pemOf(k2) };

/** The assertion block with keys in these states. */
function signedBy(states: Readonly<Record<string, string>>): string {
  const keys = Object.entries(states).map(
    ([id, state]) => `{ id: ${id}, privateKeyFile: ${id}.pem, state: ${state} }`,
  );
  return `keys: [${keys.join(', ')}]`;
}

async function publishedKeys(origin: string, path = '/.well-known/jwks.json'): Promise<{ kid: string }[]> {
  const set: { keys: { kid: string }[] } = JSON.parse(await (await fetch(`${origin}${path}`)).text());
  return set.keys;
}

const PUBLIC_MEMBERS = ['alg', 'e', 'kid', 'kty', 'n', 'use'];
const kidsOf = (keys: readonly { kid: string }[]) => keys.map(({ kid }) => kid);

describe('published keys', () => {
  it('are those that sign, under every address, without their private members (AST-P41)', async () => {
    const gateway = await start();
    const { kid } = (await assertionFor(gateway)).header;
    for (const origin of [gateway.url, gateway.opsUrl]) {
      for (const path of ['/.well-known/jwks.json', '/jwks']) {
        const keys = await publishedKeys(origin, path);
        for (const key of keys) expect(Object.keys(key).toSorted()).toEqual(PUBLIC_MEMBERS);
        expect(keys).toContainEqual(expect.objectContaining({ kty: 'RSA', use: 'sig', alg: 'RS256', kid }));
      }
    }
  });

  it.each(['url', 'opsUrl'] as const)(
    'may be kept, and asked for again by their tag: %s (AST-P41)',
    async (origin) => {
      const gateway = await start();
      const address = `${gateway[origin]}/.well-known/jwks.json`;
      const first = await fetch(address);
      const etag = first.headers.get('etag') ?? '';
      expect(first.headers.get('cache-control')).toBe('public, max-age=300');
      expect(first.headers.get('content-type')).toBe('application/jwk-set+json');
      const again = await fetch(address, { headers: { 'If-None-Match': etag } });
      expect([again.status, await again.text()]).toEqual([304, '']);
      expect(again.headers.get('etag')).toBe(etag);
      expect((await fetch(address, { headers: { 'If-None-Match': '"other"' } })).status).toBe(200);
    },
  );

  it.each(['url', 'opsUrl'] as const)('come as PEM too, public half only: %s (AST-P41)', async (origin) => {
    const gateway = await start({ assertion: signedBy({ k1: 'active' }) }, { files });
    const pem = await (await fetch(`${gateway[origin]}/.well-known/jwks.pem`)).text();
    expect(pem).toBe(k1.publicKey.export({ format: 'pem', type: 'spki' }));
  });

  it('hold no secret: with HS256 the set is empty (AST-P41)', async () => {
    const gateway = await start({ assertion: 'algorithm: HS256' });
    expect((await assertionFor(gateway)).header['alg']).toBe('HS256');
    expect(await publishedKeys(gateway.url)).toEqual([]);
  });

  it('are not published where that is switched off', async () => {
    const gateway = await start({ assertion: 'jwksEndpoint: false' });
    expect((await fetch(`${gateway.url}/.well-known/jwks.json`)).status).toBe(404);
    expect((await fetch(`${gateway.opsUrl}/.well-known/jwks.json`)).status).toBe(404);
  });
});

describe('rotation of signing keys', () => {
  const reload = (gateway: TestGateway, states: Readonly<Record<string, string>>) =>
    gateway.reload(acceptance({ assertion: signedBy(states) }));
  const kidFor = async (gateway: TestGateway) => {
    const { value } = await assertionFor(gateway);
    return { value, kid: decodeProtectedHeader(value).kid };
  };

  it('announces the next key, signs with it, keeps the old one published, then drops it (AST-P42)', async () => {
    const gateway = await start({ assertion: signedBy({ k1: 'active', k2: 'next' }) }, { files });
    const old = await kidFor(gateway);
    expect(old.kid).toBe('k1');
    expect(kidsOf(await publishedKeys(gateway.url))).toEqual(['k1', 'k2']);

    expect(await reload(gateway, { k1: 'retired', k2: 'active' })).toBe(true);
    expect((await kidFor(gateway)).kid).toBe('k2');
    const keys = createRemoteJWKSet(new URL(`${gateway.url}/.well-known/jwks.json`));
    await expect(jwtVerify(old.value, keys)).resolves.toBeDefined();

    expect(await reload(gateway, { k2: 'active' })).toBe(true);
    expect(kidsOf(await publishedKeys(gateway.url))).toEqual(['k2']);
    const without = createRemoteJWKSet(new URL(`${gateway.url}/.well-known/jwks.json`));
    await expect(jwtVerify(old.value, without)).rejects.toThrow('no applicable key');
  });

  it.each([
    ['no key is active', { k1: 'retired' }],
    ['two are', { k1: 'active', k2: 'active' }],
  ])('is refused where %s, and the old key goes on signing (AST-P42)', async (_why, states) => {
    const gateway = await start({ assertion: signedBy({ k1: 'active' }) }, { files });
    expect(await reload(gateway, states)).toBe(false);
    expect((await kidFor(gateway)).kid).toBe('k1');
  });

  it('does not follow from a reload: generated keys stay', async () => {
    const gateway = await start();
    const before = await kidFor(gateway);
    const published = kidsOf(await publishedKeys(gateway.url));
    expect(await gateway.reload(acceptance())).toBe(true);
    expect((await kidFor(gateway)).kid).toBe(before.kid);
    expect(kidsOf(await publishedKeys(gateway.url))).toEqual(published);
  });
});
