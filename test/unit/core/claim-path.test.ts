import { describe, expect, it } from 'vitest';
import { parseClaimPath, readClaim } from '../../../src/core/claim-path.ts';
import type { JsonObject } from '../../../src/core/json.ts';

const CLAIMS: JsonObject = {
  sub: 'a',
  'https://example.com/groups': ['g'],
  'user.name': 'dotted',
  user: { name: 'nested', 'a/b': 1, 'm~n': 2, '~1': 3, '': 4 },
  list: ['zero', { name: 'one' }],
  empty: null,
};

describe('readClaim()', () => {
  it.each([
    ['sub', 'a'],
    ['https://example.com/groups', ['g']],
    ['user.name', 'dotted'],
    ['/user/name', 'nested'],
    ['/user/a~1b', 1],
    ['/user/m~0n', 2],
    ['/user/~01', 3],
    ['/user/', 4],
    ['/empty', null],
  ])('FJR-S15 finds %s', (path, value) => expect(readClaim(CLAIMS, parseClaimPath(path))).toEqual(value));

  it.each([
    ['absent'],
    ['user/name'],
    ['/user.name/x'],
    ['/sub/length'],
    ['/sub/0'],
    ['/list/0'],
    ['/list/1/name'],
    ['/list/length'],
    ['/empty/x'],
    ['/'],
    [''],
  ])('FJR-S15 finds nothing at %j', (path) =>
    expect(readClaim(CLAIMS, parseClaimPath(path))).toBeUndefined(),
  );

  it.each([
    '__proto__',
    'constructor',
    'toString',
    '/__proto__/x',
    '/constructor/prototype',
    '/user/constructor/name',
    '/user/__proto__',
  ])('J25 lends nothing from a prototype: %s', (path) => {
    expect(readClaim(CLAIMS, parseClaimPath(path))).toBeUndefined();
  });

  it('J25 reads an own member named __proto__ as any other', () => {
    const claims: JsonObject = JSON.parse('{"__proto__":{"admin":true}}');
    expect(readClaim(claims, parseClaimPath('/__proto__/admin'))).toBe(true);
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });
});
