import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_HOST, parseHost } from '../../../src/core/host.ts';
import { NAMED_METHODS } from '../../../src/core/method.ts';
import { PATH_AMBIGUITIES, parseTarget } from '../../../src/core/path.ts';
import {
  acceptingRealms,
  compileRoutes,
  forwardPath,
  matchRoute,
  type Route,
  type RouteTable,
} from '../../../src/core/route.ts';
import { hostilePath } from '../../support/paths.ts';
import { BEARER, refusalOf, testRealm, testRoute, testRoutes } from '../../support/policy.ts';

function match(table: RouteTable, target: string, host = 'a.test', method = 'GET'): Route {
  return matchRoute(table, host === '' ? NO_HOST : parseHost(host), parseTarget(target), method);
}

/** The name of the route, or the code of the refusal. */
function outcome(table: RouteTable, target: string, host?: string, method?: string): string {
  let name = '';
  const refusal = refusalOf(() => (name = match(table, target, host, method).name));
  return refusal ?? name;
}

describe('matchRoute()', () => {
  const table = testRoutes(
    { name: 'root', pathPrefix: '/', hosts: ['a.test'] },
    { name: 'api', pathPrefix: '/api', hosts: ['a.test'] },
    { name: 'api-v1', pathPrefix: '/api/v1', hosts: ['a.test'], methods: ['GET', 'PUT'] },
    { name: 'api-v1-post', pathPrefix: '/api/v1', hosts: ['a.test'], methods: ['POST'] },
    { name: 'any-v2', pathPrefix: '/api/v2', hosts: ['a.test'] },
    { name: 'v2-delete', pathPrefix: '/api/v2/', hosts: ['a.test'], methods: ['DELETE', 'HEAD'] },
    { name: 'cafe', pathPrefix: '/caf%c3%a9', hosts: ['a.test'] },
    { name: 'at', pathPrefix: '/%40me', hosts: ['a.test'] },
    { name: 'wild', pathPrefix: '/', hosts: ['*.b.test'] },
    { name: 'wild-api', pathPrefix: '/api', hosts: ['*.b.test'] },
    { name: 'inner', pathPrefix: '/', hosts: ['*.x.b.test', 'y.b.test'] },
    { name: 'six', pathPrefix: '/', hosts: ['[::1]'] },
    { name: 'anywhere', pathPrefix: '/shared', hosts: ['*'] },
    { name: 'deep', pathPrefix: '/shared/deep', hosts: ['e.test'] },
    { name: 'loose', pathPrefix: '/loose', hosts: ['*'], allowPath: [...PATH_AMBIGUITIES] },
  );

  it.each([
    ['GET', 'a.test', '/', 'root'],
    ['GET', 'e.test', '/shared/deep', 'deep'],
    ['GET', 'e.test', '/shared/other', 'anywhere'],
    ['GET', 'e.test', '/', 'route_not_found'],
    ['GET', 'a.test', '/apix', 'root'],
    ['GET', 'a.test', '/ap', 'root'],
    ['GET', 'a.test', '/API', 'root'],
    ['GET', 'a.test', '/api', 'api'],
    ['GET', 'a.test', '/api/', 'api'],
    ['GET', 'a.test', '/api?x=/api/v1', 'api'],
    ['GET', 'a.test', '/api/v', 'api'],
    ['GET', 'a.test', '/api/v1', 'api-v1'],
    ['GET', 'a.test', '/api/v1/x/y', 'api-v1'],
    ['GET', 'a.test', '/%61pi/%761', 'api-v1'],
    ['PUT', 'a.test', '/api/v1', 'api-v1'],
    ['HEAD', 'a.test', '/api/v1', 'api-v1'],
    ['POST', 'a.test', '/api/v1/x', 'api-v1-post'],
    ['DELETE', 'a.test', '/api/v1', 'method_not_allowed'],
    ['OPTIONS', 'a.test', '/api/v1', 'method_not_allowed'],
    ['get', 'a.test', '/api/v1', 'method_not_allowed'],
    ['GET', 'a.test', '/api/v2', 'any-v2'],
    ['DELETE', 'a.test', '/api/v2/x', 'v2-delete'],
    ['HEAD', 'a.test', '/api/v2/x', 'v2-delete'],
    ['OPTIONS', 'a.test', '/api/v2/x', 'any-v2'],
    ['BREW', 'a.test', '/api/v2/x', 'method_not_allowed'],
    ['GET', 'a.test', '/caf%C3%A9/x', 'cafe'],
    ['GET', 'a.test', '/caf%c3%a9', 'cafe'],
    ['GET', 'a.test', '/@me', 'at'],
    ['GET', 'a.test', '/%40me', 'at'],
    ['GET', 'A.TEST.:8080', '/api', 'api'],
    ['GET', 'c.b.test', '/x', 'wild'],
    ['GET', 'd.c.b.test', '/api/x', 'wild-api'],
    ['GET', 'c.x.b.test', '/api/x', 'inner'],
    ['GET', 'y.b.test', '/api', 'inner'],
    ['GET', 'b.test', '/', 'route_not_found'],
    ['GET', 'xb.test', '/', 'route_not_found'],
    ['GET', '[::1]:80', '/', 'six'],
    ['GET', 'other.test', '/shared/x', 'anywhere'],
    ['GET', 'other.test', '/sharedx', 'route_not_found'],
    ['GET', 'a.test', '/shared/x', 'root'],
    ['GET', '', '/shared', 'anywhere'],
    ['GET', '', '/', 'route_not_found'],
    ['GET', 'constructor', '/', 'route_not_found'],
    ['GET', 'other.test', '/__proto__', 'route_not_found'],
  ])('GW-C03 %s %s%s goes to %s', (method, host, target, expected) =>
    expect(outcome(table, target, host, method)).toBe(expected),
  );

  it('GW-C03 lists the methods that the route has, with HEAD for GET (RFC 9110 §15.5.6)', () => {
    expect(() => match(table, '/api/v1', 'a.test', 'DELETE')).toThrow(
      expect.objectContaining({ parameter: 'GET, PUT, POST, HEAD' }),
    );
    const posts = testRoutes({ methods: ['POST'] });
    expect(() => match(posts, '/')).toThrow(expect.objectContaining({ parameter: 'POST' }));
  });

  it.each(NAMED_METHODS)('P06 never takes a route without methods for %s', (method) => {
    const open = testRoutes(
      { name: 'change', pathPrefix: '/cache', methods: ['POST', 'PUT', 'PATCH', 'DELETE'] },
      { name: 'read', pathPrefix: '/cache', auth: 'none' },
      { name: 'named', pathPrefix: '/named', methods: [method] },
    );
    expect(outcome(open, '/cache/x', undefined, method)).toBe('method_not_allowed');
    expect(outcome(open, '/named', undefined, method)).toBe('named');
  });

  it('P06 lists what a route without methods takes', () => {
    const open = testRoutes({ name: 'read' }, { name: 'list', methods: ['PROPFIND'] });
    expect(() => match(open, '/', 'a.test', 'PURGE')).toThrow(
      expect.objectContaining({ parameter: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, PROPFIND' }),
    );
  });

  it.each(['/a%2Fb', '/a;b', '/a//b', '/%2561'])(
    'P02 refuses %s where the route allows no ambiguity',
    (path) => expect(outcome(testRoutes({}), path)).toBe('bad_path'),
  );

  it.each(['/loose/a%2Fb', '/loose/a;b', '/loose/a//b', '/loose/%2561', '/loose//'])(
    'P02 takes %s where the route allows it',
    (path) => expect(outcome(table, path, 'other.test')).toBe('loose'),
  );

  it.each([
    '/loose/..%2fshared',
    '/loose/%252e%252e/shared',
    '/loose/..%3B/shared',
    '/loose;x',
    '/loose%2Fx',
    '//loose',
    '/%256coose',
    '/shared%2F..%2Floose',
    '/x;%2F..%2Floose',
  ])('P01 refuses %s, which leads elsewhere when read in another way', (path) =>
    expect(outcome(table, path, 'other.test')).toMatch(/^(?:bad_path|route_not_found)$/),
  );

  it('P02 allows an ambiguity only where the route names that one', () => {
    const some = testRoutes({ allowPath: ['encodedSlash'] });
    expect(outcome(some, '/a%2Fb')).toBe('route');
    expect(outcome(some, '/a%2F;b')).toBe('bad_path');
  });

  it('P01 looks at the readings that only one of two habits gives', () => {
    const nested = testRoutes(
      { name: 'public', pathPrefix: '/public', allowPath: ['semicolon', 'encodedSlash', 'emptySegments'] },
      { name: 'secret', pathPrefix: '/public/secret', allowPath: [...PATH_AMBIGUITIES] },
    );
    expect(outcome(nested, '/public/x;y%2Fz')).toBe('public');
    expect(outcome(nested, '/public/secret;%2Fx')).toBe('bad_path');
    expect(outcome(nested, '/public/;x%2Fsecret')).toBe('bad_path');
    expect(outcome(nested, '/public//secret')).toBe('bad_path');
    expect(outcome(nested, '/public/secret//x')).toBe('secret');
  });

  /** Look-ups in any Map during one match. */
  function lookUps(table: RouteTable): number {
    const { get } = Map.prototype;
    let count = 0;
    Map.prototype.get = function (this: Map<unknown, unknown>, key: unknown) {
      count += 1;
      return get.call(this, key);
    };
    try {
      match(table, '/s7/x/y', 'h3.test');
    } finally {
      Map.prototype.get = get;
    }
    return count;
  }

  it('GW-C03 costs as many look-ups with 10,000 routes as with ten', () => {
    const grown = (size: number) =>
      testRoutes(
        ...Array.from({ length: size }, (_, index) => ({
          name: `r${index}`,
          hosts: [`h${index % 10}.test`, '*'].slice(0, 1),
          pathPrefix: index < 10 ? '/s7' : `/s${index}/x`,
        })),
      );
    expect(lookUps(grown(10_000))).toBe(lookUps(grown(10)));
  });
});

describe('compileRoutes()', () => {
  it.each([
    ['the same prefix', { pathPrefix: '/a' }, { pathPrefix: '/a' }],
    ['a trailing slash', { pathPrefix: '/a' }, { pathPrefix: '/a/' }],
    ['another spelling', { pathPrefix: '/a' }, { pathPrefix: '/%61' }],
    ['a shared host', { hosts: ['a', 'b'] }, { hosts: ['b', 'c'] }],
    ['a shared method', { methods: ['GET', 'PUT'] }, { methods: ['PUT'] }],
  ] as [string, Partial<Route>, Partial<Route>][])('finds the conflict of %s', (_name, one, other) => {
    const first = testRoute({ name: 'first', ...one });
    const second = testRoute({ name: 'second', ...other });
    expect(compileRoutes([first, second]).conflicts).toEqual([{ first, second }]);
  });

  it.each([
    ['another host', { hosts: ['a'] }, { hosts: ['*'] }],
    ['a longer prefix', { pathPrefix: '/a' }, { pathPrefix: '/a/b' }],
    ['another method', { methods: ['GET'] }, { methods: ['PUT'] }],
    ['a method and all others', { methods: ['GET'] }, {}],
  ] as [string, Partial<Route>, Partial<Route>][])('finds none in %s', (_name, one, other) => {
    expect(compileRoutes([testRoute(one), testRoute(other)]).conflicts).toEqual([]);
  });

  it.each(['/a/../b', '/a\\b', '/a b', '/é', 'a', ''])(
    'refuses the prefix %j, which no request can have',
    (prefix) => expect(refusalOf(() => compileRoutes([testRoute({ pathPrefix: prefix })]))).toBe('bad_path'),
  );
});

describe('forwardPath()', () => {
  it.each([
    [true, '/a', '/a', '/'],
    [true, '/a', '/a/', '/'],
    [true, '/a', '/a/b/c', '/b/c'],
    [true, '/a/b', '/a/b', '/'],
    [true, '/a/b', '/a/b/c', '/c'],
    [true, '/a/b/', '/a/b/c', '/c'],
    [true, '/a', '/%61%2Fb', '/'],
    [true, '/@me', '/%40me/x', '/x'],
    [true, '/a', '/a//b', '/b'],
    [true, '/a', '/a///b//c', '/b//c'],
    [true, '/a', '/a//', '/'],
    [true, '/', '/a/b', '/a/b'],
    [false, '/a', '/a/b', '/a/b'],
  ])('GW-C03 with stripPrefix %s and %s sends %s on as %s', (stripPrefix, pathPrefix, path, sent) =>
    expect(forwardPath(testRoute({ stripPrefix, pathPrefix }), path)).toBe(sent),
  );

  it('P02 sends a canonical path', () => {
    const route = testRoute({ name: 'public', pathPrefix: '/public', stripPrefix: true });
    const table = testRoutes(route);
    fc.assert(
      fc.property(hostilePath, (tail) => {
        if (outcome(table, `/public${tail}`) !== 'public') return;
        const sent = forwardPath(route, parseTarget(`/public${tail}`).path);
        expect(parseTarget(sent).path).toBe(sent);
      }),
    );
  });
});

describe('acceptingRealms()', () => {
  const cookie = { kind: 'cookie', name: 't' } as const;
  const byHeader = testRealm({ name: 'header' });
  const byCookie = testRealm({ name: 'cookie', tokenFrom: [cookie] });
  const byBoth = testRealm({ name: 'both', tokenFrom: [cookie, { ...BEARER, name: 'authorization' }] });
  const route = testRoute({ realms: [byHeader, byCookie, byBoth], tokenLocations: [BEARER, cookie] });
  const accepting = (...locations: Route['tokenLocations']) =>
    acceptingRealms(route, { token: 't', locations }).map(({ name }) => name);

  it('C44 gives the realms that read tokens there, however the location is written', () => {
    expect(accepting(BEARER)).toEqual(['header', 'both']);
    expect(accepting({ ...cookie })).toEqual(['cookie', 'both']);
    expect(accepting({ kind: 'query', name: 't' })).toEqual([]);
  });

  it('FJR-C42 gives the list of the route itself where all accept', () => {
    const both = testRoute({ realms: [byHeader, byBoth] });
    expect(acceptingRealms(both, { token: 't', locations: [BEARER] })).toBe(both.realms);
  });
});
