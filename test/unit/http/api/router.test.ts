/** The router, and the table of operations it is made of. */
import { describe, expect, it } from 'vitest';
import type { CountersignError } from '../../../../src/core/errors.ts';
import { empty } from '../../../../src/http/api/answer.ts';
import { endpointOf } from '../../../../src/http/api/caller.ts';
import { type Method, type Operation, operation } from '../../../../src/http/api/operation.ts';
import { OPERATIONS } from '../../../../src/http/api/operations.ts';
import { createRouter } from '../../../../src/http/api/router.ts';

const declared = (method: Method, path: string): Operation =>
  operation({
    method,
    path,
    operationId: `${method} ${path}`,
    summary: '',
    tag: '',
    auth: 'none',
    request: {},
    answers: {},
    handle: async () => empty(200),
  });

const router = createRouter([
  declared('GET', '/api/a'),
  declared('POST', '/api/a'),
  declared('GET', '/api/a/{id}'),
  declared('GET', '/api/a/search'),
  declared('GET', '/api/a/{id}/b/{other}'),
]);

const codeOf = (method: string, path: string): string => {
  try {
    return router.find(method, path).operation.operationId;
  } catch (error) {
    const { code, parameter } = error as CountersignError;
    return parameter === undefined ? code : `${code} ${parameter}`;
  }
};

describe('createRouter()', () => {
  it('finds whole paths, named segments before those that vary', () => {
    expect(codeOf('GET', '/api/a')).toBe('GET /api/a');
    expect(codeOf('GET', '/api/a/search')).toBe('GET /api/a/search');
    expect(codeOf('GET', '/api/a/7')).toBe('GET /api/a/{id}');
  });

  it('gives the segments that vary, decoded', () => {
    expect(router.find('GET', '/api/a/x%20y/b/%C3%A4').params).toEqual({ id: 'x y', other: 'ä' });
  });

  it.each([
    '/',
    '',
    'api/a',
    '/api',
    '/api/a/',
    '//api/a',
    '/api//a',
    '/api/a/1/b',
    '/api/a/1/b/2/c',
    '/API/a',
  ])('finds nothing at "%s"', (path) => expect(codeOf('GET', path)).toBe('route_not_found'));

  it('says which methods a path has', () => {
    expect(codeOf('DELETE', '/api/a')).toBe('method_not_allowed GET, POST');
    expect(codeOf('POST', '/api/a/search')).toBe('method_not_allowed GET');
  });

  it('knows no members of prototypes', () => {
    expect(codeOf('GET', '/__proto__')).toBe('route_not_found');
    expect(codeOf('constructor', '/api/a')).toBe('method_not_allowed GET, POST');
  });

  it('knows of a path what its operations have, and no more', () => {
    const known = ['/api/a/7/secret', '/api/secret', '/secret', '//api', ''].map((path) =>
      router.knownPart(path),
    );
    expect(known).toEqual(['/api/a', '/api', '', '', '']);
  });

  it('takes no operation twice', () => {
    expect(() => createRouter([declared('GET', '/x/{a}'), declared('GET', '/x/{b}')])).toThrow(TypeError);
  });
});

describe('OPERATIONS', () => {
  it('have each an id of their own, and a path for each of their parameters', () => {
    const ids = OPERATIONS.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, request } of OPERATIONS) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(named.length === 0 || request.params !== undefined, path).toBe(true);
    }
  });

  it('that change something by a cookie are guarded', () => {
    const byCookie = OPERATIONS.filter(({ auth }) => auth === 'jwt' || auth === 'apiKeyOrJwt');
    expect(byCookie.every(({ isGuarded }) => isGuarded === true)).toBe(true);
  });

  it('without authentication are a list that only grows on purpose', () => {
    const open = OPERATIONS.filter(({ auth }) => auth === 'none' || auth === 'optionalApiKey');
    expect(open.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual([
      'GET /.well-known/jwks.json',
      'GET /.well-known/oauth-authorization-server',
      'GET /.well-known/oauth-authorization-server/{issuerPath}',
      'GET /api/identity-provider/lookup',
      'GET /api/jwt/public-key',
      'GET /api/jwt/validate',
      'POST /api/identity-provider/login',
      'POST /api/jwt/reconcile',
      'POST /api/jwt/refresh',
      'POST /api/login',
      'POST /api/logout',
      'POST /oauth2/revoke',
      'POST /oauth2/token',
    ]);
  });

  it('that touch what all tenants share are closed to keys of one', () => {
    const shared = OPERATIONS.filter(({ path }) => /^\/api\/(?:lambda|webhook|system)/.test(path));
    const changes = OPERATIONS.filter(
      ({ method, path }) => method !== 'GET' && /^\/api\/(?:key|tenant)\b/.test(path),
    );
    expect([...shared, ...changes].filter(({ needsAllTenants }) => needsAllTenants !== true)).toEqual([]);
    expect(shared.length + changes.length).toBeGreaterThan(20);
  });
});

describe('endpointOf()', () => {
  it.each([
    ['/api/jwt/refresh/{tokenId}', '/api/jwt/refresh'],
    ['/api/user/registration/{userId}/{applicationId}', '/api/user/registration'],
    ['/api/user/{id}/claims', '/api/user/claims'],
  ])('of %s is %s', (path, endpoint) => expect(endpointOf({ path })).toBe(endpoint));
});
