/** What is matched is what every upstream reads, whatever its habits, or it is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CountersignError } from '../../../src/core/errors.ts';
import { parseHost } from '../../../src/core/host.ts';
import { PATH_AMBIGUITIES, type PathAmbiguity, parseTarget } from '../../../src/core/path.ts';
import { matchRoute, type RouteTable } from '../../../src/core/route.ts';
import { ambiguousPath, hostilePath, longestPrefix, UPSTREAM_READINGS } from '../../support/paths.ts';
import { refusalOf, testRoutes } from '../../support/policy.ts';
import { readVectors } from '../../support/vectors.ts';

/** 10^5 in CI; PATH_RUNS for a long run before a release. */
const RUNS = Number(process.env['PATH_RUNS'] ?? (process.env['CI'] === undefined ? 10_000 : 100_000));
const LONG_MS = 600_000; // PATH_RUNS of 10^7 takes minutes

const match = (table: RouteTable, target: string) =>
  matchRoute(table, parseHost('a.test'), parseTarget(target), 'GET');

/** The name of the route, or the code of the refusal. */
function outcome(table: RouteTable, target: string): string {
  let name = '';
  return refusalOf(() => (name = match(table, target).name)) ?? name;
}

describe('matchRoute()', () => {
  const PREFIXES = ['/', '/admin', '/public', '/public/secret', '/x'];
  const routes = (allowPath: (index: number) => readonly PathAmbiguity[]) =>
    testRoutes(
      ...PREFIXES.map((pathPrefix, index) => ({ name: pathPrefix, pathPrefix, allowPath: allowPath(index) })),
    );

  /** The route of the path that is forwarded, under every reading, is the route that was matched. */
  function expectOneReading(table: RouteTable, target: string): void {
    let path: string;
    let name: string;
    try {
      ({ path } = parseTarget(target));
      ({ name } = match(table, target));
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(CountersignError);
      return;
    }
    for (const [habit, read] of UPSTREAM_READINGS)
      expect(longestPrefix(PREFIXES, read(path)), `${habit} of ${target} as ${read(path)}`).toBe(name);
  }

  it(
    'P01 P02 matches a path as every upstream reads it, or refuses it',
    () => {
      const strict = routes(() => []);
      fc.assert(
        fc.property(hostilePath, (target) => expectOneReading(strict, target.split(/[?#]/)[0] ?? '')),
        { numRuns: RUNS },
      );
    },
    LONG_MS,
  );

  it(
    'P01 P02 does so whatever ambiguities the routes allow',
    () => {
      const allowed = fc.array(fc.subarray([...PATH_AMBIGUITIES]), { minLength: 5, maxLength: 5 });
      fc.assert(
        fc.property(ambiguousPath, fc.oneof(allowed, fc.constant([])), (target, lists) => {
          expectOneReading(
            routes((index) => lists[index] ?? PATH_AMBIGUITIES),
            target,
          );
        }),
        { numRuns: RUNS },
      );
    },
    LONG_MS,
  );

  it.each([
    ...[
      '/admin/',
      '//admin',
      '/./admin',
      '/x/../admin',
      '/x/%2e%2e/admin',
      '/%61dmin',
      '/ADMIN',
      '/admin;x=1',
    ],
    ...[
      '/x/..;/admin',
      '/admin%2f',
      '/admin%00',
      '/admin%20',
      '/admin.',
      '/admin\\',
      '/x/..\\admin',
      '/%5cadmin',
    ],
    ...['/admin%23', '/admin#', '/admin?', '/%2561dmin', '/%c0%ae%c0%ae/admin', '/adm%69n%2f..%2fpublic'],
    ...['/public%2f..%2fadmin', '/public/..%2fadmin', '/public/%252e%252e/admin', '/public;/../admin'],
  ])('P01 never takes %s for a path outside /admin that an upstream reads as /admin', (target) => {
    for (const list of [[], PATH_AMBIGUITIES]) {
      const table = routes(() => list);
      if (!/[?#]/.test(target)) expectOneReading(table, target);
      else expect(outcome(table, target)).toMatch(/^(?:\/admin|bad_path)$/);
    }
  });

  interface EnvoyCases {
    readonly canonicalPath: readonly [string, string][];
    readonly canonicalPath_reject: readonly string[];
    readonly mergeSlashes: readonly [string, string][];
  }
  const envoy = readVectors<EnvoyCases>('envoy-path/cases.json');

  describe.skipIf(envoy === null)('the cases of Envoy path_utility_test', () => {
    const table = testRoutes(
      ...['/', '/a', '/a/b', '/b', '/c', '/xyz'].map((pathPrefix) => ({ name: pathPrefix, pathPrefix })),
    );

    it.each(envoy?.canonicalPath_reject ?? [])('P02 refuses %s as Envoy does', (path) =>
      expect(outcome(table, path)).toBe('bad_path'),
    );

    const pairs = [...(envoy?.canonicalPath ?? []), ...(envoy?.mergeSlashes ?? [])];
    it.each(pairs)('P02 decides %j as %j, or refuses it', (path, normal) => {
      const decided = outcome(table, path);
      if (decided !== 'bad_path') expect(decided).toBe(outcome(table, normal));
    });
  });
});
