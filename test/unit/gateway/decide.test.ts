import { describe, expect, it } from 'vitest';
import { Allow, type AssertionMinter, type GatewayRequest } from '../../../src/core/decision.ts';
import type { Route } from '../../../src/core/route.ts';
import { decide } from '../../../src/gateway/decide.ts';
import { ADMIN_ONLY, policyOf, T1, verdict, verdictOf, WITH_TOKEN } from '../../support/decisions.ts';
import { ASSERTION, ASSERTION_POLICY, testRealm, testRequest } from '../../support/policy.ts';

describe('decide() matches', () => {
  it('GW-C03 denies what no route matches, without asking anyone', async () => {
    const policy = policyOf([{ pathPrefix: '/a' }]);
    const decision = await decide(testRequest({ target: '/b' }), policy);
    expect(decision).toMatchObject({ verdict: 'deny', error: { status: 404 }, route: null, token: null });
    expect(policy.calls).toEqual([]);
  });

  it.each([
    ['no Host', { headers: [] }, 'bad_host'],
    ['an empty Host', { headers: ['Host', ''] }, 'bad_host'],
    ['two Hosts', { headers: ['Host', 'a', 'host', 'a'] }, 'bad_host'],
    ['a malformed Host', { headers: ['Host', 'a/b@c evil'] }, 'bad_host'],
    ['HTTP/2 without authority', { headers: [], httpVersion: '2' }, 'bad_host'],
    ['HTTP/1.0 without Host', { headers: [], httpVersion: '1.0' }, 'allow'],
    ['HTTP/1.0 with a malformed Host', { headers: ['Host', 'a b'], httpVersion: '1.0' }, 'bad_host'],
    ['absolute-form of the same authority', { target: 'http://GATEWAY.test/' }, 'allow'],
    ['absolute-form of another authority', { target: 'http://evil/' }, 'bad_host'],
    ['absolute-form of another port', { target: 'http://gateway.test:81/' }, 'bad_host'],
    ['absolute-form with a malformed authority', { target: 'http://a\n/' }, 'bad_host'],
    ['absolute-form without Host', { target: 'http://gateway.test/', headers: [] }, 'bad_host'],
    ['HTTP/1.0 absolute-form', { target: 'http://a/', headers: [], httpVersion: '1.0' }, 'allow'],
    ['asterisk-form', { method: 'OPTIONS', target: '*' }, 'bad_path'],
    ['a dot segment', { target: '/public/../admin' }, 'bad_path'],
    ['an ambiguous path', { target: '//admin' }, 'bad_path'],
    ['a target over 8 KiB', { target: `/${'a'.repeat(8192)}` }, 'target_too_long'],
  ] as [string, Partial<GatewayRequest>, string][])('P04 P05 answers %s', async (_name, request, expected) =>
    expect(await verdict({ auth: 'none' }, request)).toBe(expected),
  );

  it('P04 routes an absolute-form target by its authority', async () => {
    const policy = policyOf([
      { name: 'a', hosts: ['a'], auth: 'none' },
      { name: 'any', hosts: ['*'], auth: 'none' },
    ]);
    const request = testRequest({ target: 'http://a/', headers: [], httpVersion: '1.0' });
    expect(await decide(request, policy)).toMatchObject({ route: { name: 'a' } });
  });

  it('forwards what it matched', async () => {
    const decision = await decide(testRequest({ target: '/%61?b' }), policyOf([{ auth: 'none' }]));
    expect(decision).toMatchObject({ target: { path: '/a', query: '?b' } });
  });
});

describe('decide() authenticates', () => {
  it('FJR-S02 allows a verified caller', async () => {
    const decision = await decide(testRequest({ headers: WITH_TOKEN }), policyOf([{}]));
    expect(decision).toMatchObject({ token: { principal: { subject: 'test-fusion' } }, assertion: null });
    expect(Allow.isAllow(decision)).toBe(true);
  });

  it.each([
    ['required', [], 'no_token'],
    ['required', ['Authorization', `bearer ${T1}`], 'no_token'],
    ['required', ['Authorization', 'Bearer wrong'], 'bad_signature'],
    ['required', ['Authorization', 'Bearer'], 'malformed'],
    ['required', ['Authorization', `Bearer ${T1}`, 'Authorization', 'x'], 'ambiguous_credentials'],
    ['optional', [], 'allow'],
    ['optional', ['Authorization', `Bearer ${T1}`], 'allow'],
    ['optional', ['Authorization', 'Bearer wrong'], 'bad_signature'],
    ['optional', ['Authorization', 'Bearer'], 'malformed'],
    ['none', ['Authorization', 'Bearer wrong'], 'allow'],
  ] as [Route['auth'], string[], string][])('FJR-S03 auth: %s with %j: %s', async (auth, headers, expected) =>
    expect(await verdict({ auth }, { headers: ['Host', 'a', ...headers] })).toBe(expected),
  );

  it('does not look at a token on auth: none', async () => {
    const policy = policyOf([{ auth: 'none', assertion: ASSERTION_POLICY }]);
    const decision = await decide(testRequest({ headers: WITH_TOKEN }), policy);
    expect(decision).toMatchObject({ verdict: 'allow', token: null, assertion: null });
    expect(policy.calls).toEqual([]);
  });

  it('C44 asks only the realms that read tokens where this one was', async () => {
    const cookie = testRealm({ name: 'cookie', tokenFrom: [{ kind: 'cookie', name: 't' }] });
    const policy = policyOf([{ realms: [testRealm(), cookie] }]);
    await decide(testRequest({ headers: WITH_TOKEN }), policy);
    expect(policy.calls[0]?.realms?.map(({ name }) => name)).toEqual(['fusion']);
  });

  it('J16 denies a token that was verified for a realm outside the route', async () => {
    const policy = policyOf([{ realms: [testRealm({ name: 'other' })] }]);
    expect(verdictOf(await decide(testRequest({ headers: WITH_TOKEN }), policy))).toBe('internal_error');
  });
});

