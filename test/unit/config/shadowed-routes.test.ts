import { describe, expect, it } from 'vitest';
import { issuesOf, warningsOf } from '../../support/config.ts';

const REALMS = 'realms: [{ name: a, issuer: a, audiences: [x], jwksUri: "https://idp.test/jwks" }]';

function config(match: string, { auth = 'none', assertion }: { auth?: string; assertion: string }): string {
  return `version: 1
${REALMS}
${assertion}
routes:
  - { name: app, match: { pathPrefix: /app }, upstream: "builtin:echo" }
  - { name: idp, match: ${match}, auth: ${auth}, upstream: "builtin:echo" }
`;
}

const OURS = /gateway's own keys/;
const PUBLISHED = { assertion: 'assertion: {}' };

describe('a route behind the published keys', () => {
  it.each([
    '{ pathPrefix: /.well-known/jwks.json }',
    '{ pathPrefix: /jwks }',
    '{ pathPrefix: /.well-known/jwks.pem, methods: [HEAD] }',
    '{ pathPrefix: /jwks, hosts: [idp.example] }',
  ])('is refused where it names their path: %s (AST-P42)', (match) =>
    expect(issuesOf(config(match, PUBLISHED))).toEqual([expect.stringMatching(OURS)]),
  );

  it.each(['{ pathPrefix: /.well-known }', '{ hosts: [idp.example], pathPrefix: / }'])(
    'is warned of where it may be that of an issuer: %s (AST-P42)',
    (match) => expect(warningsOf(config(match, PUBLISHED))).toContainEqual(expect.stringMatching(OURS)),
  );

  it.each([
    ['takes no GET', '{ pathPrefix: /jwks, methods: [POST] }', PUBLISHED],
    ['is the catch-all', '{ pathPrefix: / }', PUBLISHED],
    ['needs a token', '{ hosts: [idp.example], pathPrefix: / }', { ...PUBLISHED, auth: 'required' }],
    ['only begins alike', '{ pathPrefix: /jwks-of-ours }', PUBLISHED],
    ['lies below', '{ pathPrefix: /jwks/old }', PUBLISHED],
    [
      'stands where nothing is published',
      '{ pathPrefix: /jwks }',
      { assertion: 'assertion: { jwksEndpoint: false }' },
    ],
    ['stands where nothing is minted', '{ pathPrefix: /jwks }', { assertion: '' }],
  ])('is no matter where it %s', (_what, match, options) =>
    expect(warningsOf(config(match, options)).filter((warning) => OURS.test(warning))).toEqual([]),
  );
});
