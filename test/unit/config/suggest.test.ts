import { describe, expect, it } from 'vitest';
import { didYouMean, nearestName } from '../../../src/config/suggest.ts';

const KEYS = ['issuer', 'jwksUri', 'audiences', 'allowUnsigned', 'claims', 'name'];

describe('nearestName()', () => {
  it.each([
    ['isuer', 'issuer'],
    ['Issuer', 'issuer'],
    ['jwks_uri', 'jwksUri'],
    ['jwks-url', 'jwksUri'],
    ['audience', 'audiences'],
    ['allowUnsinged', 'allowUnsigned'],
    ['nam', 'name'],
    ['naem', 'name'], // two letters swapped are one mistake
    ['anme', 'name'],
    ['niame', 'name'],
    ['enam', null],
    ['telephone', null],
    ['x', null],
    ['', null],
    ['i'.repeat(100_000), null],
  ])('%.20s: %s', (name, expected) => {
    expect(nearestName(name, KEYS)).toBe(expected);
  });
});

describe('nearestName() of names that share words', () => {
  it('takes no candidate for the end alone', () => {
    expect(nearestName('captchaConfiguration', ['jwtConfiguration', 'loginConfiguration'])).toBeNull();
  });

  it('finds the mistake before an end that both have', () => {
    expect(nearestName('jwtsConfiguration', ['loginConfiguration', 'jwtConfiguration'])).toBe(
      'jwtConfiguration',
    );
  });

  it.each([
    ['path', ['hosts', 'pathPrefix', 'methods'], 'pathPrefix'],
    ['alg', ['issuer', 'algorithm'], 'algorithm'],
    ['pa', ['hosts', 'pathPrefix'], null],
    ['token', ['tokenFrom', 'tokenService'], null], // either may be meant
  ])('%s is the beginning of %j: %s', (name, candidates, expected) => {
    expect(nearestName(name, candidates)).toBe(expected);
  });
});

describe('didYouMean()', () => {
  it('is empty where nothing is near', () => {
    expect(didYouMean('telephone', KEYS)).toBe('');
  });
});