describe('decide() authorizes', () => {
  it('GW-C07 denies a caller that lacks the role, and names the route and the token', async () => {
    const policy = policyOf([{ require: ADMIN_ONLY, assertion: ASSERTION_POLICY }]);
    const decision = await decide(testRequest({ headers: WITH_TOKEN }), policy);
    expect(decision).toMatchObject({
      error: { status: 403 },
      route: { name: 'route' },
      token: { algorithm: 'HS256' },
    });
    expect(policy.calls.map(({ what }) => what)).toEqual(['verify']);
  });

  it('GW-C07 does not let a caller escape a requirement by leaving the token out', async () => {
    expect(await verdict({ auth: 'optional', require: ADMIN_ONLY })).toBe('no_token');
    expect(await verdict({ auth: 'optional', require: ADMIN_ONLY }, { headers: WITH_TOKEN })).toBe(
      'insufficient_role',
    );
  });

  it('GW-C07 asks for other roles by other methods', async () => {
    const policy = policyOf([{ methods: ['GET'] }, { methods: ['POST'], require: ADMIN_ONLY }]);
    const send = async (method: string) =>
      verdictOf(await decide(testRequest({ method, headers: WITH_TOKEN }), policy));
    expect(await send('GET')).toBe('allow');
    expect(await send('HEAD')).toBe('allow');
    expect(await send('POST')).toBe('insufficient_role');
  });

  it('P06 does not listen to method overrides', async () => {
    const policy = policyOf([{ methods: ['GET'] }, { methods: ['POST'], require: ADMIN_ONLY }]);
    const headers = [...WITH_TOKEN, 'X-HTTP-Method-Override', 'GET'];
    expect(verdictOf(await decide(testRequest({ method: 'POST', headers }), policy))).toBe(
      'insufficient_role',
    );
  });
});

describe('decide() mints', () => {
  it.each([
    ['a verified caller', {}, WITH_TOKEN, true],
    ['a verified caller on auth: optional', { auth: 'optional' }, WITH_TOKEN, true],
    ['an anonymous caller', { auth: 'optional' }, ['Host', 'a'], false],
    [
      'an anonymous caller by choice',
      { auth: 'optional', assertion: { ...ASSERTION_POLICY, anonymous: true } },
      ['Host', 'a'],
      true,
    ],
    ['a caller on a route that does not mint', { assertion: null }, WITH_TOKEN, false],
  ] as [string, Partial<Route>, string[], boolean][])('for %s', async (_name, route, headers, minted) => {
    const policy = policyOf([{ assertion: ASSERTION_POLICY, ...route }]);
    const decision = await decide(testRequest({ headers }), policy);
    expect(decision).toMatchObject({ verdict: 'allow', assertion: minted ? ASSERTION : null });
    expect(policy.calls.some(({ what }) => what === 'mint')).toBe(minted);
  });

  it.each([[null], [undefined], [{ ...ASSERTION, value: '' }]])(
    'denies where the minter answers %j',
    async (answer) => {
      const minter: AssertionMinter = { mint: () => JSON.parse(JSON.stringify({ answer })).answer };
      const policy = policyOf([{ assertion: ASSERTION_POLICY }], { minter });
      expect(verdictOf(await decide(testRequest({ headers: WITH_TOKEN }), policy))).toBe('internal_error');
    },
  );
});

describe('decide() explains', () => {
  it('tells each step in order, and never the token', async () => {
    const steps: [string, string][] = [];
    const policy = policyOf([{ assertion: ASSERTION_POLICY }]);
    await decide(testRequest({ headers: WITH_TOKEN }), policy, (step, detail) => steps.push([step, detail]));
    expect(steps.map(([step]) => step)).toEqual(['route', 'token', 'authorize']);
    expect(JSON.stringify(steps)).not.toContain(T1);
  });

  it('tells of an anonymous caller', async () => {
    const steps: string[] = [];
    await decide(testRequest(), policyOf([{ auth: 'optional' }]), (_step, detail) => steps.push(detail));
    expect(steps.slice(1)).toEqual(['none', 'anonymous caller']);
  });
});
