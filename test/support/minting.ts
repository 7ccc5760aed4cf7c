/** A minter over keys made for a test, and what stands in the assertions it makes. */
import type { AssertionPolicy, ClaimsRetriever, UserClaimsPolicy } from '../../src/core/assertion.ts';
import type { Assertion } from '../../src/core/decision.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { VerifiedToken } from '../../src/core/principal.ts';
import type { Route } from '../../src/core/route.ts';
import { type Keyring, openKeyring } from '../../src/jwt/keyring.ts';
import { createMinter, type Minter, type MinterOptions } from '../../src/jwt/mint.ts';
import type { GivenKey } from '../../src/jwt/signing-key.ts';
import { type FakeClock, fakeClock } from './clock.ts';
import { ASSERTION_POLICY, testPrincipal, testRealm, testRoute, testToken } from './policy.ts';
import type { TestKey } from './tokens.ts';
import { recordingLog } from './verifier.ts';

export function pemOf({ privateKey }: TestKey): string {
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

/** The key as an operator would give it, active and without certificate. */
export function givenKey(key: TestKey, overrides: Partial<GivenKey> = {}): GivenKey {
  return { id: key.kid, privateKey: pemOf(key), certificatePem: null, state: 'active', ...overrides };
}

/** A keyring for the algorithms of the keys. */
export function testKeyring(
  keys: readonly TestKey[],
  given = keys.map((key) => givenKey(key)),
): Promise<Keyring> {
  return openKeyring({
    source: { keys: given },
    algorithms: keys.map(({ alg }) => alg),
    longestTtlMs: 300_000,
    clock: fakeClock(),
    log: recordingLog(),
  });
}

export interface TestMinter {
  readonly minter: Minter;
  readonly clock: FakeClock;
  readonly log: ReturnType<typeof recordingLog>;
}

/** Jtis are `jti-1`, `jti-2`, … */
export function testMinter(keyring: Keyring, overrides: Partial<MinterOptions> = {}): TestMinter {
  const clock = fakeClock();
  const log = recordingLog();
  let count = 0;
  const randomId = () => `jti-${++count}`;
  const minter = createMinter({ keyring, clock, log, randomId, cacheMax: 100, ...overrides });
  return { minter, clock, log };
}

type PolicyOverrides = Partial<Omit<AssertionPolicy, 'userClaims'>> & {
  readonly userClaims?: Partial<UserClaimsPolicy>;
};

export function testPolicy({ userClaims, ...rest }: PolicyOverrides = {}): AssertionPolicy {
  return { ...ASSERTION_POLICY, ...rest, userClaims: { ...ASSERTION_POLICY.userClaims, ...userClaims } };
}

/** A route that mints, with Ed25519 signatures unless told: they are quick. */
export function mintingRoute(policy: PolicyOverrides = {}, route: Partial<Route> = {}): Route {
  return testRoute({ assertion: testPolicy({ algorithm: 'EdDSA', ...policy }), ...route });
}

/** A token of the Fusion realm with these claims. */
export function tokenWithClaims(claims: JsonObject, overrides: Partial<VerifiedToken> = {}): VerifiedToken {
  return testToken({ principal: testPrincipal({ claims }), realm: testRealm(), ...overrides });
}

/** Answers every user with the same claims, in the given order. */
export function fixedRetriever(
  claims: JsonObject | ReadonlyMap<string, JsonObject[string]>,
  rest: { readonly dialect?: string; readonly order?: 'natural' | 'given' } = {},
): ClaimsRetriever {
  const map = new Map(claims instanceof Map ? claims : Object.entries(claims));
  return {
    name: 'fixed',
    retrieve: () => ({ dialect: rest.dialect ?? null, claims: map, order: rest.order ?? 'natural' }),
  };
}

/** Header and claims; Buffer reads every flavour of Base64. */
export function decodedAssertion({ value }: Assertion): {
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
  texts: readonly string[];
} {
  const texts = value
    .split('.')
    .slice(0, 2)
    .map((part) => Buffer.from(part, 'base64').toString('utf8'));
  return { header: JSON.parse(texts[0] ?? ''), claims: JSON.parse(texts[1] ?? ''), texts };
}
