import { describe, expect, it } from 'vitest';
import { isUriName, joinDialect } from '../../../src/core/dialect.ts';

describe('joinDialect', () => {
  it.each([
    ['http://wso2.org/claims', 'http://wso2.org/claims/tier'],
    ['http://wso2.org/claims/', 'http://wso2.org/claims/tier'],
    ['/', '/tier'],
    ['', 'tier'],
  ])('AST-P20 joins %j', (dialect, expected) => {
    expect(joinDialect(dialect, 'tier')).toBe(expected);
  });
});

describe('isUriName', () => {
  it.each(['http://idp.org/claims/mobile', 'urn:oid:2.5.4.20', 'https://x/'])(
    'AST-P27 accepts %s',
    (name) => {
      expect(isUriName(name)).toBe(true);
    },
  );

  it.each(['mobile', 'urn', 'a:b', '/claims', ''])('AST-P27 refuses %j', (name) => {
    expect(isUriName(name)).toBe(false);
  });
});
