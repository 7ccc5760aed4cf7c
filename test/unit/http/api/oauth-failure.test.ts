/** How failures of use cases are told to OAuth clients. */
import { describe, expect, it } from 'vitest';
import { OAuthError, oauthRefusal, orOAuthError } from '../../../../src/http/api/oauth-failure.ts';
import { ServiceError } from '../../../../src/tokens/failure.ts';
import { StoreUnavailableError } from '../../../../src/tokens/store.ts';

const SECRET = 'what only the operator may read';

async function told(error: Error) {
  return await orOAuthError(async () => {
    throw error;
  });
}

describe('orOAuthError()', () => {
  it.each([400, 401, 403, 404, 409, 410] as const)(
    'takes a refusal with %i for one of the grant (RFC 6749 §5.2)',
    async (status) => {
      expect(await told(new ServiceError(status, SECRET))).toMatchObject({
        status: 400,
        body: { error: 'invalid_grant' },
      });
    },
  );

  it.each([
    [new ServiceError(429, SECRET), 429, 'temporarily_unavailable'],
    [new ServiceError(503, SECRET), 503, 'temporarily_unavailable'],
    [new ServiceError(504, SECRET), 503, 'temporarily_unavailable'],
    [new StoreUnavailableError(SECRET), 503, 'temporarily_unavailable'],
    [new OAuthError('unsupported_grant_type', SECRET), 400, 'unsupported_grant_type'],
  ])('tells of %o with %i %s', async (error, status, code) => {
    const answer = await told(error);
    expect(answer).toMatchObject({ status, body: { error: code } });
    expect(JSON.stringify(answer.body)).not.toContain(SECRET);
  });

  it('passes on what is no failure of a use case', async () => {
    const defect = new TypeError('a defect');
    await expect(told(defect)).rejects.toBe(defect);
  });
});

describe('oauthRefusal()', () => {
  it('asks a client for its credential (RFC 6749 §5.2)', () => {
    const { status, body, headers } = oauthRefusal(new ServiceError(401, SECRET));
    expect({ status, body, headers }).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
      headers: ['WWW-Authenticate', expect.stringMatching(/^Basic /)],
    });
  });
});
