/** Callers without a key who try to use up memory, processors, or somebody else's share. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../src/http/api/operations.ts';
import { API_LIMITS, startApi, type TestApi } from '../support/api.ts';
import { IDP1 } from '../support/identity-provider.ts';
import { APP_A, KEY, loginTo } from '../support/token-fixtures.ts';

const limits = { ...API_LIMITS, perIdentityProviderPerMinute: 1, countsLoopback: true };
const api = await startApi({ settings: { limits } });
afterAll(() => api.close());

const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };
const exchange = (parameters: Record<string, string>) =>
  api.call('POST', '/oauth2/token', {
    text: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_id: APP_A,
      subject_token: 'a.b.c',
      subject_token_type: JWT,
      ...parameters,
    }).toString(),
    headers: FORM,
  });
const reconcile = (identityProviderId: string) =>
  api.call('POST', '/api/jwt/reconcile', {
    json: { applicationId: APP_A, identityProviderId, data: { token: 'a.b.c' } },
  });

describe('the share of an identity provider', () => {
  it('is counted for providers that are there, not for names that a caller makes up (security.md T13)', async () => {
    const madeUp = '00000000-0000-4000-8000-0000000000ff';
    const statuses = [await reconcile(madeUp), await reconcile(madeUp), await reconcile(IDP1)];
    expect(statuses.map(({ status }) => status)).toEqual([401, 401, 401]);
    expect((await reconcile(IDP1)).status).toBe(429);
  });

  it('is remembered under no text of the caller (security.md T13)', async () => {
    const { status, body } = await exchange({ identity_provider_id: 'x'.repeat(30_000) });
    expect([status, body.error]).toEqual([400, 'invalid_request']);
  });
});

describe('a standard endpoint', () => {
  const token = (path: string, { text = 'grant_type=refresh_token&refresh_token=x&token=x', ...options }) =>
    counted.call('POST', path, { text, headers: FORM, ...options });
  const unavailable = { error: 'temporarily_unavailable', error_description: expect.any(String) };
  let counted: TestApi;
  beforeAll(async () => {
    counted = await startApi({
      settings: { limits: { ...limits, perAddressPerMinute: 2 } },
      parts: { revocations: { isRevoked: () => false, isCurrent: () => false, refresh: async () => {} } },
    });
  });
  afterAll(() => counted.close());

  it('says in the OAuth way that there were too many calls, and when the next one passes (RFC 6749 §5.2)', async () => {
    const answers = [];
    for (const path of ['/oauth2/token', '/oauth2/revoke', '/oauth2/token', '/oauth2/revoke'])
      answers.push(await token(path, {}));
    expect(answers.map(({ status }) => status)).toEqual([400, 200, 429, 429]);
    for (const { body, headers } of answers.slice(2)) {
      expect(body).toEqual(unavailable);
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    }
  });

  it('says so too for the share of an identity provider', async () => {
    const parameters = { identity_provider_id: IDP1 };
    const answers = [await exchange(parameters), await exchange(parameters)];
    const { status, body, headers } = answers[1] ?? {};
    expect([status, body]).toEqual([429, unavailable]);
    expect(Number(headers?.['retry-after'])).toBeGreaterThan(0);
  });

  it('says so while the sessions that ended are not known (RFC 6749 §5.2)', async () => {
    const { token: accessToken } = await loginTo(counted.service, APP_A);
    const { status, body, headers } = await token('/oauth2/introspect', {
      auth: KEY,
      text: `token=${accessToken}`,
    });
    expect([status, body, headers['retry-after']]).toEqual([503, unavailable, '5']);
  });
});

describe('a token exchange', () => {
  it.each([
    { actor_token: 'a.b.c', actor_token_type: JWT },
    { resource: 'https://backend.test' },
    { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
  ])('that asks for what is not given gets nothing in its place: %o (RFC 8693 §2.1)', async (parameters) => {
    const { status, body } = await exchange(parameters);
    expect([status, body.error]).toEqual([400, 'invalid_request']);
  });
});

describe('a search of the event log', () => {
  it('is for a short text: the work grows with it, for each entry there is', async () => {
    const { status, body } = await api.admin('POST', '/api/system/event-log/search', {
      search: { message: `${'a'.repeat(2000)}b` },
    });
    expect([status, Object.keys(body.fieldErrors)]).toEqual([400, ['search.message']]);
  });
});

describe('a caller behind a proxy on this machine that nobody named', () => {
  it('does not pass for a caller from this machine (security.md T13)', async () => {
    const few = { ...API_LIMITS, perAddressPerMinute: 2 };
    const behind = await startApi({ settings: { limits: few } });
    const validate = async (headers: Record<string, string>) =>
      (await behind.call('GET', '/api/jwt/validate', { headers })).status;
    const local = [await validate({}), await validate({}), await validate({})];
    expect(local).toEqual([401, 401, 401]);
    const forwarded = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) => ({ 'X-Forwarded-For': address }));
    const statuses: number[] = [];
    for (const headers of forwarded) statuses.push(await validate(headers));
    expect(statuses).toEqual([401, 401, 429]);
    await behind.close();
  });
});

describe('the API', () => {
  it('redirects nobody, whatever a parameter says (security.md B04)', async () => {
    const declared = OPERATIONS.flatMap(({ answers }) => Object.keys(answers).map(Number));
    expect(declared.filter((status) => status >= 300 && status < 400)).toEqual([]);
    for (const target of [
      '//evil.test',
      '%5C%5Cevil.test',
      '/%5Cevil.test',
      'https:evil.test',
      '%0D%0ALocation:x',
    ])
      for (const path of ['/api/logout', '/oauth2/token', '/api/jwt/validate']) {
        const method = path === '/api/jwt/validate' ? 'GET' : 'POST';
        const { status, headers } = await api.call(
          method,
          `${path}?redirect_uri=${target}&post_logout_redirect_uri=${target}`,
        );
        expect([status >= 300 && status < 400, headers['location']]).toEqual([false, undefined]);
      }
  });
});
