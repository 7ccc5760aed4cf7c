/** The whole way: a foreign token becomes a user, our token opens the proxy, the backend checks the assertion, the session ends. */
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issuesOf } from '../../support/config.ts';
import { startGateway, type TestGateway } from '../../support/gateway.ts';
import { hs256, signed, testKey } from '../../support/tokens.ts';

const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const [K_RS, K_ACME, TENANT, APP, OTHER_APP, IDP] = [1, 2, 3, 4, 5, 6].map(id);
const KEY = 'an-api-key-that-nobody-will-guess-0001';
const SECRET = 'a-secret-that-is-long-enough-for-hs256';
const own = testKey('RS256', 'kid-rs');
const acme = testKey('ES256', 'acme-1');
const spki = (key: typeof own) => key.publicKey.export({ format: 'pem', type: 'spki' }).toString();

const LISTENERS = `version: 1
listeners:
  proxy: { bind: "127.0.0.1:0" }
  ops: { bind: "127.0.0.1:0" }
  api: { bind: "127.0.0.1:0", enabled: true }
`;

const CONFIG = `
realms:
  - { name: self, type: self, issuer: acme.com, revocation: checkSid }
  - { name: corp, issuer: corp, signingKey: { secret: "\${SECRET}" } }
assertion:
  userClaims: { retriever: store, cache: { ttl: 0s } }
routes:
  - name: app
    match: { pathPrefix: /app }
    upstream: "\${BACKEND}"
    application: { id: ${APP}, name: app }
    require: { roles: { any: [user] } }
  - { name: other, match: { pathPrefix: /other }, upstream: "\${BACKEND}", application: { id: ${OTHER_APP} } }
  - { name: any, match: { pathPrefix: /any }, upstream: "\${BACKEND}" }
tokenService:
  keys:
    - { id: ${K_RS}, name: own, kid: kid-rs, privateKeyFile: own.pem }
    - { id: ${K_ACME}, name: acme, kid: acme-1, publicKeyFile: acme.pem }
  tenants:
    - { id: ${TENANT}, name: Default, issuer: acme.com, jwtConfiguration: { accessTokenKeyId: ${K_RS} } }
  applications:
    - id: ${APP}
      name: Pied Piper
      roles: [{ name: admin }, { name: user, isDefault: true }]
      loginConfiguration: { generateRefreshTokens: true, allowTokenRefresh: true }
    - { id: ${OTHER_APP}, name: Other }
  identityProviders:
    - id: ${IDP}
      name: Acme
      enabled: true
      verificationKeyIds: [${K_ACME}]
      domains: [acme.com]
      claimMap: { dept: RegistrationData, company: UserData, given: firstName }
      applicationConfiguration: { ${APP}: { enabled: true } }
  apiKeys: [{ key: "\${API_KEY}" }]
`;

let gateway: TestGateway;
const api = (path: string, init: RequestInit = {}) => fetch(`${gateway.app.origins.api}${path}`, init);
const post = (path: string, body: unknown, authorization?: string) =>
  api(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization ? { authorization } : {}) },
    body: JSON.stringify(body),
  });

beforeAll(async () => {
  gateway = await startGateway(CONFIG, {
    listeners: LISTENERS,
    environment: { API_KEY: KEY, SECRET },
    files: {
      'own.pem': own.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
      'acme.pem': spki(acme),
    },
  });
});
afterAll(() => gateway.stop());

const bodyOf = async (answer: Response) => JSON.parse(await answer.text());

const foreignToken = (claims: object = {}) =>
  signed(acme, {
    sub: 'bob-at-acme',
    email: 'bob@acme.com',
    email_verified: true,
    given: 'Bob',
    dept: 'R&D',
    company: 'Acme. Corp',
    exp: Math.floor(Date.now() / 1000) + 300,
    ...claims,
  });

async function reconcile(claims: object = {}) {
  const answer = await post('/api/jwt/reconcile', {
    applicationId: APP,
    identityProviderId: IDP,
    data: { token: foreignToken(claims) },
  });
  expect(answer.status).toBe(200);
  return await bodyOf(answer);
}

const status = async (path: string, token: string) => (await gateway.get(path, token)).status;

