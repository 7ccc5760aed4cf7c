import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CountersignError } from '../../../src/core/errors.ts';
import { parseHost } from '../../../src/core/host.ts';
import { parseTarget } from '../../../src/core/path.ts';
import { refusalOf } from '../../support/policy.ts';
import { readVectors } from '../../support/vectors.ts';

describe('parseHost()', () => {
  it.each([
    ['example.com', 'example.com', null],
    ['EXAMPLE.com:8080', 'example.com', 8080],
    ['example.com.', 'example.com', null],
    ['example.com.:88', 'example.com', 88],
    ['example.com:', 'example.com', null],
    ['under_score.test', 'under_score.test', null],
    ['127.0.0.1:65535', '127.0.0.1', 65535],
    ['[::1]', '[::1]', null],
    ['[ABCD::1]:1', '[abcd::1]', 1],
    ['[0:0:0:0:0:0:0:1]', '[::1]', null],
    ['[2001:DB8:0::0:1]:443', '[2001:db8::1]', 443],
    ['[::127.0.0.1]', '[::7f00:1]', null],
    [`${'a'.repeat(253)}`, 'a'.repeat(253), null],
  ])('P05 reads %s', (text, name, port) => expect(parseHost(text)).toEqual({ name, port }));

  it.each([
    '',
    '.',
    '..',
    'a..b',
    'a..',
    'a...',
    'com.exa-m.45..',
    '-a.b',
    'a b',
    ' a',
    'a ',
    'a\t',
    'a\n',
    'a\u0000',
    'a,b',
    'a/b',
    'a\\b',
    'a@b',
    'user:pw@a',
    'a?b',
    'a#b',
    'a%2eb',
    'é.test',
    '*',
    '*.test',
    ':80',
    'a:0',
    'a:65536',
    'a:123456',
    'a:-1',
    'a:+1',
    'a:8o',
    'a:80:80',
    '::1',
    '[::1',
    '::1]',
    '[]',
    '[:]',
    '[1]',
    '[1.2.3.4]',
    '[::1]x',
    '[::1].',
    '[fe80::1%25eth0]',
    '[:::]',
    '[1:2:3:4:5:6:7:8:9]',
    'a'.repeat(254),
  ])('P05 refuses %j', (text) => expect(refusalOf(() => parseHost(text))).toBe('bad_host'));

  it('P05 reads its own answer as the same host, and throws nothing but bad_host', () => {
    const text = fc.string({ unit: fc.constantFrom(...'aB9.-_:[]@/\\% \0é'), maxLength: 12 });
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary' }), fc.domain(), fc.ipV6()), (given) => {
        try {
          const { name, port } = parseHost(given);
          expect(parseHost(name)).toEqual({ name, port: null });
          expect(port === null || (port > 0 && port < 65536)).toBe(true);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(CountersignError);
          expect(thrown).toMatchObject({ code: 'bad_host' });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

interface HostCase {
  readonly via: 'host_header' | 'absolute_path';
  readonly host: string;
  readonly expect: string | 400;
}

/** Where we are stricter than nginx, and why. */
const DEVIATIONS: ReadonlyMap<string, string> = new Map([
  [
    "[v0123456789aBcDeF.!$&'()*+,;=-._~AbCdEfGhIjKlMnOpQrStUvWxYz0123456789:]",
    'IPvFuture: nobody has defined a version, and no upstream expects one',
  ],
]);

const cases = readVectors<HostCase[]>('nginx-host-uri/host-cases.json');

describe.skipIf(cases === null)('the cases of nginx http_host.t', () => {
  it.each(cases ?? [])('P05 $via $host is $expect', ({ via, host, expect: expected }) => {
    const read = () =>
      parseHost(via === 'host_header' ? host : (parseTarget(`http://${host}/x`).authority ?? ''));
    if (expected === 400 || DEVIATIONS.has(host)) expect(refusalOf(read)).toMatch(/^bad_(?:host|path)$/);
    // nginx keeps the spelling of an address.
    else expect(read().name).toBe(expected.startsWith('[') ? parseHost(expected).name : expected);
  });
});
