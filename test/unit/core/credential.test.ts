import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cookieValues,
  extractCredential,
  isSameLocation,
  type TokenLocation,
  withoutCookies,
  withoutQueryParameters,
} from '../../../src/core/credential.ts';
import { CountersignError } from '../../../src/core/errors.ts';
import { BEARER, refusalOf } from '../../support/policy.ts';

const ANY_CASE: TokenLocation = {
  kind: 'header',
  name: 'authorization',
  scheme: 'Bearer',
  schemeCaseSensitive: false,
};
const RAW: TokenLocation = { kind: 'header', name: 'X-Token', scheme: '', schemeCaseSensitive: true };
const COOKIE: TokenLocation = { kind: 'cookie', name: 'access_token' };
const QUERY: TokenLocation = { kind: 'query', name: 'access_token' };
const T1 = 'aaa.bbb.ccc';

/** The token, `none`, or the code of the refusal. */
function outcome(headers: string[], query = '', locations: TokenLocation[] = [BEARER]): string {
  let token = 'none';
  return refusalOf(() => (token = extractCredential(headers, query, locations)?.token ?? token)) ?? token;
}

describe('extractCredential()', () => {
  it.each([
    ['FJR-S02 the usual form', ['Authorization', `Bearer ${T1}`], T1],
    ['FJR-S04 another case of the header name', ['aUTHORIZATION', `Bearer ${T1}`], T1],
    ['FJR-S03 bearer', ['Authorization', `bearer ${T1}`], 'none'],
    ['FJR-S03 BEARER', ['Authorization', `BEARER ${T1}`], 'none'],
    ['J23 no header', [], 'none'],
    ['J23 an empty header', ['Authorization', ''], 'none'],
    ['J23 two spaces', ['Authorization', `Bearer  ${T1}`], T1],
    ['J23 a tab', ['Authorization', `Bearer\t${T1}`], 'malformed'],
    ['J23 leading white space', ['Authorization', ` Bearer ${T1}`], 'none'],
    ['J23 trailing white space', ['Authorization', `Bearer ${T1} `], 'malformed'],
    ['J23 no token', ['Authorization', 'Bearer'], 'malformed'],
    ['J23 an empty token', ['Authorization', 'Bearer '], 'malformed'],
    ['J23 no space', ['Authorization', `Bearer${T1}`], 'none'],
    ['J23 a colon', ['Authorization', `Bearer: ${T1}`], 'none'],
    ['J23 Basic', ['Authorization', 'Basic dXNlcjpwdw=='], 'none'],
    ['J23 the scheme twice', ['Authorization', `Bearer Bearer ${T1}`], 'malformed'],
    ['J23 quoted', ['Authorization', `Bearer "${T1}"`], 'malformed'],
    ['J23 a parameter', ['Authorization', `Bearer token=${T1}`], 'malformed'],
    ['J23 JSON', ['Authorization', 'Bearer {"a":1}'], 'malformed'],
    ['J23 a control character', ['Authorization', `Bearer ${T1}\u0001`], 'malformed'],
    ['J23 padding', ['Authorization', 'Bearer a.b.c=='], 'a.b.c=='],
    ['J23 padding inside', ['Authorization', 'Bearer a=.b.c'], 'malformed'],
    [
      'J23 two headers',
      ['Authorization', `Bearer ${T1}`, 'Authorization', `Bearer ${T1}`],
      'ambiguous_credentials',
    ],
    [
      'J23 two headers, one Basic',
      ['Authorization', 'Basic x', 'authorization', `Bearer ${T1}`],
      'ambiguous_credentials',
    ],
    ['J23 a comma joined list', ['Authorization', `Bearer ${T1}, Bearer ${T1}`], 'ambiguous_credentials'],
    ['J23 two schemes in one', ['Authorization', `Bearer ${T1},Basic x`], 'ambiguous_credentials'],
    ['J23 two schemes, ours second', ['Authorization', `Basic x, Bearer ${T1}`], 'none'],
    ['J23 a comma alone', ['Authorization', `Bearer ${T1},`], 'malformed'],
    ['J23 an alias of the header', ['X_Authorization', `Bearer ${T1}`], 'none'],
    ['C44 a cookie that is not listed', ['Cookie', `access_token=${T1}`], 'none'],
  ])('%s', (_name, headers, expected) => expect(outcome(headers)).toBe(expected));

  it('C44 ignores a query token that is not listed', () => {
    expect(outcome([], `?access_token=${T1}`)).toBe('none');
  });

  it.each([
    ['a cookie', ['Cookie', `a=1; access_token=${T1}; b=2`], '', T1],
    ['a cookie without spaces', ['Cookie', `a=1;access_token=${T1}`], '', T1],
    ['a cookie of a longer name', ['Cookie', `access_tokens=${T1}`], '', 'none'],
    ['a cookie in another case', ['Cookie', `Access_Token=${T1}`], '', 'none'],
    ['two cookies of the name', ['Cookie', `access_token=a; access_token=b`], '', 'ambiguous_credentials'],
    [
      'two Cookie headers',
      ['Cookie', 'access_token=a', 'Cookie', 'access_token=b'],
      '',
      'ambiguous_credentials',
    ],
    ['a query parameter', [], `?a=1&access_token=${T1}`, T1],
    ['an encoded query parameter', [], `?access%5ftoken=${T1}`, T1],
    ['two query parameters', [], '?access_token=a&access_token=b', 'ambiguous_credentials'],
    ['two, one of them encoded', [], '?access_token=a&access_%74oken=b', 'ambiguous_credentials'],
    ['an empty query parameter', [], '?access_token=', ''],
    ['header and query', ['Authorization', `Bearer ${T1}`], `?access_token=${T1}`, 'ambiguous_credentials'],
    [
      'header and cookie',
      ['Authorization', `Bearer ${T1}`, 'Cookie', `access_token=${T1}`],
      '',
      'ambiguous_credentials',
    ],
    ['Basic and cookie', ['Authorization', 'Basic x', 'Cookie', `access_token=${T1}`], '', T1],
    ['a header without scheme', ['x-token', T1], '', T1],
    ['that header twice', ['x-token', T1, 'X-Token', T1], '', 'ambiguous_credentials'],
    ['that header and ours', ['x-token', T1, 'Authorization', `Bearer ${T1}`], '', 'ambiguous_credentials'],
  ])('C44 J23 where all places are listed: %s', (_name, headers, query, expected) =>
    expect(outcome(headers, query, [BEARER, RAW, COOKIE, QUERY])).toBe(expected),
  );

  it('J23 refuses two Authorization headers also where the token is looked for elsewhere', () => {
    const headers = ['Authorization', 'Basic a', 'Authorization', 'Basic b', 'Cookie', `access_token=${T1}`];
    expect(outcome(headers, '', [COOKIE])).toBe('ambiguous_credentials');
  });

  it.each(['bearer', 'BEARER', 'BeArEr', 'Bearer'])('reads %s with schemeCaseSensitive: false', (scheme) => {
    expect(outcome(['Authorization', `${scheme} ${T1}`], '', [ANY_CASE])).toBe(T1);
  });

  it('names every location that reads the token, and no other', () => {
    const headers = ['Authorization', `Bearer ${T1}`];
    expect(extractCredential(headers, '', [BEARER, ANY_CASE, COOKIE])?.locations).toEqual([BEARER, ANY_CASE]);
    const lower = extractCredential(['Authorization', `bearer ${T1}`], '', [BEARER, ANY_CASE]);
    expect(lower?.locations).toEqual([ANY_CASE]);
  });

  it('leaves out a location that reads another token in the same place', () => {
    const whole: TokenLocation = { ...BEARER, scheme: '' };
    const credential = extractCredential(['Authorization', `Bearer ${T1}`], '', [BEARER, whole]);
    expect(credential).toEqual({ token: T1, locations: [BEARER] });
  });

  it('J23 gives a token of RFC 6750 §2.1, nothing, or a refusal, for every header value', () => {
    const value = fc.string({
      unit: fc.constantFrom('Bearer', 'bearer', ' ', '\t', ',', 'a', '.', '=', '"', 'é'),
    });
    fc.assert(
      fc.property(value, (text) => {
        try {
          const token = extractCredential(['Authorization', text], '', [BEARER])?.token;
          if (token !== undefined) expect(text).toMatch(/^Bearer +[A-Za-z0-9\-._~+/]+=*$/);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(CountersignError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('puts no part of a token into the message of a refusal', () => {
    for (const value of ['Bearer s3cret s3cret', 'Bearer s3cret, Bearer s3cret']) {
      expect(() => extractCredential(['Authorization', value], '', [BEARER])).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('s3cret') }),
      );
    }
  });
});

describe('isSameLocation()', () => {
  it.each([
    [BEARER, { ...BEARER }, true],
    [BEARER, { ...BEARER, name: 'authorization' }, true],
    [BEARER, ANY_CASE, false],
    [BEARER, { ...BEARER, scheme: 'JWT' }, false],
    [BEARER, RAW, false],
    [COOKIE, { ...COOKIE }, true],
    [COOKIE, { ...COOKIE, name: 'Access_Token' }, false],
    [COOKIE, QUERY, false],
    [BEARER, COOKIE, false],
  ])('compares %o with %o', (one, other, same) => expect(isSameLocation(one, other)).toBe(same));
});

describe('cookieValues()', () => {
  it.each([
    ['t=1', ['1']],
    ['t=1; t=2', ['1', '2']],
    ['t =1', ['1']],
    ['t', []],
    ['xt=1; t2=2', []],
    ['t="1"', ['"1"']],
    ['t=a=b', ['a=b']],
    ['t= 1 ; a=2', ['1']],
  ])('finds in %j the values %j', (header, values) =>
    expect(cookieValues(['Cookie', header], 't')).toEqual(values),
  );
});

describe('withoutCookies()', () => {
  it.each([
    ['t=1', null],
    ['t=1;', null],
    ['t=1; t=2', null],
    ['a=1; t=1; b=2', 'a=1; b=2'],
    ['t =1; a=1', 'a=1'],
    ['T=1', 'T=1'],
    ['tx', 'tx'],
    ['t', 't'],
    ['', null],
  ])('H04 makes %j %j', (header, left) => expect(withoutCookies(header, new Set(['t']))).toBe(left));

  it('H04 leaves nothing that cookieValues() would find', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('t', '=', ';', ' ', 'a', '"', '\t') }), (header) => {
        const left = withoutCookies(header, new Set(['t']));
        expect(left === null ? [] : cookieValues(['Cookie', left], 't')).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a token in the query', () => {
  it('is found, and taken out, where URLSearchParams finds it, however it is written', () => {
    const location = { kind: 'query', name: 't+a' } as const;
    const piece = fc.constantFrom(
      't',
      'a',
      't%2Ba',
      't%2ba',
      '%74%2Ba',
      't+a',
      't a',
      '=',
      '=v',
      '&',
      '?',
      '%',
      '%zz',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const query = `?${pieces.join('')}`;
        const values = new URLSearchParams(query.slice(1)).getAll(location.name);
        const read = () => extractCredential([], query, [location])?.token ?? null;
        if (values.length > 1) expect(refusalOf(read)).toBe('ambiguous_credentials');
        else expect(read()).toBe(values[0] ?? null);
        const left = withoutQueryParameters(query, new Set(['unused', location.name]));
        expect(new URLSearchParams(left.slice(1)).has(location.name)).toBe(false);
        if (!query.includes('a')) expect(left).toBe(query);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('withoutQueryParameters()', () => {
  it.each([
    ['', ''],
    ['?', '?'],
    ['?t=1', ''],
    ['?t', ''],
    ['?a=1&t=1&b=%zz', '?a=1&b=%zz'],
    ['?%74=1&a', '?a'],
    ['?tt=1&T=2', '?tt=1&T=2'],
    ['?a=t', '?a=t'],
  ])('makes %j %j', (query, left) => expect(withoutQueryParameters(query, new Set(['t']))).toBe(left));

  it('leaves nothing that a server would read under the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('t', '=', '&', '%74', '+', 'a', '?') }), (text) => {
        const left = withoutQueryParameters(`?${text}`, new Set(['t']));
        expect(new URLSearchParams(left.slice(1)).has('t')).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });
});
