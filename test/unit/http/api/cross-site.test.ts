/** Which calls with a cookie may have been made by a page of another site. */
import { describe, expect, it } from 'vitest';
import { requireSameSite, type SiteOfCall } from '../../../../src/http/api/cross-site.ts';

const CALL: SiteOfCall = {
  headers: [],
  method: 'POST',
  host: 'api.test',
  isSecure: true,
  contentType: 'application/json',
  allowsPlainText: false,
};

function isRefused(call: Partial<SiteOfCall>): boolean {
  try {
    requireSameSite({ ...CALL, ...call });
    return false;
  } catch (error) {
    expect(error).toMatchObject({ status: 403 });
    return true;
  }
}

describe('requireSameSite()', () => {
  it.each<[string, boolean]>([
    ['same-origin', false],
    ['none', false],
    ['same-site', true],
    ['cross-site', true],
    ['Same-Origin', true],
    ['', true],
  ])('takes Sec-Fetch-Site: %s for another site: %s', (value, expected) =>
    expect(isRefused({ headers: ['Sec-Fetch-Site', value] })).toBe(expected),
  );

  it('believes no header twice, where one of them is of another site', () => {
    const sites = ['Sec-Fetch-Site', 'same-origin', 'Sec-Fetch-Site', 'cross-site'];
    const origins = ['Origin', 'https://api.test', 'Origin', 'https://evil.test'];
    expect([isRefused({ headers: sites }), isRefused({ headers: origins })]).toEqual([true, true]);
  });

  it.each<[origin: string, host: string, isSecure: boolean, expected: boolean]>([
    ['https://api.test', 'api.test', true, false],
    ['https://api.test', 'api.test:443', true, false],
    ['https://API.test', 'api.test', true, false],
    ['https://api.test:444', 'api.test', true, true],
    ['https://api.test', 'api.test:444', true, true],
    ['https://api.test.evil.test', 'api.test', true, true],
    ['http://api.test', 'api.test', true, true],
    ['http://api.test', 'api.test', false, false],
    ['https://api.test', 'api.test', false, false],
    ['null', 'api.test', true, true],
    ['', 'api.test', true, true],
    ['xhttp://api.test', 'api.test', false, true],
    ['httpx://api.test', 'api.test', false, true],
    ['https://api.test', '', true, true],
    ['null', '', false, true],
  ])('takes Origin: %s at %s, over TLS %s, for another site: %s', (origin, host, isSecure, expected) =>
    expect(isRefused({ headers: ['Origin', origin], host, isSecure })).toBe(expected),
  );

  it.each<[string | null, Partial<SiteOfCall>, boolean]>([
    ['application/x-www-form-urlencoded', {}, true],
    ['multipart/form-data', {}, true],
    ['text/plain', {}, true],
    ['text/plain', { allowsPlainText: true }, false],
    ['multipart/form-data', { allowsPlainText: true }, true],
    ['application/json', {}, false],
    [null, {}, false],
    ['text/plain', { method: 'DELETE' }, false],
  ])('takes a body of type %s, with %j, for that of a form of any site: %s', (contentType, call, expected) =>
    expect(isRefused({ contentType, ...call })).toBe(expected),
  );
});
