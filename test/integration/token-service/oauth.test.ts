/** The standard endpoints, driven by an OAuth library that knows nothing of us. */
import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startApi, type TestApi } from '../../support/api.ts';
import { APP_A, APP_B, APP_N, configure, KEY, loginTo, TEN1, U1 } from '../../support/token-fixtures.ts';

const INSECURE = { [oauth.allowInsecureRequests]: true };
const NONE = oauth.None();

let api: TestApi;
let server: oauth.AuthorizationServer;
const clientA: oauth.Client = { client_id: APP_A };
const clientB: oauth.Client = { client_id: APP_B };

beforeAll(async () => {
  api = await startApi({ provider: { issuer: 'https://acme.test' } });
  await configure(api.service, 'tenants', TEN1, (tenant) => ({ ...tenant, issuer: api.url }));
  const issuer = new URL(api.url);
  const answer = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...INSECURE });
  server = await oauth.processDiscoveryResponse(issuer, answer);
});
afterAll(() => api.close());

const refresh = async (client: oauth.Client, value: string) =>
  await oauth.processRefreshTokenResponse(
    server,
    client,
    await oauth.refreshTokenGrantRequest(server, client, NONE, value, INSECURE),
  );

const introspect = async (token: string, secret = KEY) => {
  const authentication = oauth.ClientSecretBasic(secret);
  const answer = await oauth.introspectionRequest(server, clientA, authentication, token, INSECURE);
  return await oauth.processIntrospectionResponse(server, clientA, answer);
};

const revoke = async (client: oauth.Client, token: string) =>
  await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, NONE, token, INSECURE));

const exchange = async (parameters: Record<string, string>, client = clientA) => {
  const answer = await oauth.genericTokenEndpointRequest(
    server,
    client,
    NONE,
    TOKEN_EXCHANGE,
    parameters,
    INSECURE,
  );
  return await oauth.processGenericTokenEndpointResponse(server, client, answer);
};

const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

describe('metadata (RFC 8414)', () => {
  it('names the endpoints under the issuer', () => {
    expect(server).toMatchObject({
      issuer: api.url,
      token_endpoint: `${api.url}/oauth2/token`,
      jwks_uri: `${api.url}/.well-known/jwks.json`,
    });
  });

  it('is not there for an issuer with another path', async () => {
    const answer = await fetch(`${api.url}/.well-known/oauth-authorization-server/other`);
    expect(answer.status).toBe(404);
  });
});