describe('objects of the file', () => {
  it('may be pasted from answers of the API (IDP-S06)', async () => {
    const show = async (path: string) => await bodyOf(await api(path, { headers: { authorization: KEY } }));
    const { tenants } = await show('/api/tenant');
    const { applications } = await show('/api/application');
    const { identityProviders } = await show('/api/identity-provider');
    expect([tenants.length, applications.length, identityProviders.length]).toEqual([1, 2, 1]);
    const pasted = JSON.stringify({ tenants, applications, identityProviders });
    const route = '{ name: a, match: { pathPrefix: / }, upstream: builtin:echo, auth: none }';
    expect(issuesOf(`version: 1\nroutes: [${route}]\ntokenService: ${pasted}\n`)).toEqual([]);
  });
});

describe('a foreign token on its way through', () => {
  it('becomes a session that opens the proxy, feeds the backend, is renewed and ends (JWT-C97)', async () => {
    const { token, refreshToken, user } = await reconcile();
    expect(await status('/app/x', token)).toBe(200);
    const { value } = gateway.assertion();
    const jwks = createRemoteJWKSet(new URL(`${gateway.url}/.well-known/jwks.json`));
    const { payload } = await jwtVerify(value, jwks, { issuer: 'countersign', audience: 'app' });
    expect(payload).toMatchObject({
      sub: user.id,
      'http://wso2.org/claims/emailaddress': 'bob@acme.com',
      'http://wso2.org/claims/givenname': 'Bob',
      'http://wso2.org/claims/company': 'Acme. Corp',
      'http://wso2.org/claims/dept': 'R&D',
    });

    const renewed = await bodyOf(await post('/api/jwt/refresh', { refreshToken }));
    expect(await status('/app/x', renewed.token)).toBe(200);

    const url = `/api/jwt/refresh?token=${encodeURIComponent(renewed.refreshToken)}`;
    const revoked = await api(url, { method: 'DELETE', headers: { authorization: KEY } });
    expect(revoked.status).toBe(200);
    await expect.poll(() => status('/app/x', token), { timeout: 5000 }).toBe(401);
    await expect.poll(() => status('/app/x', renewed.token), { timeout: 5000 }).toBe(401);
    const refused = await gateway.get('/app/x', token);
    expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect((await post('/api/jwt/refresh', { refreshToken })).status).toBe(400);
  });

  it('opens no route of another application', async () => {
    const { token } = await reconcile();
    expect(await status('/other/x', token)).toBe(403);
    expect(await status('/any/x', token)).toBe(200);
  });

  it('shows by the API what assertions carry (AST-S37)', async () => {
    const { token, user } = await reconcile();
    await gateway.get('/app/x', token);
    const { payload } = gateway.assertion();
    const dialect = 'http://wso2.org/claims';
    const shown = await api(`/api/user/${user.id}/claims?dialect=${dialect}&applicationId=${APP}`, {
      headers: { authorization: KEY },
    });
    const { claims } = await bodyOf(shown);
    expect(Object.keys(claims)).toContain(`${dialect}/emailaddress`);
    expect(payload).toMatchObject(claims);
  });

  it('leaves a caller of another realm with what the store knows of that name (AST-S22)', async () => {
    const created = await post(
      '/api/user',
      { user: { username: 'test-fusion', data: { emailaddress: 't@f.test', mobile: '123' } } },
      KEY,
    );
    expect(created.status).toBe(200);
    const exp = Math.floor(Date.now() / 1000) + 60;
    const token = hs256(SECRET, { iss: 'corp', sub: 'test-fusion', exp });
    expect(await status('/any/x', token)).toBe(200);
    expect(gateway.assertion().payload).toMatchObject({
      'http://wso2.org/claims/emailaddress': 't@f.test',
      'http://wso2.org/claims/mobile': '123',
    });
  });

  it('takes no vended token, whatever its claims say (T09)', async () => {
    const { user, token } = await reconcile();
    const [, body = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString('utf8'));
    const vended = await bodyOf(
      await post('/api/jwt/vend', { claims: { ...claims, roles: ['user', 'admin'] } }, KEY),
    );
    expect(claims.sub).toBe(user.id);
    expect(await status('/app/x', vended.token)).toBe(401);
  });

  it('is counted and logged without its query', async () => {
    expect(await gateway.metrics()).toContain(
      'countersign_api_requests_total{operation="reconcileJWT",status="200"}',
    );
    const text = JSON.stringify(gateway.log);
    expect(text).toContain('"operation":"revokeRefreshTokens');
    expect(text).not.toContain('token=');
  });
});
