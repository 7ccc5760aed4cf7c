/** A running service and receivers on real sockets: one that answers, one that takes each call and never says a word. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startGateway, type TestGateway } from '../../support/gateway.ts';
import { type Answer, hang, type Idp, startIdp } from '../../support/idp.ts';
import { pemOf } from '../../support/minting.ts';
import { testKey } from '../../support/tokens.ts';

const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const [K_OWN, TENANT, APP, USER] = [1, 2, 3, 4].map(id);
const KEY = 'api-key-of-the-file-0123456789abcdefghij';
const PASSWORD = 'correct horse battery';
const EVENTS = 12;

const configuration = (receiver: string) => `
version: 1
dataDir: ./data
secrets: { masterKey: "0123456789-0123456789-0123456789-0123456789" }
realms: [{ name: self, type: self, issuer: acme.com }]
routes: [{ name: app, match: { pathPrefix: / }, upstream: "\${BACKEND}" }]
tokenService:
  keys: [{ id: ${K_OWN}, name: own, privateKeyFile: own.pem }]
  tenants: [{ id: ${TENANT}, name: Default, issuer: acme.com, jwtConfiguration: { accessTokenKeyId: ${K_OWN} } }]
  applications:
    - { id: ${APP}, name: app, loginConfiguration: { generateRefreshTokens: true, allowTokenRefresh: true } }
  apiKeys: [{ key: ${KEY} }]
  webhooks:
    - { url: "${receiver}/hangs", events: [jwt.refresh], timeout: 1s }
    - { url: "${receiver}/answers", events: [jwt.refresh], timeout: 1s, headers: { Authorization: Bearer hook } }
`;

const LISTENERS = `listeners:
  proxy: { bind: "127.0.0.1:0" }
  ops: { bind: "127.0.0.1:0" }
  api: { bind: "127.0.0.1:0", enabled: true }
`;

describe('webhooks of a running service', () => {
  let receiver: Idp;
  let gateway: TestGateway;
  const taken: { readonly token: string; readonly authorization: string | undefined }[] = [];
  const answer: Answer = (request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const { event } = JSON.parse(Buffer.concat(pieces).toString('utf8'));
      taken.push({ token: event.token, authorization: request.headers.authorization });
      response.writeHead(204).end();
    });
  };

  beforeAll(async () => {
    receiver = await startIdp();
    receiver.answer('/hangs', hang);
    receiver.answer('/answers', answer);
    gateway = await startGateway(configuration(receiver.issuer), {
      listeners: LISTENERS,
      files: { 'own.pem': pemOf(testKey('RS256', 'own')) },
    });
  }, 60_000);
  afterAll(async () => {
    await gateway?.stop();
    await receiver?.close();
  });

  const call = async (path: string, json: object, auth: string | null = KEY) => {
    const answered = await fetch(`${gateway.app.origins.api}${path}`, {
      method: 'POST',
      body: JSON.stringify(json),
      headers: { 'Content-Type': 'application/json', ...(auth === null ? {} : { Authorization: auth }) },
    });
    expect(answered.status).toBe(200);
    return JSON.parse(await answered.text());
  };

  it('get their events in order while another hangs with as many (JWT-P102)', async () => {
    await call(`/api/user/${USER}`, { user: { tenantId: TENANT, email: 'u@acme.com', password: PASSWORD } });
    await call(`/api/user/registration/${USER}`, { registration: { applicationId: APP } });
    const login = { loginId: 'u@acme.com', password: PASSWORD, applicationId: APP };
    const { refreshToken } = await call('/api/login', login);
    const given: string[] = [];
    for (let count = 0; count < EVENTS; count += 1)
      given.push((await call('/api/jwt/refresh', { refreshToken }, null)).token);
    await vi.waitFor(() => expect(taken).toHaveLength(EVENTS), 15_000);
    expect(taken.map(({ token }) => token)).toEqual(given);
    expect(new Set(taken.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer hook']));
    expect(receiver.hitsOf('/hangs')).toBeGreaterThan(0);
    expect(receiver.hitsOf('/hangs')).toBeLessThan(EVENTS);
  });
});
