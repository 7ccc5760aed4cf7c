import { describe, expect, it } from 'vitest';
import { exchangedTokens, oauthTokens } from '../../../src/tokens/oauth-tokens.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const tokens = {
  token: 'a.b.c',
  tokenExpirationInstant: NOW_MS + 3_600_999,
  refreshToken: { id: 'id', value: 'r', expiresInstant: NOW_MS },
};

describe('oauthTokens()', () => {
  it('tells a life in whole seconds, never a negative one (RFC 6749 §5.1)', () => {
    expect(oauthTokens(tokens, NOW_MS)).toEqual({
      access_token: 'a.b.c',
      token_type: 'Bearer',
      expires_in: 3600,
      refresh_token: 'r',
    });
    expect(oauthTokens(tokens, NOW_MS + 4_000_000)['expires_in']).toBe(0);
  });

  it('leaves out a refresh token that is not given', () => {
    expect(oauthTokens({ ...tokens, refreshToken: null }, NOW_MS)).not.toHaveProperty('refresh_token');
  });
});

describe('exchangedTokens()', () => {
  it('names the type of what was issued (RFC 8693 §2.2.1)', () => {
    expect(exchangedTokens(tokens, NOW_MS)).toMatchObject({
      access_token: 'a.b.c',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    });
  });
});
