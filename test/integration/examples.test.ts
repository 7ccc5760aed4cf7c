/** The configurations of config/examples as they are: each passes `check`, and one request walks through it. */
import { verify, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { selfSignedCertificate } from '../support/certificate.ts';
import { json } from '../support/idp.ts';
import { base64url, decodePart, hmac, hs256, signed, testKey } from '../support/tokens.ts';
import { surroundingsPerTest } from '../support/walked-configuration.ts';

const EXAMPLES = join(import.meta.dirname, '../../config/examples');
const RSA = testKey('RS256');
const SECRET = 'a secret of this test, long enough for HS256';
const enduser = 'http://wso2.org/claims/enduser';

const around = surroundingsPerTest([RSA.jwk]);

function pathOf(example: string): string {
  return join(EXAMPLES, example, 'countersign.yaml');
}

/** What every example lets the environment choose. */
function places(bind = '127.0.0.1:0'): Record<string, string> {
  return {
    COUNTERSIGN_DATA_DIR: around.folder,
    COUNTERSIGN_BIND: bind,
    COUNTERSIGN_OPS_BIND: '127.0.0.1:0',
    APP_URL: around.backend.url,
  };
}

const start = (example: string, environment: Record<string, string>) =>
  around.start(pathOf(example), environment);

interface Call {
  readonly token?: string;
  readonly host?: string;
  readonly origin?: string;
}

/** Status of a GET on a connection of its own. fetch() would not say another Host. */
async function get(path: string, { token, host, origin }: Call = {}): Promise<number> {
  const headers = {
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    ...(host === undefined ? {} : { Host: host }),
  };
  const request = httpGet(`${origin ?? around.origin}${path}`, { headers, agent: false });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
  });
  response.resume();
  await once(response, 'end');
  return response.statusCode ?? 0;
}

function received(): string {
  return String(around.backend.received.at(-1)?.headers['x-jwt-assertion'] ?? '');
}

function fresh(claims: object): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000);
  return { iat: now, exp: now + 300, ...claims };
}

const secretFile = (content: string, name = 'secret') => around.write(name, content);

