/** Request paths as an attacker writes them, and the ways in which upstream servers read them. */
import fc from 'fast-check';

/** Pieces of which ambiguous paths are built: names of routes, separators, escapes of both, and escapes of escapes. */
const PIECES = [
  ...['/', '/', '/', '//', 'admin', 'public', 'secret', 'ADMIN', 'x', 'caf%C3%A9', 'caf%c3%a9'],
  ...[
    '.',
    '..',
    './',
    '../',
    '%2e',
    '%2E%2e',
    '..%2f',
    '%2f',
    '%2F',
    '%5c',
    '\\',
    '%252f',
    '%252e%252e',
    '%25',
  ],
  ...[
    ';',
    ';x=1',
    '..;/',
    '%3b',
    '%253B',
    '%25%33%42',
    '%61dmin',
    '%2561dmin',
    'adm%69n',
    '%40',
    '@',
    '%2B',
    '+',
  ],
  ...[
    '%00',
    '%20',
    ' ',
    '%0a',
    '%7f',
    '%23',
    '#',
    '?',
    '%3f',
    '%c0%ae',
    '%ff',
    '%',
    '%zz',
    '%u0061',
    'é',
    '\t',
  ],
];

/** Paths that start with `/` more often than not. */
export const hostilePath: fc.Arbitrary<string> = fc
  .array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 8 })
  .map((pieces) => `/${pieces.join('')}`);

/** Paths without what is always refused, so that most of them reach the matcher. */
export const ambiguousPath: fc.Arbitrary<string> = fc
  .array(
    fc.constantFrom(
      ...['/', '/', '/', '//', 'admin', 'public', 'secret', 'x', '%2f', '%2F', '%252f', ';', ';x=1', '%3b'],
      ...['%253B', '%2561', '%61dmin', 'pub%6cic', '%40', '%25'],
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((pieces) => `/${pieces.join('')}`);

function decode(path: string): string {
  return path.replace(/%[0-9A-Fa-f]{2}/g, (encoded) =>
    String.fromCharCode(Number.parseInt(encoded.slice(1), 16)),
  );
}

/** RFC 3986 §5.2.4, on segments. */
function withoutDots(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split('/').slice(1)) {
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
  }
  return `/${kept.join('/')}`;
}

const withoutParameters = (path: string) => path.replace(/;[^/]*/g, '');
const mergeSlashes = (path: string) => path.replace(/\/{2,}/g, '/');
const compose =
  (...steps: ((path: string) => string)[]) =>
  (path: string) =>
    steps.reduce((read, step) => step(read), path);

/** What an upstream makes of the path that it is sent, by the name of the habit. Written apart from core/path.ts. */
export const UPSTREAM_READINGS: ReadonlyMap<string, (path: string) => string> = new Map([
  ['raw', compose()],
  ['decode once', compose(decode)],
  ['decode, then remove dots', compose(decode, withoutDots)],
  ['cut parameters', compose(withoutParameters)],
  ['cut parameters, decode, remove dots', compose(withoutParameters, decode, withoutDots)],
  ['decode, cut parameters, remove dots', compose(decode, withoutParameters, withoutDots)],
  ['decode twice, remove dots', compose(decode, decode, withoutDots)],
  ['decode, cut parameters, decode, remove dots', compose(decode, withoutParameters, decode, withoutDots)],
  ['merge slashes', compose(mergeSlashes)],
  ['decode, merge slashes, remove dots', compose(decode, mergeSlashes, withoutDots)],
  ['cut parameters, merge slashes', compose(withoutParameters, mergeSlashes)],
]);

/** The longest of the prefixes that holds whole segments of the path, as an upstream's own router would find it. */
export function longestPrefix(prefixes: readonly string[], path: string): string | undefined {
  return prefixes
    .filter((prefix) => prefix === '/' || path === prefix || path.startsWith(`${prefix}/`))
    .toSorted((one, other) => other.length - one.length)[0];
}
