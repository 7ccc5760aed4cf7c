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

describe('joinDialect, many times', () => {
  it('AST-P20 joins alike before and beyond what it remembers', () => {
    const dialects = Array.from({ length: 40 }, (_, index) => `urn:dialect-${index}`);
    const names = [...Array.from({ length: 600 }, (_, index) => `name-${index}`), 'n'.repeat(500)];
    for (const dialect of dialects) {
      const expected = names.map((name) => `${dialect}/${name}`);
      expect(names.map((name) => joinDialect(dialect, name))).toEqual(expected);
      expect(names.map((name) => joinDialect(dialect, name))).toEqual(expected);
    }
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
