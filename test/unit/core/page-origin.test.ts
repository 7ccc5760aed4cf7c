import { describe, expect, it } from 'vitest';
import type { Credential } from '../../../src/core/credential.ts';
import { parseHost } from '../../../src/core/host.ts';
import { canonicalOrigin, requireOwnPage } from '../../../src/core/page-origin.ts';
import { BEARER } from '../../support/policy.ts';

const COOKIE: Credential = { token: 't', locations: [{ kind: 'cookie', name: 'session' }] };
const HEADER: Credential = { token: 't', locations: [BEARER] };

interface Given {
  readonly origin?: string;
  readonly host?: string;
  readonly upgrade?: string;
  readonly credential?: Credential;
  readonly allowed?: readonly string[];
}

function verdict({
  origin,
  host = 'app.example',
  upgrade = 'websocket',
  credential,
  allowed,
}: Given): string {
  const headers = ['Upgrade', upgrade, ...(origin === undefined ? [] : ['Origin', origin])];
  try {
    requireOwnPage({ method: 'GET', headers }, credential ?? COOKIE, parseHost(host), allowed ?? []);
    return 'passes';
  } catch (thrown) {
    return codeOf(thrown);
  }
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'threw something else';
}

describe('requireOwnPage() of a WebSocket', () => {
  it.each([
    ['of the same host', { origin: 'https://app.example' }],
    ['of the same host, in another case', { origin: 'HTTPS://APP.example', host: 'App.Example' }],
    ['of the same host and port', { origin: 'http://app.example:8080', host: 'app.example:8080' }],
    [
      'of the same host, whose port the scheme implies',
      { origin: 'https://app.example', host: 'app.example:443' },
    ],
    ['of the same host, port written', { origin: 'http://app.example:80' }],
    ['of the same address', { origin: 'http://[::1]:8080', host: '[::1]:8080' }],
    ['of a listed origin', { origin: 'https://other.example', allowed: ['https://other.example'] }],
  ])('lets a page %s pass (W07)', (_what, given) => expect(verdict(given)).toBe('passes'));

  it.each([
    ['of another host', { origin: 'https://evil.example' }],
    ['of a host within the name', { origin: 'https://app.example.evil.example' }],
    ['of a host around the name', { origin: 'https://evil-app.example' }],
    ['of another port', { origin: 'http://app.example:8081', host: 'app.example:8080' }],
    ['of the port of the other scheme', { origin: 'http://app.example', host: 'app.example:443' }],
    ['that hides its origin', { origin: 'null' }],
    ['of a file', { origin: 'file://' }],
    ['of an extension', { origin: 'chrome-extension://app.example' }],
    ['of a scheme that ends like one of the web', { origin: 'xhttps://app.example' }],
    ['of an empty origin', { origin: '' }],
    ['of an origin with a path', { origin: 'https://app.example/x' }],
    ['with a user in its origin', { origin: 'https://app.example@evil.example' }],
    ['of a listed host, by another scheme', { origin: 'http://o.example', allowed: ['https://o.example'] }],
  ])('refuses a page %s (W07)', (_what, given) => expect(verdict(given)).toBe('foreign_origin'));

  it('refuses where one of two origins is foreign (W07)', () => {
    const headers = [
      'Upgrade',
      'websocket',
      'Origin',
      'https://app.example',
      'Origin',
      'https://evil.example',
    ];
    const request = { method: 'GET', headers };
    expect(() => requireOwnPage(request, COOKIE, parseHost('app.example'), [])).toThrow('another origin');
  });

  it.each([
    ['is no browser', {}],
    [
      'has its token in a header, which no page can set',
      { origin: 'https://evil.example', credential: HEADER },
    ],
    ['opens no WebSocket', { origin: 'https://evil.example', upgrade: 'h2c' }],
  ])('does not ask a client that %s (W07)', (_what, given) => expect(verdict(given)).toBe('passes'));
});

