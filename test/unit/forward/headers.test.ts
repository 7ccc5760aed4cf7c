import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileHeaderPolicy, foldHeaderName } from '../../../src/core/headers.ts';
import type { Route } from '../../../src/core/route.ts';
import { responseHeaders, upstreamHeaders } from '../../../src/forward/headers.ts';
import { ASSERTION, testRoute } from '../../support/policy.ts';

const policy = compileHeaderPolicy(['X-JWT-Assertion']);

function build(headers: string[], route: Partial<Route> = {}, hasBody = false): string[] {
  return upstreamHeaders({
    headers,
    policy,
    route: testRoute(route),
    assertion: ASSERTION,
    host: 'upstream.test',
    hasBody,
    requestId: 'id-1',
    forwarding: { forwardedFor: '1.2.3.4', forwardedHost: 'gw.test', forwardedProto: 'http' },
  });
}

function names(list: readonly string[]): string[] {
  return list.filter((_unused, index) => index % 2 === 0);
}

const OWNED_ALIAS = fc
  .array(fc.constantFrom('-', '_', '.', '~', '!'), { minLength: 2, maxLength: 2 })
  .chain(([first, second]) => fc.mixedCase(fc.constant(`x${first}jwt${second}assertion`)));

/** A list as a client may send it: ordinary names, aliases of owned ones, and Connection lists that name anything. */
const CLIENT_HEADERS = fc
  .array(
    fc.oneof(
      fc.tuple(OWNED_ALIAS, fc.constant('evil')),
      fc.tuple(
        fc.constant('Connection'),
        fc.constantFrom('close', 'X-JWT-Assertion', 'Host, X-Forwarded-For', 'x-request-id, via'),
      ),
      fc.tuple(fc.constantFrom('Accept', 'Cookie', 'X-Forwarded-For', 'Forwarded', 'Host'), fc.constant('v')),
    ),
    { maxLength: 12 },
  )
  .map((pairs) => pairs.flat());

describe('upstreamHeaders()', () => {
  it('ends with the one assertion, whatever the client sends (I1, H01, H02)', () => {
    fc.assert(
      fc.property(CLIENT_HEADERS, (headers) => {
        const list = build(headers);
        expect(list.slice(-2)).toEqual([ASSERTION.header, ASSERTION.value]);
        const owned = names(list).filter((name) => foldHeaderName(name) === 'x-jwt-assertion');
        expect(owned).toHaveLength(1);
        expect(list).not.toContain('evil');
      }),
      { numRuns: 2000 },
    );
  });

  it('has exactly one Host, X-Forwarded-For and X-Request-Id, its own (H02, H03)', () => {
    fc.assert(
      fc.property(CLIENT_HEADERS, (headers) => {
        const list = build(headers);
        for (const [name, value] of [
          ['host', 'upstream.test'],
          ['x-forwarded-for', '1.2.3.4'],
          ['x-request-id', 'id-1'],
        ]) {
          const found = names(list).flatMap((one, index) =>
            one.toLowerCase() === name ? [list[index * 2 + 1]] : [],
          );
          expect(found).toEqual([value]);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps spelling, order and duplicates of the rest', () => {
    const own = ['x-B', '1', 'ACCEPT', '*/*', 'x-B', '2'];
    expect(build(own).slice(2, 8)).toEqual(own);
  });

  it('leaves behind what Connection lists, in any case, and Connection itself (H02)', () => {
    const given = ['Connection', 'close, X-Own', 'x-own', '1', 'X-OWN', '2', 'X-Owned', '3'];
    expect(names(build(given)).filter((name) => /own|connection/i.test(name))).toEqual(['X-Owned']);
  });

  it('passes Content-Length only with a body', () => {
    expect(names(build(['Content-Length', '0'])).includes('Content-Length')).toBe(false);
    expect(names(build(['Content-Length', '5'], {}, true)).includes('Content-Length')).toBe(true);
  });

  it('drops a Cookie header that held nothing but the token', () => {
    const credentialLocations = [{ kind: 'cookie', name: 't' } as const];
    expect(names(build(['Cookie', 't=x'], { credentialLocations })).includes('Cookie')).toBe(false);
  });
});

describe('upstreamHeaders() where realms look for tokens', () => {
  const headerAt = (name: string) =>
    ({ kind: 'header', name, scheme: '', schemeCaseSensitive: true }) as const;
  /** Via, X-Request-Id, three of X-Forwarded and the assertion, in names and values. */
  const OURS = 12;
  const OWN = { credentialLocations: [headerAt('X-Token'), { kind: 'cookie', name: 'Session' } as const] };

  it('leaves the token’s header behind, in every spelling (AST-P49, H01)', () => {
    const given = ['X-Token', '1', 'x_token', '2', 'X.TOKEN', '3', 'X-Tokens', '4', 'X-Toke', '5'];
    expect(build(given, OWN).slice(2, -OURS)).toEqual(['X-Tokens', '4', 'X-Toke', '5']);
  });

  it('takes a name for what it names alone: header, cookie or query', () => {
    const given = ['Session', '1', 'Access', '2', 'Cookie', 'X-Token=a; Access=b; Session=c; d=e'];
    const credentialLocations = [...OWN.credentialLocations, { kind: 'query', name: 'Access' } as const];
    expect(build(given, { credentialLocations }).slice(2, -OURS)).toEqual([
      'Session',
      '1',
      'Access',
      '2',
      'Cookie',
      'X-Token=a; Access=b; d=e',
    ]);
  });

  it('passes all of them on where the route forwards what authenticates', () => {
    const given = ['Authorization', 'Bearer a', 'X-Token', '1', 'Cookie', 'Session=c'];
    expect(build(given, { ...OWN, forwardAuthorization: true }).slice(2, -OURS)).toEqual(given);
  });
});

describe('responseHeaders()', () => {
  it('drops what Connection lists, hop-by-hop and owned headers, and the upstream’s request id', () => {
    const raw = [
      'Connection',
      'X-Own',
      'X-Own',
      '1',
      'Keep-Alive',
      'x',
      'x.jwt.assertion',
      'x',
      'X-Request-Id',
      'x',
      'A',
      'b',
    ];
    expect(responseHeaders(raw, policy, 200)).toEqual(['A', 'b']);
  });

  it('drops Content-Length from a 204 only (RFC 9110 §8.6)', () => {
    expect(responseHeaders(['Content-Length', '5'], policy, 204)).toEqual([]);
    expect(responseHeaders(['Content-Length', '5'], policy, 304)).toEqual(['Content-Length', '5']);
  });
});
