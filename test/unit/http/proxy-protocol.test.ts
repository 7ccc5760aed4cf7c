import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  PROXY_HEADER_BYTES_MAX,
  ProxyProtocolError,
  parseProxyHeader,
} from '../../../src/http/proxy-protocol.ts';
import { proxyHeader, SIGNATURE } from '../../support/proxy-header.ts';

const TCP4 = proxyHeader({ source: '203.0.113.7' });
const TCP6 = proxyHeader({ source: '2001:db8::7' });

describe('parseProxyHeader()', () => {
  it.each([
    ['203.0.113.7', TCP4],
    ['2001:db8::7', TCP6],
  ])('reads the client address %s', (source, header) => {
    expect(parseProxyHeader(header)).toEqual({ source, bytes: header.length });
  });

  it('writes an IPv4-mapped address as IPv4, so that trustedProxies know it', () => {
    expect(parseProxyHeader(proxyHeader({ source: '::ffff:10.1.2.3' }))?.source).toBe('10.1.2.3');
  });

  it('counts extensions as part of the header', () => {
    const header = proxyHeader({ source: '203.0.113.7', extensions: Buffer.from('0300040a0b0c0d', 'hex') });
    expect(parseProxyHeader(header)).toEqual({ source: '203.0.113.7', bytes: 16 + 12 + 7 });
  });

  it.each([
    ['LOCAL', { command: 0x20 }],
    ['LOCAL of whatever family', { command: 0x20, family: 0x77 }],
    ['UNSPEC', { family: 0x00 }],
  ])('knows no client behind %s', (_name, fields) => {
    expect(parseProxyHeader(proxyHeader(fields))?.source).toBeNull();
  });

  it.each([
    ['version 1', Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 5000 80\r\n')],
    ['plain HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
    ['TLS', Buffer.from('1603010200010001fc0303', 'hex')],
    ['one wrong byte', Buffer.from('\r\n\r\n\0\r\nQUIT\r', 'latin1')],
    ['version 3', proxyHeader({ command: 0x31 })],
    ['an unknown command', proxyHeader({ command: 0x22 })],
    ['UDP', proxyHeader({ family: 0x12 })],
    ['a unix socket', proxyHeader({ family: 0x31, addresses: Buffer.alloc(216) })],
    ['IPv4 addresses cut short', proxyHeader({ family: 0x11, addresses: Buffer.alloc(11) })],
    ['IPv6 addresses cut short', proxyHeader({ family: 0x21, addresses: Buffer.alloc(35) })],
    ['a length beyond the bound', Buffer.concat([SIGNATURE, Buffer.from('2111ffff', 'hex')])],
  ])('refuses %s', (_name, bytes) => {
    expect(() => parseProxyHeader(bytes)).toThrow(ProxyProtocolError);
  });

  it('names version 1 to the operator', () => {
    expect(() => parseProxyHeader(Buffer.from('PROXY UNKNOWN\r\n'))).toThrow(/version 1/);
  });

  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter((text) => !text.includes('.')),
  );

  it('waits for every proper beginning of a header, and reads nothing behind it', () => {
    fc.assert(
      fc.property(address, fc.uint8Array({ maxLength: 300 }), fc.uint8Array(), (source, extensions, rest) => {
        const header = proxyHeader({ source, extensions: Buffer.from(extensions) });
        for (let length = 0; length < header.length; length += 1)
          expect(parseProxyHeader(header.subarray(0, length))).toBeNull();
        const whole = parseProxyHeader(header);
        expect(whole?.bytes).toBe(header.length);
        expect(parseProxyHeader(Buffer.concat([header, rest]))).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });

  it('makes of any bytes a header within the bound, a wait or a refusal', () => {
    const tail = fc.uint8Array({ maxLength: 64 });
    const bytes = fc.oneof(
      tail,
      tail.map((end) => Buffer.concat([SIGNATURE, end])),
    );
    fc.assert(
      fc.property(bytes, (given) => {
        try {
          const header = parseProxyHeader(Buffer.from(given));
          if (header === null) expect(given.length).toBeLessThan(PROXY_HEADER_BYTES_MAX);
          else expect(header.bytes).toBeLessThanOrEqual(given.length);
        } catch (error) {
          expect(error).toBeInstanceOf(ProxyProtocolError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