describe('the refresh grant (RFC 6749 §6)', () => {
  it('gives an access token and the refresh token', async () => {
    const { refreshToken } = await loginTo(api.service, APP_A);
    const tokens = await refresh(clientA, refreshToken.value);
    expect(tokens).toMatchObject({ token_type: 'bearer', refresh_token: refreshToken.value });
    expect(tokens.expires_in).toBeGreaterThan(0);
  });

  it('refuses the token of another client, and an unknown one, alike', async () => {
    const { refreshToken } = await loginTo(api.service, APP_A);
    for (const value of [refreshToken.value, 'unknown'])
      await expect(refresh(clientB, value)).rejects.toMatchObject({ error: 'invalid_grant', status: 400 });
    await expect(refresh(clientA, refreshToken.value)).resolves.toBeDefined();
  });

  it.each([
    ['no grant type', {}, 'invalid_request'],
    ['another grant type', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['no refresh token', { grant_type: 'refresh_token' }, 'invalid_request'],
    [
      'a client id that is none',
      { grant_type: 'refresh_token', refresh_token: 'x', client_id: 'y' },
      'invalid_request',
    ],
  ])('says in the OAuth way what is wrong: %s', async (_what, form, error) => {
    const answer = await fetch(`${api.url}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams(form),
    });
    expect([answer.status, JSON.parse(await answer.text()).error]).toEqual([400, error]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });
});

describe('token exchange (RFC 8693)', () => {
  it('reconciles a foreign JWT by its issuer', async () => {
    const token = api.provider.token({ iss: 'https://acme.test', email: 'ex@acme.com', sub: 'ex' });
    const tokens = await exchange({ subject_token: token, subject_token_type: JWT_TYPE });
    expect(tokens).toMatchObject({ issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' });
    expect(await introspect(tokens.access_token)).toMatchObject({ active: true, client_id: APP_A });
  });

  it.each([
    ['of an unknown issuer', { iss: 'https://other.test' }, 'invalid_request'],
    ['of a domain that is not managed', { iss: 'https://acme.test', email: 'x@other.com' }, 'invalid_grant'],
  ])('refuses a token %s', async (_what, claims, error) => {
    const token = api.provider.token(claims);
    await expect(exchange({ subject_token: token, subject_token_type: JWT_TYPE })).rejects.toMatchObject({
      error,
    });
  });

  it.each(['jwt', 'access_token', 'id_token'])(
    'takes a JWT that is called %s (RFC 8693 §3)',
    async (name) => {
      const token = api.provider.token({ iss: 'https://acme.test', email: `${name}@acme.com`, sub: name });
      const subject_token_type = `urn:ietf:params:oauth:token-type:${name}`;
      await expect(exchange({ subject_token: token, subject_token_type })).resolves.toBeDefined();
    },
  );

  it.each(['jwt', 'access_token'])('gives a token that is asked for as %s (RFC 8693 §2.1)', async (name) => {
    const token = api.provider.token({ iss: 'https://acme.test', email: 'ex@acme.com', sub: 'ex' });
    const requested_token_type = `urn:ietf:params:oauth:token-type:${name}`;
    const wanted = { subject_token: token, subject_token_type: JWT_TYPE, requested_token_type };
    await expect(exchange(wanted)).resolves.toBeDefined();
  });

  it.each([
    ['in the name of another', { actor_token: 'x' }],
    ['for another resource', { resource: 'https://other.test/' }],
    ['for a token of another kind', { requested_token_type: 'urn:ietf:params:oauth:token-type:saml2' }],
  ])('does not exchange %s (RFC 8693 §2.1)', async (_what, asked) => {
    const token = api.provider.token({ iss: 'https://acme.test', email: 'ex@acme.com', sub: 'ex' });
    const wanted = { subject_token: token, subject_token_type: JWT_TYPE, ...asked };
    await expect(exchange(wanted)).rejects.toMatchObject({ error: 'invalid_request' });
  });

  it('leaves no pending link, which its client could not finish', async () => {
    await api.provider.change({ linkingStrategy: 'CreatePendingLink' });
    const wanted = {
      subject_token: api.provider.token({ iss: 'https://acme.test', sub: 'pending' }),
      subject_token_type: JWT_TYPE,
    };
    const insert = vi.spyOn(api.service.sealer, 'lookup');
    await expect(exchange(wanted)).rejects.toMatchObject({ error: 'invalid_grant' });
    expect(insert.mock.calls.filter(([, purpose]) => purpose === 'pendingLink')).toEqual([]);
    insert.mockRestore();
    await api.provider.change({});
  });

  it('takes only JWTs', async () => {
    const wanted = { subject_token: 'x', subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' };
    await expect(exchange(wanted)).rejects.toMatchObject({ error: 'unsupported_token_type' });
  });
});

describe('introspection (RFC 7662)', () => {
  it('tells access tokens and refresh tokens', async () => {
    const { token, refreshToken } = await loginTo(api.service, APP_A);
    expect(await introspect(token)).toMatchObject({ active: true, sub: U1, sid: refreshToken.id });
    expect(await introspect(refreshToken.value)).toMatchObject({ active: true, client_id: APP_A });
  });

  it('tells unknown, tampered and revoked tokens alike (T10)', async () => {
    const { token, refreshToken } = await loginTo(api.service, APP_A);
    await revoke(clientA, refreshToken.value);
    for (const dead of ['unknown', `${token}x`, refreshToken.value, token])
      expect(await introspect(dead)).toEqual({ active: false });
  });

  it('needs an API key (T10)', async () => {
    const { token } = await loginTo(api.service, APP_A);
    await expect(introspect(token, 'wrong')).rejects.toThrow();
    const bare = await fetch(`${api.url}/oauth2/introspect`, {
      method: 'POST',
      body: new URLSearchParams({ token }),
    });
    expect([bare.status, bare.headers.get('www-authenticate')]).toEqual([
      401,
      'Basic realm="countersign", charset="UTF-8"',
    ]);
    expect(await bare.json()).toMatchObject({ error: 'invalid_client' });
  });
});

describe('a request that is not in order (RFC 6749 §5.2)', () => {
  it.each(['/oauth2/token', '/oauth2/revoke', '/oauth2/introspect'])('is told so at %s', async (path) => {
    for (const text of ['token=%ff', 'token=a&token=b', '']) {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
      const { status, body } = await api.call('POST', path, { auth: KEY, text, headers });
      expect([status, body.error]).toEqual([400, 'invalid_request']);
    }
    const plain = { 'Content-Type': 'text/plain' };
    const { status, body } = await api.call('POST', path, { auth: KEY, text: 'token=a', headers: plain });
    expect([status, body.error]).toEqual([400, 'invalid_request']);
  });
});

describe('a scope (RFC 6749 §3.3)', () => {
  it.each(['refresh_token', TOKEN_EXCHANGE])('is granted by no grant: %s', async (type) => {
    const scope = { grant_type: type, scope: 'admin:all' };
    const answer = await fetch(`${api.url}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({ ...scope, client_id: APP_A, refresh_token: 'x', subject_token: 'x' }),
    });
    expect([answer.status, JSON.parse(await answer.text()).error]).toEqual([400, 'invalid_scope']);
  });

  it('that is empty asks for none (RFC 6749 §3.1)', async () => {
    const { refreshToken } = await loginTo(api.service, APP_A);
    const body = { grant_type: 'refresh_token', scope: '', refresh_token: refreshToken.value };
    const answer = await fetch(`${api.url}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams(body),
    });
    expect(answer.status).toBe(200);
  });
});

describe('revocation (RFC 7009)', () => {
  it('ends the session, by refresh token or access token', async () => {
    for (const by of ['refresh', 'access']) {
      const { token, refreshToken } = await loginTo(api.service, APP_A);
      await revoke(clientA, by === 'refresh' ? refreshToken.value : token);
      await expect(refresh(clientA, refreshToken.value)).rejects.toMatchObject({ error: 'invalid_grant' });
    }
  });

  it('says of an access token without session that it cannot be ended (§2.2.1)', async () => {
    const { token } = await loginTo(api.service, APP_N);
    const client: oauth.Client = { client_id: APP_N };
    await expect(revoke(client, token)).rejects.toMatchObject({ error: 'unsupported_token_type' });
    await revoke(clientA, token);
    expect(await introspect(token)).toMatchObject({ active: true });
  });

  it('answers 200 for an unknown token, and for one of another client, which stays alive (T11)', async () => {
    const { token, refreshToken } = await loginTo(api.service, APP_A);
    await revoke(clientA, 'unknown');
    await revoke(clientB, refreshToken.value);
    await revoke(clientB, token);
    await expect(refresh(clientA, refreshToken.value)).resolves.toBeDefined();
  });
});