describe('requireOwnPage() of a change', () => {
  const LISTED = 'https://portal.example';

  function verdictOn(method: string, headers: string[], credential = COOKIE): string {
    try {
      requireOwnPage({ method, headers }, credential, parseHost('app.example'), [LISTED]);
      return 'passes';
    } catch (thrown) {
      return codeOf(thrown);
    }
  }

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'MOVE'])(
    'refuses %s by a foreign page (B02)',
    (method) => {
      expect(verdictOn(method, ['Origin', 'https://evil.example'])).toBe('foreign_origin');
      expect(verdictOn(method, ['Sec-Fetch-Site', 'cross-site'])).toBe('foreign_origin');
    },
  );

  it.each(['GET', 'HEAD', 'OPTIONS'])('does not ask for the page of %s', (method) =>
    expect(verdictOn(method, ['Origin', 'https://evil.example', 'Sec-Fetch-Site', 'cross-site'])).toBe(
      'passes',
    ),
  );

  it.each([
    ['of a sibling host', ['Sec-Fetch-Site', 'same-site']],
    [
      'of a sibling host, whose origin is told',
      ['Origin', 'https://x.app.example', 'Sec-Fetch-Site', 'same-site'],
    ],
    [
      'of the same host by the other scheme',
      ['Origin', 'http://app.example', 'Sec-Fetch-Site', 'cross-site'],
    ],
    ['that hides its origin', ['Origin', 'null']],
    [
      'of a foreign origin, whatever its site says',
      ['Origin', 'https://evil.example', 'Sec-Fetch-Site', 'same-origin'],
    ],
    ['of which one origin is listed', ['Origin', LISTED, 'Origin', 'https://evil.example']],
    ['of which one site is foreign', ['Sec-Fetch-Site', 'same-origin', 'Sec-Fetch-Site', 'cross-site']],
    ['whose site nobody knows', ['Sec-Fetch-Site', '']],
    ['that tells nothing, by a form', ['Content-Type', 'application/x-www-form-urlencoded']],
    ['that tells nothing, by text', ['Content-Type', 'Text/Plain ; charset=utf-8']],
    ['that tells nothing, by a form of parts', ['Content-Type', 'multipart/form-data; boundary=a\nb']],
  ])('refuses a page %s (B02)', (_what, headers) =>
    expect(verdictOn('POST', headers)).toBe('foreign_origin'),
  );

  it.each([
    [
      'of the same host',
      ['Origin', 'https://app.example', 'Sec-Fetch-Site', 'same-origin', 'Content-Type', 'text/plain'],
    ],
    [
      'of the same host, by a browser without Sec-Fetch-Site',
      ['Origin', 'https://app.example', 'Content-Type', 'text/plain'],
    ],
    [
      'of the same host, that does not tell its origin',
      ['Sec-Fetch-Site', 'same-origin', 'Content-Type', 'text/plain'],
    ],
    ['of a listed origin', ['Origin', LISTED, 'Sec-Fetch-Site', 'cross-site', 'Content-Type', 'text/plain']],
    ['that the user typed', ['Sec-Fetch-Site', 'none']],
  ])('lets a page %s pass', (_what, headers) => expect(verdictOn('POST', headers)).toBe('passes'));

  it.each([
    ['is no browser', ['Content-Type', 'application/json'], COOKIE],
    ['has its token in a header', ['Origin', 'https://evil.example', 'Sec-Fetch-Site', 'cross-site'], HEADER],
  ])('does not ask a client that %s', (_what, headers, credential) =>
    expect(verdictOn('DELETE', headers, credential)).toBe('passes'),
  );
});

describe('canonicalOrigin()', () => {
  it.each([
    ['https://App.Example:443', 'https://app.example'],
    ['http://app.example:443', 'http://app.example:443'],
    ['https://app.example/', null],
    ['app.example', null],
    ['https://', null],
    ['https://a b', null],
    ['*', null],
  ])('of %s is %s', (text, origin) => expect(canonicalOrigin(text)).toBe(origin));
});
