import { describe, expect, it } from 'vitest';
import type { Credential } from '../../../src/core/credential.ts';
import { parseHost } from '../../../src/core/host.ts';
import { canonicalOrigin, requireOwnOrigin } from '../../../src/core/web-socket-origin.ts';
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
    requireOwnOrigin(headers, credential ?? COOKIE, parseHost(host), allowed ?? []);
    return 'passes';
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'threw something else';
  }
}

describe('requireOwnOrigin()', () => {
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
    expect(() => requireOwnOrigin(headers, COOKIE, parseHost('app.example'), [])).toThrow('another origin');
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
