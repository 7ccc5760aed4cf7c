import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CountersignError } from '../../../src/core/errors.ts';
import { TARGET_BYTES_MAX } from '../../../src/core/limits.ts';
import { otherReadings, parseTarget } from '../../../src/core/path.ts';
import { hostilePath } from '../../support/paths.ts';
import { refusalOf } from '../../support/policy.ts';

describe('parseTarget()', () => {
  it.each([
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/placeFinder/1.0.0/x', '/placeFinder/1.0.0/x'],
    ['/a/', '/a/'],
    ['/.well-known/x', '/.well-known/x'],
    ['/...', '/...'],
    ['/a./b..', '/a./b..'],
    ['/%61dmin', '/admin'],
    ['/%7Euser/%2dx', '/~user/-x'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/a%20b', '/a%20b'],
    ['/a%40b', '/a%40b'],
    ['/a@b', '/a@b'],
    ['/a%23b%3fc', '/a%23b%3Fc'],
    ['/100%25', '/100%25'],
  ])('P02 forwards %s as %s', (target, path) =>
    expect(parseTarget(target)).toMatchObject({ path, query: '', authority: null, ambiguities: [] }),
  );

  it.each([
    ['/a%40b', '/a@b'],
    ['/%21%24%26%27%28%29%2A%2B%2C%3D%3A%40', "/!$&'()*+,=:@"],
    ['/a%20b', '/a%20b'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/%2540', '/%2540'],
  ])('P02 matches %s as %s', (target, matchPath) => expect(parseTarget(target)).toMatchObject({ matchPath }));

  it.each([
    ['/./admin'],
    ['/x/../admin'],
    ['/x/%2e%2e/admin'],
    ['/x/.%2E/admin'],
    ['/x/%2e/admin'],
    ['/..'],
    ['/.'],
    ['/x/..'],
    ['/x/..;/admin'],
    ['/x/..;a=b'],
    ['/x/.;/admin'],
    ['/x/%2e%2e;/admin'],
    ['/admin%00'],
    ['/admin%0a'],
    ['/admin%0D%0A'],
    ['/admin%1f'],
    ['/admin%7F'],
    ['/admin\\'],
    ['/x/..\\admin'],
    ['/%5cadmin'],
    ['/%5Cadmin'],
    ['/admin#'],
    ['/secret#/public'],
    ['/a b'],
    ['/a\tb'],
    ['/a\u0000'],
    ['/é'],
    ['/a"b'],
    ['/a<b>'],
    ['/a[b]'],
    ['/a^b'],
    ['/a`b'],
    ['/a{b}'],
    ['/a|b'],
    ['/%'],
    ['/%2'],
    ['/%zz'],
    ['/%%61'],
    ['/%u0061'],
    ['/%c0%ae%c0%ae/admin'],
    ['/%c0%af'],
    ['/%ff'],
    ['/%ed%a0%80'],
    ['/%f4%90%80%80'],
    ['/%c3'],
  ])('P01 P02 refuses the path %j', (target) =>
    expect(refusalOf(() => parseTarget(target))).toBe('bad_path'),
  );

  it.each([
    ['/admin%2f', 'encodedSlash'],
    ['/public%2f..%2fadmin', 'encodedSlash'],
    ['/admin;x=1', 'semicolon'],
    ['/admin%3bx', 'semicolon'],
    ['//admin', 'emptySegments'],
    ['/a//', 'emptySegments'],
    ['/%2561dmin', 'doubleEncoding'],
    ['/%25%36%31dmin', 'doubleEncoding'],
    ['/%252f', 'doubleEncoding'],
  ])('P01 names what is ambiguous in %s: %s', (target, ambiguity) =>
    expect(parseTarget(target).ambiguities).toEqual([ambiguity]),
  );

  it.each([
    ['/a?', '?'],
    ['/a?b', '?b'],
    ['/?b=/../c&d=%zz', '?b=/../c&d=%zz'],
    ['/a??b', '??b'],
    ['/a?"<>\\^`{|}', '?"<>\\^`{|}'],
    ['/secret?x=/public', '?x=/public'],
  ])('P03 keeps the query of %s byte for byte', (target, query) =>
    expect(parseTarget(target)).toMatchObject({ query }),
  );

  it.each(['/a?b#c', '/a? b', '/a?b\u0000', '/a?b\u007f', '/a?é', '/a?b\r\nX: y'])(
    'P02 refuses the query of %j',
    (target) => expect(refusalOf(() => parseTarget(target))).toBe('bad_path'),
  );

  it.each([
    ['http://a.test', 'a.test', '/'],
    ['http://a.test/', 'a.test', '/'],
    ['HTTPS://a.test:8443/x', 'a.test:8443', '/x'],
    ['http://a.test?q', 'a.test', '/'],
    ['http://[::1]:80/x', '[::1]:80', '/x'],
  ])('P04 takes the authority out of %s', (target, authority, path) =>
    expect(parseTarget(target)).toMatchObject({ authority, path }),
  );

  it('P04 reads //evil/x as a path with an empty segment, never as an authority', () => {
    expect(parseTarget('//evil/x')).toMatchObject({ authority: null, ambiguities: ['emptySegments'] });
  });

  it.each([
    '',
    '*',
    'evil',
    'evil:443',
    'http:evil',
    'http:/evil',
    'http://',
    'http:///x',
    'http://?x',
    'http://user@evil/',
    'http://user:pw@evil/',
    'http://a#b',
    'ftp://a/',
    'javascript:alert(1)',
    ' /a',
    '\\evil',
    '?a',
  ])('P04 refuses the target %j', (target) => expect(refusalOf(() => parseTarget(target))).toBe('bad_path'));

  it('P08 accepts the longest target and answers 414 beyond it', () => {
    const longest = `/${'a'.repeat(TARGET_BYTES_MAX - 1)}`;
    expect(parseTarget(longest).path).toBe(longest);
    expect(refusalOf(() => parseTarget(`${longest}a`))).toBe('target_too_long');
  });

  it('P02 throws nothing but bad_path, and its answer is canonical', () => {
    fc.assert(
      fc.property(fc.oneof(hostilePath, fc.string({ unit: 'binary' }), fc.webUrl()), (target) => {
        try {
          const once = parseTarget(target);
          const twice = parseTarget(once.path + once.query);
          expect(twice).toEqual({ ...once, authority: null });
          expect(parseTarget(once.matchPath).matchPath).toBe(once.matchPath);
          expect(once.path).toMatch(/^\/[\x21\x24-\x3b\x3d\x40-\x5a\x5f\x61-\x7a\x7e]*$/);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(CountersignError);
          expect(thrown).toMatchObject({ code: 'bad_path' });
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('P02 has one fast and one full reading, and they agree', () => {
    fc.assert(
      fc.property(hostilePath, (path) => {
        const read = (target: string) => {
          try {
            return parseTarget(target).path;
          } catch {
            return null;
          }
        };
        // The escaped `!` keeps the path off the fast way without changing what it means.
        const full = read(`${path}/%21`);
        if (!/[?#]/.test(path)) expect(full).toBe(read(path) === null ? null : `${read(path)}/%21`);
      }),
      { numRuns: 5_000 },
    );
  });

  /** The best of many runs: what is compared is growth, never a duration, and noise only ever adds. */
  function costNs(target: string): number {
    const samples = Array.from({ length: 25 }, () => {
      const start = process.hrtime.bigint();
      refusalOf(() => parseTarget(target));
      return Number(process.hrtime.bigint() - start);
    });
    return Math.min(...samples);
  }

  it.each([
    ['slashes', '/'],
    ['segments', '/a'],
    ['dots', '.'],
    ['dot segments of three', '/...'],
    ['escapes', '%41'],
    ['multi-byte escapes', '%C3%A9'],
    ['double escapes', '%25%32%35'],
    ['semicolons', ';'],
  ])('P07 reads 8 KiB of %s in linear time, also when the last byte is refused', (_name, piece) => {
    const target = (bytes: number) => `/${piece.repeat(Math.floor((bytes - 8) / piece.length))}\u0000`;
    costNs(target(1024));
    // Eight times the length: 8 when linear, 64 when quadratic.
    expect(costNs(target(8192)) / costNs(target(1024))).toBeLessThan(40);
  });
});

describe('otherReadings()', () => {
  it.each([
    ['/a%2Fb', ['/a%2Fb', '/a/b']],
    ['/a;x/b', ['/a;x/b', '/a/b']],
    ['/a//b', ['/a//b', '/a/b']],
    ['/%2561dmin', ['/%2561dmin', '/admin']],
    ['/a;x%2Fadmin', ['/a;x%2Fadmin', '/a', '/a;x/admin', '/a/admin']],
    ['/a%253Bx/b', ['/a%253Bx/b', '/a%3Bx/b', '/a;x/b', '/a/b']],
    ['/a;x%2Fb/c%2Fd', ['/a;x%2Fb/c%2Fd', '/a/c%2Fd', '/a;x/b/c/d', '/a/b/c/d', '/a/c/d']],
    [
      '/a%3Bx%252Fb/c%252Fd',
      [...['/a%3Bx%252Fb/c%252Fd', '/a;x%2Fb/c%2Fd', '/a/c%2Fd'], ...['/a;x/b/c/d', '/a/b/c/d', '/a/c/d']],
    ],
    ['/%25zz', ['/%25zz']],
  ])('P01 reads %s as every server might', (path, readings) =>
    expect(new Set(otherReadings(path))).toEqual(new Set(readings)),
  );

  it.each([
    '/public%2F..%2Fadmin',
    '/x/%252e%252e/admin',
    '/x/..%3B/admin',
    '/x%255Cy',
    '/x%2500',
    '/%25c0%25ae',
  ])('P01 refuses %s', (path) => expect(refusalOf(() => otherReadings(path))).toBe('bad_path'));
});
