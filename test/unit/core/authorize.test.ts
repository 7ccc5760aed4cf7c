import { describe, expect, it } from 'vitest';
import { authorize, type Requirements, requiresNothing } from '../../../src/core/authorize.ts';
import { parseClaimPath } from '../../../src/core/claim-path.ts';
import type { Json } from '../../../src/core/json.ts';
import { NO_REQUIREMENTS, refusalOf, testPrincipal } from '../../support/policy.ts';

const require = (some: Partial<Requirements>): Requirements => ({ ...NO_REQUIREMENTS, ...some });
const any = (...names: string[]) => ({ any: names, all: [] });
const all = (...names: string[]) => ({ any: [], all: names });

describe('authorize()', () => {
  it.each([
    ['nothing required', [], any(), null],
    ['one of one', ['admin'], any('admin'), null],
    ['one of two', ['developer'], any('admin', 'developer'), null],
    ['none of two', ['user'], any('admin', 'developer'), 'insufficient_role'],
    ['no roles', [], any('admin'), 'insufficient_role'],
    ['another case', ['Admin'], any('admin'), 'insufficient_role'],
    ['a prefix', ['administrator'], any('admin'), 'insufficient_role'],
    ['all of two', ['a', 'b', 'c'], all('a', 'b'), null],
    ['one of all', ['a'], all('a', 'b'), 'insufficient_role'],
    ['any met, all not', ['a'], { any: ['a'], all: ['b'] }, 'insufficient_role'],
    ['all met, any not', ['b'], { any: ['a'], all: ['b'] }, 'insufficient_role'],
    ['both met', ['a', 'b'], { any: ['a'], all: ['b'] }, null],
    ['a name of a prototype', [], any('constructor'), 'insufficient_role'],
  ])('GW-C07 roles: %s', (_name, roles, required, refusal) =>
    expect(refusalOf(() => authorize(testPrincipal({ roles }), require({ roles: required })))).toBe(refusal),
  );

  it.each([
    ['held', ['read'], all('read'), null],
    ['lacking', ['read'], all('write'), 'insufficient_scope'],
    ['one of', ['read'], any('read', 'write'), null],
  ])('GW-C07 scopes: %s', (_name, scopes, required, refusal) =>
    expect(refusalOf(() => authorize(testPrincipal({ scopes }), require({ scopes: required })))).toBe(
      refusal,
    ),
  );

  it('GW-C07 does not take a scope for a role, nor a role for a scope', () => {
    expect(refusalOf(() => authorize(testPrincipal({ scopes: ['x'] }), require({ roles: any('x') })))).toBe(
      'insufficient_role',
    );
    expect(refusalOf(() => authorize(testPrincipal({ roles: ['x'] }), require({ scopes: any('x') })))).toBe(
      'insufficient_scope',
    );
  });

  it.each([
    ['a string', 'gold', null],
    ['a number', 7, null],
    ['a boolean', true, null],
    ['one of a list', ['silver', 'gold'], null],
    ['another string', 'Gold', 'insufficient_claims'],
    ['a number as a string', '7', 'insufficient_claims'],
    ['a boolean as a string', 'true', 'insufficient_claims'],
    ['1 for true', 1, 'insufficient_claims'],
    ['an empty list', [], 'insufficient_claims'],
    ['a nested list', [['gold']], 'insufficient_claims'],
    ['an object', { gold: true }, 'insufficient_claims'],
    ['null', null, 'insufficient_claims'],
  ] as [string, Json, string | null][])('GW-C07 claims: %s', (_name, plan, refusal) => {
    const claims = [{ path: parseClaimPath('plan'), values: ['gold', 7, true] }];
    const principal = testPrincipal({ claims: { plan } });
    expect(refusalOf(() => authorize(principal, require({ claims })))).toBe(refusal);
  });

  it('GW-C07 refuses a claim that is absent, and one for which no value is accepted', () => {
    const absent = [{ path: parseClaimPath('constructor'), values: ['x'] }];
    const impossible = [{ path: parseClaimPath('plan'), values: [] }];
    const principal = testPrincipal({ claims: { plan: 'gold' } });
    for (const claims of [absent, impossible])
      expect(refusalOf(() => authorize(principal, require({ claims })))).toBe('insufficient_claims');
  });

  it('GW-C07 requires each claim', () => {
    const claims = [
      { path: parseClaimPath('a'), values: [1] },
      { path: parseClaimPath('/b/c'), values: [2] },
    ];
    const attempt = (principal: ReturnType<typeof testPrincipal>) =>
      refusalOf(() => authorize(principal, require({ claims })));
    expect(attempt(testPrincipal({ claims: { a: 1, b: { c: 2 } } }))).toBeNull();
    expect(attempt(testPrincipal({ claims: { a: 1, b: { c: 3 } } }))).toBe('insufficient_claims');
  });

  it('tells the client what is required, never what the token holds', () => {
    const principal = testPrincipal({ roles: ['s3cret'], claims: { plan: 's3cret' } });
    expect(() => authorize(principal, require({ roles: any('admin', 'developer') }))).toThrow(
      expect.objectContaining({
        parameter: 'admin developer',
        message: 'one of admin, developer is required',
      }),
    );
    const claims = [{ path: parseClaimPath('plan'), values: ['gold'] }];
    expect(() => authorize(principal, require({ claims }))).toThrow(
      expect.objectContaining({ parameter: 'plan', message: expect.not.stringContaining('s3cret') }),
    );
  });
});

describe('requiresNothing()', () => {
  it.each([
    [NO_REQUIREMENTS, true],
    [require({ roles: any('a') }), false],
    [require({ roles: all('a') }), false],
    [require({ scopes: any('a') }), false],
    [require({ scopes: all('a') }), false],
    [require({ claims: [{ path: parseClaimPath('a'), values: [] }] }), false],
  ])('for %j: %s', (requirements, nothing) => expect(requiresNothing(requirements)).toBe(nothing));
});
