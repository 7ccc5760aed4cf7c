import { describe, expect, it } from 'vitest';
import { warningsOf } from '../../support/config.ts';

const SERVICE = 'tokenService: {}';

interface Given {
  readonly assertion?: string;
  /** Issuers of the realms r0, r1, … */
  readonly issuers?: readonly string[];
  /** More of the one route that is there unless told otherwise. */
  readonly routes?: readonly string[];
  readonly more?: string;
}

/** The warnings about subjects. */
function warnings({ assertion = '{}', issuers = ['one', 'two'], routes = [''], more = '' }: Given): string[] {
  const realm = (issuer: string, index: number) =>
    `  - { name: r${index}, issuer: ${issuer}, audiences: [x], jwksUri: "https://idp.test/jwks" }`;
  const route = (keys: string, index: number) =>
    `  - { name: p${index}, match: { pathPrefix: /p${index} }, upstream: "builtin:echo"${keys} }`;
  const text = ['version: 1', 'realms:', ...issuers.map(realm), `assertion: ${assertion}`, 'routes:'];
  const all = warningsOf([...text, ...routes.map(route), more].join('\n'));
  return all.filter((warning) => warning.includes('several issuers'));
}

const STORE = '{ includeRealm: true, userClaims: { retriever: token+store } }';

describe('warnAmbiguousSubjects()', () => {
  it('names the issuers and the routes where one subject may be two callers (J16)', () => {
    expect(warnings({})).toEqual([
      expect.stringContaining('assertion: realms of several issuers (one, two) meet on route "p0": '),
    ]);
    expect(warnings({ routes: ['', '', ', realms: [r1]'] })).toEqual([
      expect.stringContaining('route "p0" and 1 more'),
    ]);
  });

  it.each([
    ['includeRealm tells them apart', { assertion: '{ includeRealm: true }' }],
    ['a route tells them apart', { routes: [', assertion: { includeRealm: true }'] }],
    ['they share an issuer', { issuers: ['one', 'one'] }],
    ['there is one realm', { issuers: ['one'] }],
    ['each route has one realm', { routes: [', realms: [r0]', ', realms: [r1]'] }],
    ['nothing is minted', { assertion: '{ enabled: false }' }],
  ])('is silent where %s', (_what, given) => expect(warnings(given)).toEqual([]));

  it('warns where users of the store are found by subjects of several issuers (J16)', () => {
    expect(warnings({ assertion: STORE, more: SERVICE })).toEqual([
      expect.stringContaining(
        'users of the store are found by the sub of several issuers (one, two) on route "p0"',
      ),
    ]);
    expect(warnings({ assertion: STORE, more: SERVICE, routes: [', realms: [r0]'] })).toEqual([]);
  });
});
