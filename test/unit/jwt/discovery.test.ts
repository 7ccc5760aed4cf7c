import { describe, expect, it } from 'vitest';
import type { DocumentFetcher } from '../../../src/core/document.ts';
import { discoverJwksUri } from '../../../src/jwt/discovery.ts';

const JWKS_URI = 'https://keys.test/jwks';

/** Answers with these documents by URL; other URLs fail like a 404. */
function fetcherOf(documents: Record<string, unknown>): { fetchDocument: DocumentFetcher; asked: string[] } {
  const asked: string[] = [];
  const fetchDocument: DocumentFetcher = async ({ url }) => {
    asked.push(url);
    const document = documents[url];
    if (document === undefined) throw new Error('status 404');
    const body = typeof document === 'string' ? document : JSON.stringify(document);
    return { status: 200, body, etag: null, cacheMaxAgeMs: null };
  };
  return { fetchDocument, asked };
}

function discover(issuer: string, documents: Record<string, unknown>): Promise<string> {
  return discoverJwksUri({ issuer, fetchDocument: fetcherOf(documents).fetchDocument, timeoutMs: 1000 });
}

describe('discoverJwksUri', () => {
  it.each([
    ['https://idp.test', 'https://idp.test/.well-known/openid-configuration'],
    ['https://idp.test/', 'https://idp.test/.well-known/openid-configuration'],
    ['https://idp.test/realms/a', 'https://idp.test/realms/a/.well-known/openid-configuration'],
    ['https://idp.test', 'https://idp.test/.well-known/oauth-authorization-server'],
    ['https://idp.test/realms/a', 'https://idp.test/.well-known/oauth-authorization-server/realms/a'],
  ])('finds the key set of %s at %s', async (issuer, url) => {
    expect(await discover(issuer, { [url]: { issuer, jwks_uri: JWKS_URI } })).toBe(JWKS_URI);
  });

  it('asks for the OpenID document first, and for no more when it is good', async () => {
    const issuer = 'https://idp.test';
    const url = `${issuer}/.well-known/openid-configuration`;
    const { fetchDocument, asked } = fetcherOf({ [url]: { issuer, jwks_uri: JWKS_URI } });
    await discoverJwksUri({ issuer, fetchDocument, timeoutMs: 1000 });
    expect(asked).toEqual([url]);
  });

  it.each([
    ['names another issuer', { issuer: 'https://evil.test', jwks_uri: JWKS_URI }],
    ['names the issuer with another slash', { issuer: 'https://idp.test/', jwks_uri: JWKS_URI }],
    ['names no issuer', { jwks_uri: JWKS_URI }],
    ['has no jwks_uri', { issuer: 'https://idp.test' }],
    ['has a jwks_uri that is no string', { issuer: 'https://idp.test', jwks_uri: [JWKS_URI] }],
    ['is a list', []],
    ['is no JSON', '<html>'],
  ])('refuses metadata that %s', async (_name, metadata) => {
    const documents = { 'https://idp.test/.well-known/openid-configuration': metadata };
    await expect(discover('https://idp.test', documents)).rejects.toMatchObject({ name: 'DiscoveryError' });
  });

  it('names both documents and their causes', async () => {
    await expect(discover('https://idp.test', {})).rejects.toThrow(
      /openid-configuration: status 404; .*oauth-authorization-server: status 404/,
    );
  });

  it('refuses an issuer that is no URL', async () => {
    await expect(discover('fusion', {})).rejects.toThrow(/no URL/);
  });
});
