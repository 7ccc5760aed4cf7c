/** Routes as operators write them: which one a request takes, and what it asks of the caller. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SECRET, t1 } from '../support/acceptance.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { exchange } from '../support/raw-client.ts';

const ROUTES = `
realms:
  - name: fusion
    issuer: fusion
    signingKey: { secret: ${SECRET}, allowWeakSecret: true }
    claims: { groups: groups }
    roles: { default: [authenticated], mapping: { group-one: search-user developer, group-two: admin } }
routes:
  - { name: root, match: { pathPrefix: / }, upstream: "\${BACKEND}" }
  - { name: api, match: { pathPrefix: /api }, upstream: "\${BACKEND}" }
  - { name: api-v1, match: { pathPrefix: /api/v1 }, upstream: "\${BACKEND}", stripPrefix: true }
  - { name: docs-read, match: { pathPrefix: /docs, methods: [GET] }, upstream: "\${BACKEND}" }
  - { name: docs-write, match: { pathPrefix: /docs, methods: [POST, PUT] }, upstream: "\${BACKEND}",
      require: { roles: { any: [admin] } } }
  - { name: site, match: { hosts: [site.test], pathPrefix: / }, upstream: "\${BACKEND}" }
  - { name: wild, match: { hosts: ["*.wild.test"], pathPrefix: / }, upstream: "\${BACKEND}" }
  - { name: any-role, match: { pathPrefix: /any-role }, upstream: "\${BACKEND}", require: { roles: { any: [admin, owner] } } }
  - { name: all-roles, match: { pathPrefix: /all-roles }, upstream: "\${BACKEND}", require: { roles: { all: [admin, developer] } } }
  - { name: scopes, match: { pathPrefix: /scopes }, upstream: "\${BACKEND}", require: { scopes: { all: ["read", "write"] } } }
  - { name: any-scope, match: { pathPrefix: /any-scope }, upstream: "\${BACKEND}", require: { scopes: { any: ["read", "all"] } } }
  - { name: claims, match: { pathPrefix: /claims }, upstream: "\${BACKEND}",
      require: { claims: { department: [sales, support], /address/country: DE, verified: true } } }
  - { name: optional, match: { pathPrefix: /optional }, upstream: "\${BACKEND}", auth: optional, require: { roles: { any: [admin] } } }
`;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway(ROUTES);
});
afterAll(() => gateway.stop());

/** The route that the access log names for the last request. */
function routeOfLastRequest(): unknown {
  return gateway.log.findLast(({ msg }) => msg === 'request')?.['route'];
}

/** Method, host, target → route and path at the backend. */
const CASES: readonly (readonly [
  method: string,
  host: string,
  target: string,
  route: string,
  path: string,
])[] = [
  ['GET', 'gw.test', '/', 'root', '/'],
  ['GET', 'gw.test', '/apiary', 'root', '/apiary'],
  ['GET', 'gw.test', '/api', 'api', '/api'],
  ['GET', 'gw.test', '/api/v10', 'api', '/api/v10'],
  ['GET', 'gw.test', '/api/v1', 'api-v1', '/'],
  ['GET', 'gw.test', '/api/v1/a?b=/api/v1', 'api-v1', '/a?b=/api/v1'],
  ['HEAD', 'gw.test', '/docs/1', 'docs-read', '/docs/1'],
  ['PUT', 'gw.test', '/docs/1', 'docs-write', '/docs/1'],
  ['GET', 'SITE.test', '/api/v1', 'site', '/api/v1'],
  ['GET', 'a.b.wild.test', '/api', 'wild', '/api'],
  ['GET', 'wild.test', '/api', 'api', '/api'],
];

