/** Whatever fails, throws or answers nonsense: a Deny, and never an upstream request. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AssertionMinter, TokenVerifier } from '../../../src/core/decision.ts';
import { ERRORS } from '../../../src/core/error-table.ts';
import { CountersignError, type ErrorCode } from '../../../src/core/errors.ts';
import { decide } from '../../../src/gateway/decide.ts';
import { ADMIN_ONLY, policyOf, verdict, WITH_TOKEN } from '../../support/decisions.ts';
import { ASSERTION_POLICY, testRequest } from '../../support/policy.ts';

describe('decide() fails closed', () => {
  const thrown: [string, unknown][] = [
    ['an Error', new Error('boom')],
    ['a string', 'boom'],
    ['undefined', undefined],
    ['an object without prototype', Object.create(null)],
    ['a look-alike of a refusal', { code: 'no_token', status: 401 }],
  ];
  const fail = (value: unknown) => () => {
    throw value;
  };

  it.each(thrown)('I9 with 500 when the verifier throws %s', async (_name, value) => {
    for (const mode of ['enforce', 'shadow'] as const) {
      const policy = policyOf([{ mode }], { verifier: { verify: fail(value) } });
      const decision = await decide(testRequest({ headers: WITH_TOKEN }), policy);
      expect(decision).toMatchObject({ verdict: 'deny', error: { code: 'internal_error', status: 500 } });
    }
  });

  it.each(thrown)('I9 with 500 when the minter rejects with %s', async (_name, value) => {
    const minter: AssertionMinter = { mint: () => Promise.reject(value) };
    for (const mode of ['enforce', 'shadow'] as const) {
      const policy = policyOf([{ mode, assertion: ASSERTION_POLICY }], { minter });
      const decision = await decide(testRequest({ headers: WITH_TOKEN }), policy);
      expect(decision).toMatchObject({ verdict: 'deny', error: { code: 'internal_error', status: 500 } });
    }
  });

  it.each([null, undefined])('I9 with 500 when the verifier answers %s', async (answer) => {
    const verifier: TokenVerifier = { verify: () => JSON.parse(JSON.stringify({ answer })).answer };
    const decision = await decide(testRequest({ headers: WITH_TOKEN }), policyOf([{}], { verifier }));
    expect(decision).toMatchObject({ verdict: 'deny', error: { status: 500 } });
  });

  it('I9 with what a verifier says later, be it a refusal, a failure or nothing', async () => {
    const outcomes: [TokenVerifier['verify'], string][] = [
      [() => Promise.reject(new CountersignError('expired', 'x')), 'expired'],
      [() => Promise.reject(new Error('boom')), 'internal_error'],
      [() => Promise.resolve(JSON.parse('null')), 'internal_error'],
    ];
    for (const [verify, code] of outcomes) {
      const policy = policyOf([{}], { verifier: { verify } });
      const decision = await decide(testRequest({ headers: WITH_TOKEN }), policy);
      expect(decision).toMatchObject({ verdict: 'deny', error: { code } });
    }
  });

  it('I9 with 500 when explain throws', async () => {
    const decision = await decide(testRequest(), policyOf([{ auth: 'none' }]), fail(new Error('boom')));
    expect(decision).toMatchObject({ verdict: 'deny', error: { status: 500 } });
  });

  it.each(Object.keys(ERRORS) as ErrorCode[])('shadow mode lets %s through only below 500', async (code) => {
    const verifier: TokenVerifier = { verify: fail(new CountersignError(code, 'x')) };
    const policy = policyOf([{ mode: 'shadow', assertion: ASSERTION_POLICY }], { verifier });
    const decision = await decide(testRequest({ headers: WITH_TOKEN }), policy);
    if (ERRORS[code].status < 500)
      expect(decision).toMatchObject({ verdict: 'allow', assertion: null, shadowed: { code } });
    else expect(decision).toMatchObject({ verdict: 'deny', error: { code } });
  });

  it.each([
    ['no route', { target: '/other' }],
    ['an ambiguous path', { target: '/a//b' }],
    ['a malformed path', { target: '/a/../b' }],
    ['a malformed Host', { headers: ['Host', 'a b'] }],
    ['another method', { target: '/a', method: 'PUT' }],
  ])('shadow mode forwards nothing where there is %s', async (_name, request) => {
    expect(await verdict({ mode: 'shadow', pathPrefix: '/a', methods: ['GET'] }, request)).not.toBe('allow');
  });

  it('shadow mode lets a refused caller through without an assertion, and says which refusal', async () => {
    const policy = policyOf([{ mode: 'shadow', require: ADMIN_ONLY, assertion: ASSERTION_POLICY }]);
    const decision = await decide(testRequest({ headers: WITH_TOKEN }), policy);
    expect(decision).toMatchObject({ assertion: null, shadowed: { code: 'insufficient_role' }, token: {} });
  });

  it('I9 never throws, and never allows a required route without a verified token', async () => {
    const header = fc.constantFrom('Host', 'Authorization', 'Cookie', 'X-JWT-Assertion');
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('a', 'Bearer x', 'Bearer', 'bearer x', 'Basic x'),
    );
    const request = fc.record({
      method: fc.constantFrom('GET', 'POST', 'HEAD', ''),
      target: fc.oneof(fc.constant('/'), fc.string(), fc.webUrl()),
      headers: fc.array(fc.tuple(header, value)).map((pairs) => pairs.flat()),
      httpVersion: fc.constantFrom('1.0' as const, '1.1' as const, '2' as const),
    });
    await fc.assert(
      fc.asyncProperty(request, async (given) => {
        expect((await decide(given, policyOf([{}]))).verdict).toBe('deny');
      }),
      { numRuns: 1_000 },
    );
  });
});
