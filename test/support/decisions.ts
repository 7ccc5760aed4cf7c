/** decide() against a verifier and a minter that tests can look into. */
import type { AssertionMinter, Decision, GatewayRequest, TokenVerifier } from '../../src/core/decision.ts';
import { CountersignError } from '../../src/core/errors.ts';
import type { Realm } from '../../src/core/realm.ts';
import type { Route } from '../../src/core/route.ts';
import { decide, type Policy } from '../../src/gateway/decide.ts';
import { ASSERTION, testPrincipal, testRequest, testRoutes, testToken } from './policy.ts';

/** The one token that the verifier knows. */
export const T1 = 'aaa.bbb.ccc';
export const WITH_TOKEN = ['Host', 'gateway.test', 'Authorization', `Bearer ${T1}`];
export const ADMIN_ONLY = { roles: { any: ['admin'], all: [] }, scopes: { any: [], all: [] }, claims: [] };

interface Call {
  readonly what: 'verify' | 'mint';
  readonly realms?: readonly Realm[];
}

/** A policy whose verifier knows T1 and whose minter always answers; `calls` records both. */
export function policyOf(
  routes: Partial<Route>[],
  overrides: Partial<Policy> = {},
): Policy & { calls: Call[] } {
  const calls: Call[] = [];
  const verifier: TokenVerifier = {
    verify(token, realms) {
      calls.push({ what: 'verify', realms });
      if (token !== T1) throw new CountersignError('bad_signature', 'wrong');
      return testToken({ principal: testPrincipal({ roles: ['authenticated'] }) });
    },
  };
  const minter: AssertionMinter = {
    mint() {
      calls.push({ what: 'mint' });
      return Promise.resolve(ASSERTION);
    },
  };
  return { routes: testRoutes(...routes), verifier, minter, calls, ...overrides };
}

/** `allow`, or the code of the refusal. */
export function verdictOf(decision: Decision): string {
  return decision.verdict === 'allow' ? 'allow' : decision.error.code;
}

/** The verdict on one request to a table of one route. */
export async function verdict(route: Partial<Route>, request: Partial<GatewayRequest> = {}): Promise<string> {
  return verdictOf(await decide(testRequest(request), policyOf([route])));
}