describe('a request', () => {
  it.each(CASES)(
    '%s %s%s takes route %s and arrives as %s (GW-C03)',
    async (method, host, target, route, path) => {
      const lines = `Host: ${host}\r\nAuthorization: Bearer ${t1()}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
      await exchange(Number(new URL(gateway.url).port), `${method} ${target} HTTP/1.1\r\n${lines}`);
      expect(gateway.backend.received.at(-1)).toMatchObject({ method, url: path });
      await expect.poll(routeOfLastRequest).toBe(route);
    },
  );

  it('with a method that its longest prefix does not take is 405, never another route (GW-C03)', async () => {
    const before = gateway.backend.received.length;
    const answer = await gateway.get('/docs/1', t1(), { method: 'DELETE' });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, POST, PUT, HEAD');
    expect(gateway.backend.received).toHaveLength(before);
  });
});

/** What the caller brings, where it goes, and the answer. */
const CALLERS: readonly (readonly [
  what: string,
  method: string,
  path: string,
  claims: object,
  code: string,
])[] = [
  ['one of the roles', 'GET', '/any-role', { groups: ['group-two'] }, 'ok'],
  ['none of the roles', 'GET', '/any-role', { groups: ['group-one'] }, 'insufficient_role'],
  ['roles that it gives itself', 'GET', '/any-role', { groups: [], roles: ['admin'] }, 'insufficient_role'],
  ['all roles', 'GET', '/all-roles', { groups: ['group-one', 'group-two'] }, 'ok'],
  ['all roles but one', 'GET', '/all-roles', { groups: ['group-two'] }, 'insufficient_role'],
  ['no admin, reading', 'GET', '/docs/1', { groups: [] }, 'ok'],
  ['no admin, writing', 'POST', '/docs/1', { groups: [] }, 'insufficient_role'],
  ['admin, writing', 'POST', '/docs/1', { groups: ['group-two'] }, 'ok'],
  ['both scopes', 'GET', '/scopes', { scope: 'write read other' }, 'ok'],
  ['one scope of two', 'GET', '/scopes', { scope: 'read' }, 'insufficient_scope'],
  ['a scope that begins alike', 'GET', '/scopes', { scope: 'read write2' }, 'insufficient_scope'],
  ['one scope where one suffices', 'GET', '/any-scope', { scope: 'x all' }, 'ok'],
  ['no scope at all', 'GET', '/any-scope', {}, 'insufficient_scope'],
];

const GOOD = { department: 'sales', address: { country: 'DE' }, verified: true };
const CLAIMS: typeof CALLERS = [
  ['all claims', 'GET', '/claims', GOOD, 'ok'],
  ['a list with an accepted value', 'GET', '/claims', { ...GOOD, department: ['it', 'support'] }, 'ok'],
  ['another value', 'GET', '/claims', { ...GOOD, department: 'it' }, 'insufficient_claims'],
  ['a text where a boolean is asked', 'GET', '/claims', { ...GOOD, verified: 'true' }, 'insufficient_claims'],
  ['another nested value', 'GET', '/claims', { ...GOOD, address: { country: 'FR' } }, 'insufficient_claims'],
  ['no such claim', 'GET', '/claims', { ...GOOD, address: 'DE' }, 'insufficient_claims'],
];

describe('a caller', () => {
  it.each([...CALLERS, ...CLAIMS])(
    'with %s: %s %s %j is %s (GW-C07)',
    async (_what, method, path, claims, code) => {
      const before = gateway.backend.received.length;
      const answer = await gateway.get(path, t1({ groups: undefined, ...claims }), { method });
      expect(answer.status).toBe(code === 'ok' ? 200 : 403);
      expect(gateway.backend.received.length - before).toBe(code === 'ok' ? 1 : 0);
      if (code === 'ok') return;
      expect(await answer.json()).toMatchObject({ status: 403, code });
      expect(answer.headers.get('www-authenticate')).toContain('error="insufficient_scope"');
    },
  );

  it.each(['/any-role', '/optional'])(
    'without token is 401 where anything is asked: %s (GW-C07)',
    async (path) => {
      expect((await gateway.get(path)).status).toBe(401);
    },
  );
});
