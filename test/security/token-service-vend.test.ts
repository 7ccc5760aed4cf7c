/** Vend signs what its caller likes: it must not sign in the name of somebody who is not the caller. */
import { afterAll, describe, expect, it } from 'vitest';
import { startApi } from '../support/api.ts';
import {
  APP_A,
  APP_T2,
  configure,
  configureTokens,
  K_HS,
  K_PUB,
  K_RS,
  K_T2,
  KEY,
  KEY_T2,
  TEN1,
  TEN2,
  U1,
} from '../support/token-fixtures.ts';

const api = await startApi();
afterAll(() => api.close());

async function vend(body: object, auth = KEY) {
  const answer = await api.call('POST', '/api/jwt/vend', { auth, json: body });
  return [answer.status, ...Object.keys(answer.body.fieldErrors ?? {})];
}

async function newSecret(name: string): Promise<string> {
  const made = await api.admin('POST', '/api/key/generate', { key: { name, algorithm: 'HS256' } });
  return made.body.key.id;
}

async function newPair(name: string): Promise<string> {
  const made = await api.admin('POST', '/api/key/generate', { key: { name, algorithm: 'ES256' } });
  return made.body.key.id;
}

describe('vend', () => {
  it.each([KEY, KEY_T2])(
    'forges no token of an identity provider by the secret it shares with us (security.md T09)',
    async (auth) => {
      const shared = await newSecret(`shared ${auth}`);
      expect(await vend({ keyId: shared, claims: { sub: 'x' } }, auth)).toEqual([200]);
      const identityProvider = {
        name: `by secret ${auth}`,
        enabled: true,
        tenantId: TEN1,
        verificationKeyIds: [shared],
        applicationConfiguration: { [APP_A]: { enabled: true } },
      };
      const made = await api.admin('POST', '/api/identity-provider', { identityProvider });
      expect(made.status).toBe(200);
      expect(await vend({ keyId: shared, claims: { sub: 'x' } }, auth)).toEqual([400, 'keyId']);
    },
  );

  it('forges no signature of an event (security.md T09)', async () => {
    const signingKeyId = await newSecret('events');
    const claims = { request_body_sha256: 'x' };
    expect(await vend({ keyId: signingKeyId, claims })).toEqual([200]);
    const webhook = { url: 'https://hooks.test/x', signatureConfiguration: { enabled: true, signingKeyId } };
    expect((await api.admin('POST', '/api/webhook', { webhook })).status).toBe(200);
    expect(await vend({ keyId: signingKeyId, claims })).toEqual([400, 'claims.request_body_sha256']);
    expect(await vend({ keyId: signingKeyId, claims: { sub: 'x' } })).toEqual([200]);
  });

  it('speaks for no other tenant, whose keys stand in the same set (security.md T09)', async () => {
    expect(await vend({ claims: { iss: 'acme.com', sub: U1 } }, KEY_T2)).toEqual([400, 'claims.iss']);
    expect(await vend({ claims: { tid: TEN1, sub: U1 } }, KEY_T2)).toEqual([400, 'claims.tid']);
    for (const claims of [{ iss: 'ten2.test', tid: TEN2 }, { iss: 'piedpiper.com' }])
      expect(await vend({ claims }, KEY_T2)).toEqual([200]);
    expect(await vend({ claims: { iss: 'acme.com' } }, KEY)).toEqual([200]);
  });
});

describe('a caller bound to a tenant', () => {
  const application = { name: 'by another key', jwtConfiguration: { enabled: true, accessTokenKeyId: K_HS } };

  it('signs nothing by the key of another tenant (JWT-S87)', async () => {
    const made = await api.call('POST', '/api/application', { auth: KEY_T2, json: { application } });
    expect([made.status, Object.keys(made.body.fieldErrors)]).toEqual([
      400,
      ['application.jwtConfiguration.accessTokenKeyId'],
    ]);
    const own = { ...application, jwtConfiguration: { enabled: true, accessTokenKeyId: K_T2 } };
    const right = await api.call('POST', '/api/application', { auth: KEY_T2, json: { application: own } });
    expect(right.status).toBe(200);
    const target = `/api/application/${right.body.application.id}`;
    const changed = await api.call('PATCH', target, { auth: KEY_T2, json: { application } });
    expect(changed.status).toBe(400);
  });

  it('signs nothing by a former key of another tenant, which still proves what it signed (JWT-S87)', async () => {
    const keyId = await newPair('of tenant 1, once');
    await configureTokens(api.service, APP_A, { accessTokenKeyId: keyId });
    await configureTokens(api.service, APP_A, { accessTokenKeyId: K_RS });
    expect(await vend({ keyId, claims: {} }, KEY_T2)).toEqual([400, 'keyId']);
    const jwtConfiguration = { enabled: true, accessTokenKeyId: keyId };
    const { status } = await api.call('PATCH', `/api/application/${APP_T2}`, {
      auth: KEY_T2,
      json: { application: { jwtConfiguration } },
    });
    expect(status).toBe(400);
  });

  it('goes back to a former key of its own', async () => {
    const keyId = await newPair('of tenant 2, once');
    const sign = (accessTokenKeyId: string) =>
      configure(api.service, 'tenants', TEN2, (tenant) => ({
        ...tenant,
        jwtConfiguration: { ...tenant.jwtConfiguration, accessTokenKeyId },
      }));
    await sign(keyId);
    await sign(K_T2);
    expect(await vend({ keyId, claims: {} }, KEY_T2)).toEqual([200]);
  });

  it('takes no key of another tenant out of its use by calling it a foreign issuer’s (JWT-S87)', async () => {
    const provider = (keys: object) => ({ name: 'borrowed', enabled: true, ...keys });
    for (const [field, keys] of [
      ['defaultKeyId', { defaultKeyId: K_RS }],
      ['verificationKeyIds', { verificationKeyIds: [K_PUB, K_HS] }],
    ] as const) {
      const { status, body } = await api.call('POST', '/api/identity-provider', {
        auth: KEY_T2,
        json: { identityProvider: provider(keys) },
      });
      expect([status, Object.keys(body.fieldErrors)]).toEqual([400, [`identityProvider.${field}`]]);
    }
    const fine = provider({ defaultKeyId: K_PUB, verificationKeyIds: [K_T2] });
    const made = await api.call('POST', '/api/identity-provider', {
      auth: KEY_T2,
      json: { identityProvider: fine },
    });
    expect(made.status).toBe(200);
    expect(await vend({ claims: {} })).toEqual([200]);
  });
});
