import { describe, expect, it } from 'vitest';
import { clientOrigin, compileTrustedProxies, plainAddress } from '../../../src/http/client-address.ts';

describe('compileTrustedProxies()', () => {
  it.each([
    ['10.1.2.3', true],
    ['::ffff:10.1.2.3', true],
    ['11.0.0.1', false],
    ['192.0.2.1', true],
    ['192.0.2.2', false],
    ['fd00::1', true],
    ['fe80::1', false],
    ['', false],
    ['not an address', false],
  ])('of 10/8, one address and fd00::/8 includes %s: %s (H03)', (address, expected) => {
    const trusted = compileTrustedProxies(['10.0.0.0/8', '192.0.2.1', 'fd00::/8']);
    expect(trusted.includes(address)).toBe(expected);
  });

  it('of nothing trusts nobody (H03)', () => {
    expect(compileTrustedProxies([]).includes('127.0.0.1')).toBe(false);
  });

  it('refuses what is no range', () => {
    expect(() => compileTrustedProxies(['proxy.test'])).toThrow(TypeError);
  });
});

describe('clientOrigin()', () => {
  const trusted = compileTrustedProxies(['10.0.0.0/8']);
  const headers = [
    'X-Forwarded-For',
    '6.6.6.6, 1.2.3.4',
    'x-forwarded-for',
    '10.0.0.9',
    'X-Forwarded-Proto',
    'https',
  ];

  it('ignores what an untrusted peer says', () => {
    const origin = clientOrigin('9.9.9.9', headers, trusted);
    expect(origin).toEqual({ address: '9.9.9.9', forwardedFor: '9.9.9.9', host: null, proto: null });
  });

  it('finds the nearest address that is no trusted proxy', () => {
    const origin = clientOrigin('::ffff:10.0.0.1', headers, trusted);
    expect(origin.address).toBe('1.2.3.4');
    expect(origin.forwardedFor).toBe('6.6.6.6, 1.2.3.4, 10.0.0.9, 10.0.0.1');
    expect(origin.proto).toBe('https');
  });

  it.each([
    [['X-Forwarded-Proto', 'javascript']],
    [['X-Forwarded-Proto', 'https', 'X-Forwarded-Proto', 'http']],
  ])('believes no odd or doubled proto: %j', (odd) => {
    expect(clientOrigin('10.0.0.1', odd, trusted).proto).toBeNull();
  });

  it('repeats no host that is none', () => {
    expect(clientOrigin('10.0.0.1', ['X-Forwarded-Host', 'a"b'], trusted).host).toBeNull();
  });

  it('follows a chain only so far', () => {
    const long = Array.from({ length: 100 }, (_unused, index) => `1.1.1.${index}`).join(', ');
    const { forwardedFor } = clientOrigin('10.0.0.1', ['X-Forwarded-For', long], trusted);
    expect(forwardedFor.split(', ')).toHaveLength(33);
  });
});

describe('plainAddress()', () => {
  it.each([
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::1', '::1'],
    ['1.2.3.4', '1.2.3.4'],
  ])('of %s is %s', (given, expected) => {
    expect(plainAddress(given)).toBe(expected);
  });
});
