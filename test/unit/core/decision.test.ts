import { describe, expect, it } from 'vitest';
import { Allow } from '../../../src/core/decision.ts';
import { CountersignError } from '../../../src/core/errors.ts';
import { parseTarget } from '../../../src/core/path.ts';
import type { Route } from '../../../src/core/route.ts';
import { ASSERTION, ASSERTION_POLICY, refusalOf, testRoute, testToken } from '../../support/policy.ts';

type Parts = Parameters<typeof Allow.of>[0];

const MINTING: Partial<Route> = { assertion: ASSERTION_POLICY };
const ANONYMOUS: Partial<Route> = { auth: 'optional', assertion: { ...ASSERTION_POLICY, anonymous: true } };
const refused = new CountersignError('insufficient_role', 'admin is required');
const failed = new CountersignError('keys_unavailable', 'no set');

const parts = (route: Partial<Route>, others: Partial<Parts>): Parts => ({
  route: testRoute(route),
  target: parseTarget('/'),
  token: null,
  assertion: null,
  shadowed: null,
  ...others,
});

describe('Allow.of()', () => {
  it.each([
    ['a verified caller, nothing minted', {}, { token: testToken() }],
    ['a verified caller with an assertion', MINTING, { token: testToken(), assertion: ASSERTION }],
    ['auth: none', { auth: 'none' }, {}],
    ['auth: none where minting is on', { ...MINTING, auth: 'none' }, {}],
    ['an anonymous caller on auth: optional', { ...MINTING, auth: 'optional' }, {}],
    ['an anonymous caller with an assertion', ANONYMOUS, { assertion: ASSERTION }],
    ['a refusal in shadow mode', { ...MINTING, mode: 'shadow' }, { shadowed: refused }],
    ['a refused caller in shadow mode', { mode: 'shadow' }, { token: testToken(), shadowed: refused }],
  ] as [string, Partial<Route>, Partial<Parts>][])('allows %s', (_name, route, others) => {
    const given = parts(route, others);
    const allow = Allow.of(given);
    expect({ ...allow }).toMatchObject({ verdict: 'allow', ...given });
    expect(Allow.isAllow(allow)).toBe(true);
  });

  it.each([
    ['a required token is missing', {}, {}],
    ['the assertion is missing', MINTING, { token: testToken() }],
    ['the assertion is undefined', MINTING, { token: testToken(), assertion: undefined }],
    ['the assertion is empty', MINTING, { token: testToken(), assertion: { ...ASSERTION, value: '' } }],
    ['the assertion is missing on auth: optional', { ...MINTING, auth: 'optional' }, { token: testToken() }],
    ['the anonymous assertion is missing', ANONYMOUS, {}],
    ['nothing is minted on the route', {}, { token: testToken(), assertion: ASSERTION }],
    ['nothing is minted on auth: none', { ...MINTING, auth: 'none' }, { assertion: ASSERTION }],
    ['anonymous callers get none', { ...MINTING, auth: 'optional' }, { assertion: ASSERTION }],
    ['a refusal on an enforced route', {}, { token: testToken(), shadowed: refused }],
    ['a failure in shadow mode', { mode: 'shadow' }, { token: testToken(), shadowed: failed }],
    [
      'a refused caller with an assertion',
      { ...MINTING, mode: 'shadow' },
      { shadowed: refused, assertion: ASSERTION },
    ],
  ] as [string, Partial<Route>, Partial<Parts>][])('cannot be where %s', (_name, route, others) => {
    expect(refusalOf(() => Allow.of(parts(route, others)))).toBe('internal_error');
  });

  it('cannot be by way of the constructor either', () => {
    expect(refusalOf(() => Reflect.construct(Allow, [parts(MINTING, { token: testToken() })]))).toBe(
      'internal_error',
    );
  });
});

describe('Allow.isAllow()', () => {
  it.each([
    ['a look-alike', { ...Allow.of(parts({ auth: 'none' }, {})) }],
    ['an object with the prototype', Object.create(Allow.prototype)],
    ['a deny', { verdict: 'deny', error: refused, route: null, token: null }],
  ])('is false for %s', (_name, value) => expect(Allow.isAllow(value)).toBe(false));
});