describe('config/examples/sidecar', () => {
  /** On Linux every 127.x.y.z is this machine: the app is on .1 alone, and .2 is how others would see the pair. */
  const OUTSIDE = '127.0.0.2';

  async function startSidecar(): Promise<void> {
    around.idp.answer(
      '/.well-known/openid-configuration',
      json({ issuer: around.idp.issuer, jwks_uri: around.idp.jwksUri }),
    );
    const corp = { CORP_ISSUER: around.idp.issuer, CORP_AUDIENCE: 'orders-api' };
    await start('sidecar', { ...places('0.0.0.0:0'), ...corp });
  }

  const token = () => signed(RSA, fresh({ iss: around.idp.issuer, aud: 'orders-api', sub: 'alice' }));

  it.skipIf(process.platform !== 'linux')(
    'lets the app be reached through the gateway only (GW-C12)',
    async () => {
      await startSidecar();
      const outside = (url: string) => `http://${OUTSIDE}:${new URL(url).port}`;
      await expect(get('/', { token: token(), origin: outside(around.backend.url) })).rejects.toThrow(
        'ECONNREFUSED',
      );
      expect(await get('/', { origin: outside(around.origin) })).toBe(401);
      expect(around.backend.received).toEqual([]);
      expect(await get('/', { token: token(), origin: outside(around.origin) })).toBe(200);
      expect(decodePart(received(), 1)).toMatchObject({ [enduser]: 'alice', aud: 'app' });
    },
  );

  it('gives the app no network of its own and no port in compose.yaml (GW-C12)', () => {
    const { services } = parse(readFileSync(join(EXAMPLES, 'sidecar/compose.yaml'), 'utf8'));
    expect(Object.keys(services)).toEqual(['countersign', 'app']);
    expect(services.app).toMatchObject({
      network_mode: 'service:countersign',
      environment: { HOST: '127.0.0.1' },
    });
    expect(services.app).not.toHaveProperty('ports');
    expect(services.countersign.ports).toEqual(['8080:8080']);
    expect(services.countersign.environment.APP_URL).toBe(
      `http://127.0.0.1:${services.app.environment.PORT}`,
    );
  });

  it('runs the gateway without privileges, and mounts what the image expects', () => {
    const { services } = parse(readFileSync(join(EXAMPLES, 'sidecar/compose.yaml'), 'utf8'));
    const { read_only, cap_drop, security_opt, volumes } = services.countersign;
    expect({ read_only, cap_drop, security_opt }).toEqual({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    const dockerfile = readFileSync(join(EXAMPLES, '../../Dockerfile'), 'utf8');
    for (const mount of volumes) expect(dockerfile).toContain(mount.split(':')[1]);
  });
});

describe('config/examples/edge', () => {
  const HOST = 'api.example.com';
  const staff = (claims: object) =>
    signed(
      RSA,
      fresh({ iss: 'https://login.example.com/realms/staff', aud: 'shop-api', sub: 'bob', ...claims }),
    );
  const partner = (claims: object = {}) =>
    hs256(SECRET, fresh({ iss: 'partner.example', aud: 'shop-api', sub: 'bob', ...claims }));

  beforeEach(() =>
    start('edge', {
      ...places(),
      STAFF_JWKS_URI: around.idp.jwksUri,
      PARTNER_SECRET_FILE: secretFile(SECRET),
      SHOP_URL: around.backend.url,
      STATUS_URL: around.backend.url,
    }),
  );

  it('tells the backend which issuer vouched for a caller of either', async () => {
    const realm = 'http://wso2.org/claims/realm';
    expect(await get('/shop/cart', { host: HOST, token: staff({}) })).toBe(200);
    expect(decodePart(received(), 1)).toMatchObject({ [enduser]: 'bob', [realm]: 'staff', aud: 'shop' });
    expect(await get('/shop/cart', { host: HOST, token: partner() })).toBe(200);
    expect(decodePart(received(), 1)).toMatchObject({ [enduser]: 'bob', [realm]: 'partner', aud: 'shop' });
  });

  it('lets administrators of the staff to /shop/admin, and no partner whatever the token says', async () => {
    const admins = { realm_access: { roles: ['shop-admins'] } };
    expect(await get('/shop/admin', { host: HOST, token: staff(admins) })).toBe(200);
    expect(await get('/shop/admin', { host: HOST, token: staff({}) })).toBe(403);
    expect(await get('/shop/admin', { host: HOST, token: partner({ ...admins, roles: ['admin'] }) })).toBe(
      401,
    );
  });

  it('serves /status to everybody, and nothing that no route matches', async () => {
    expect(await get('/status', { host: HOST })).toBe(200);
    expect(received()).toBe('');
    expect(await get('/elsewhere', { host: HOST, token: staff({}) })).toBe(404);
    expect(await get('/shop', { token: staff({}) })).toBe(404);
  });
});

describe('config/examples/fusion', () => {
  /** The sample of Fusion's documentation: `iat` in milliseconds, no `exp`, a header without `typ`. */
  const SAMPLE =
    '{"iss":"fusion","iat":1536782517864,"sub":"test-fusion","groups":["group-one","group-two"]}';
  const signingInput = `${base64url('{"alg":"HS256"}')}.${base64url(SAMPLE)}`;
  const sample = (secret: string) => `${signingInput}.${base64url(hmac(secret)(signingInput))}`;

  beforeEach(() => start('fusion', { ...places(), FUSION_JWT_SECRET: SECRET }));

  it('accepts the sample token of Fusion, signed with the secret of the realm (FJR-S11)', async () => {
    expect(await get('/api/roles', { token: sample(SECRET) })).toBe(200);
    expect(decodePart(received(), 1)).toMatchObject({
      [enduser]: 'test-fusion',
      'http://wso2.org/claims/role': ['authenticated', 'search-user', 'developer', 'admin'],
    });
  });

  it('refuses the sample as it is printed there: anybody knows it', async () => {
    expect(await get('/api/roles', { token: sample('secret') })).toBe(401);
  });

  it('asks for the role of a group', async () => {
    const token = hs256(SECRET, fresh({ iss: 'fusion', sub: 'peter', groups: ['group-one'] }));
    expect(await get('/api/collections', { token })).toBe(200);
    expect(await get('/api/roles', { token })).toBe(403);
  });
});

describe('config/examples/wso2', () => {
  const certificate = selfSignedCertificate(RSA);

  let checked: string;
  beforeEach(async () => {
    const privateKey = RSA.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    checked = await start('wso2', {
      ...places(),
      WSO2_JWKS_URI: around.idp.jwksUri,
      WSO2_KEY_FILE: secretFile(privateKey, 'key.pem'),
      WSO2_CERTIFICATE_FILE: secretFile(certificate, 'crt.pem'),
    });
  });

  it('is warned about: exp in milliseconds never ends for a standard library', () => {
    expect(checked).toContain(
      'times in milliseconds: to a standard JWT library such an assertion never expires',
    );
  });

  const callAsPeter = () =>
    get('/placeFinder/1.0.0/near', {
      token: signed(
        RSA,
        fresh({ iss: 'https://is.example.com:9443/oauth2/token', aud: 'gateway', sub: 'peter' }),
      ),
    });

  it('writes App Manager’s bytes: padded Base64, and x5t of the hexadecimal digest (AST-S07)', async () => {
    expect(await callAsPeter()).toBe(200);
    const [header = '', payload = '', signature = ''] = received().split('.');
    for (const part of [header, payload, signature])
      expect(part).toMatch(/^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/);
    const { fingerprint, publicKey } = new X509Certificate(certificate);
    const x5t = Buffer.from(fingerprint.replaceAll(':', '')).toString('base64');
    expect(Buffer.from(header, 'base64').toString()).toBe(`{"typ":"JWT","alg":"RS256","x5t":"${x5t}"}`);
    const bytes = Buffer.from(signature, 'base64');
    expect(verify('RSA-SHA256', Buffer.from(`${header}.${payload}`), publicKey, bytes)).toBe(true);
  });

  it('writes the claims of the published app, and exp in milliseconds', async () => {
    const before = Date.now();
    await callAsPeter();
    const claims: Record<string, unknown> = JSON.parse(
      Buffer.from(received().split('.')[1] ?? '', 'base64').toString(),
    );
    expect(claims).toMatchObject({
      iss: 'wso2.org/products/appm',
      'http://wso2.org/claims/subscriber': 'admin',
      'http://wso2.org/claims/applicationname': 'app2',
      'http://wso2.org/claims/apicontext': '/placeFinder',
      'http://wso2.org/claims/version': '1.0.0',
      'http://wso2.org/claims/tier': 'Silver',
      [enduser]: 'peter',
    });
    expect(Number(claims['exp'])).toBeGreaterThan(before);
  });

  it('forwards below the context, without the token of the caller', async () => {
    await callAsPeter();
    expect(around.backend.received.at(-1)?.url).toBe('/near');
    expect(around.backend.received.at(-1)?.headers).not.toHaveProperty('authorization');
  });
});

describe('config/examples/token-service', () => {
  const APP = '9f1c7f0a-0d6b-4d55-8b53-0c3a7a1f6a01';
  const IDP = '9f1c7f0a-0d6b-4d55-8b53-0c3a7a1f6a04';
  const KEY = 'an API key of this test, long enough';

  async function post(path: string, body: object) {
    const answer = await fetch(`${around.app?.origins.api}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return JSON.parse(await answer.text());
  }

  it('turns a token of the provider into a session that opens the proxy and can be ended', async () => {
    await start('token-service', {
      ...places(),
      COUNTERSIGN_API_BIND: '127.0.0.1:0',
      COUNTERSIGN_API_KEY: KEY,
      IDP_ISSUER: around.idp.issuer,
      IDP_JWKS_URI: around.idp.jwksUri,
    });
    const foreign = signed(
      RSA,
      fresh({
        iss: around.idp.issuer,
        aud: 'countersign',
        sub: 'a1',
        email: 'alice@corp.test',
        given_name: 'Alice',
      }),
    );
    const session = await post('/api/jwt/reconcile', {
      applicationId: APP,
      identityProviderId: IDP,
      data: { token: foreign },
    });
    expect(await get('/hello', { token: session.token })).toBe(200);
    expect(decodePart(received(), 1)).toMatchObject({
      'http://wso2.org/claims/givenname': 'Alice',
      aud: 'app',
    });
    expect(await get('/admin', { token: session.token })).toBe(403);

    const renewed = await post('/api/jwt/refresh', { refreshToken: session.refreshToken });
    expect(renewed.refreshToken).not.toBe(session.refreshToken);
    const ended = await fetch(`${around.app?.origins.api}/api/jwt/refresh/${session.refreshTokenId}`, {
      method: 'DELETE',
      headers: { authorization: KEY },
    });
    expect(ended.status).toBe(200);
    await expect.poll(() => get('/hello', { token: renewed.token }), { timeout: 5000 }).toBe(401);
  });
});
