/** Key sets of identity providers: held while a provider names them. */
import { describe, expect, it } from 'vitest';
import { createForeignTokens } from '../../../src/app/foreign-tokens.ts';
import { CountersignError } from '../../../src/core/errors.ts';
import type { RemoteKeySet } from '../../../src/jwt/jwks.ts';
import { importJwk } from '../../../src/jwt/keys.ts';
import type { IdentityProvider } from '../../../src/objects/identity-provider.ts';
import type { Catalog } from '../../../src/tokens/catalog.ts';
import { TokenRejectedError } from '../../../src/tokens/ports.ts';
import { fakeClock } from '../../support/clock.ts';
import { acme, providerOf, publicPem } from '../../support/identity-provider.ts';
import { base64url, compact, signed, testKey } from '../../support/tokens.ts';

const clock = fakeClock();
const exp = Math.floor(clock() / 1000) + 300;
const token = signed(acme, { sub: 'bob', exp });

function catalogOf(revision: number, ...providers: IdentityProvider[]): Catalog {
  const none = new Map();
  return {
    revision,
    tenants: none,
    applications: none,
    keys: none,
    lambdas: none,
    apiKeys: none,
    webhooks: none,
    identityProviders: new Map(providers.map((one, index) => [String(index), one])),
  };
}

/** Foreign tokens over key sets that all hold the key of acme, and what became of the sets. */
function opened() {
  const calls: string[] = [];
  const urls = new Map<RemoteKeySet, string>();
  let catalog = catalogOf(1);
  const foreign = createForeignTokens({
    catalog: () => catalog,
    verifyingKey: () => {
      throw new Error('not asked');
    },
    registry: {
      acquire({ source }) {
        const url = source.kind === 'url' ? source.url : source.issuer;
        calls.push(`+${url}`);
        const keySet = keySetAt(url);
        urls.set(keySet, url);
        return keySet;
      },
      release: (keySet) => void calls.push(`-${urls.get(keySet)}`),
    },
  });
  const verify = (url: string) => foreign.read(token).verify({ kind: 'keySet', url, kid: 'acme-1' }, clock());
  const serve = (next: Catalog) => {
    catalog = next;
  };
  return { calls, foreign, verify, serve };
}

function keySetAt(url: string): RemoteKeySet {
  return {
    url,
    generation: 1,
    loaded: null,
    find(kid) {
      if (url.includes('down')) throw new CountersignError('keys_unavailable', 'down');
      if (kid !== 'acme-1') throw new CountersignError('unknown_kid', 'no such kid');
      return [importJwk(acme.jwk as never)];
    },
    requireUsable() {},
    status: () => {
      throw new Error('not asked');
    },
    start: async () => {},
    refresh: async () => {},
    close() {},
  };
}

const at = (jwksUri: string) => providerOf({ jwksUri });
const A = 'https://a.test/jwks';
const B = 'https://b.test/jwks';

describe('createForeignTokens()', () => {
  it('fetches a key set once, and lets go of it when no provider names it any more', async () => {
    const { calls, foreign, verify, serve } = opened();
    serve(catalogOf(1, at(A), at(B)));
    await verify(A);
    await verify(B);
    await verify(A);
    expect(calls).toEqual([`+${A}`, `+${B}`]);
    serve(catalogOf(2, at(B)));
    await verify(B);
    expect(calls).toEqual([`+${A}`, `+${B}`, `-${A}`]);
    foreign.close();
    expect(calls).toEqual([`+${A}`, `+${B}`, `-${A}`, `-${B}`]);
  });

  it('tells an outage from a refusal', async () => {
    const { foreign, verify, serve } = opened();
    serve(catalogOf(1, at(A)));
    await expect(verify('https://down.test')).rejects.toMatchObject({ status: 503 });
    const unknown = foreign.read(token).verify({ kind: 'keySet', url: A, kid: 'x' }, clock());
    await expect(unknown).rejects.toThrow(TokenRejectedError);
  });

  it('verifies by PEM whatever the key serves, and refuses one that is no key', async () => {
    const { foreign } = opened();
    const rsa = testKey('RS256');
    const pem = publicPem(rsa);
    const ps = testKey('PS256');
    for (const [one, text] of [
      [signed(rsa, { exp }), pem],
      [signed(ps, { exp }), publicPem(ps)],
    ] as const)
      expect(await foreign.read(one).verify({ kind: 'pem', pem: text }, clock())).toEqual({ exp });
    const weak = foreign.read(token).verify({ kind: 'pem', pem: 'nonsense' }, clock());
    await expect(weak).rejects.toThrow(TokenRejectedError);
  });

  it('reads every member of the header, and nothing of what is no strict JWS', () => {
    const { foreign } = opened();
    const text = compact({ alg: 'ES256', 'x5t#S256': 'thumb', kid: 'k' }, { sub: 's' }, acme.sign);
    expect(foreign.read(text)).toMatchObject({
      header: { alg: 'ES256', 'x5t#S256': 'thumb', kid: 'k' },
      claims: { sub: 's' },
    });
    const doubled = `${base64url('{"alg":"ES256","kid":"a","kid":"b"}')}.e30.AA`;
    for (const bad of ['', 'a.b', doubled, `${text}=`, `${text}.x`, 'x'.repeat(20_000)])
      expect(() => foreign.read(bad)).toThrow(TokenRejectedError);
  });
});
