/** Public keys as PEM and as a key set. */
import { createPublicKey } from 'node:crypto';
import { createLocalJWKSet, importSPKI, jwtVerify } from 'jose';
import { afterAll, describe, expect, it } from 'vitest';
import { startApi } from '../../support/api.ts';
import { APP_A, APP_B, APP_H, KEY, loginTo } from '../../support/token-fixtures.ts';

const api = await startApi();
afterAll(() => api.close());

const { token: at } = await loginTo(api.service, APP_A);
const now = { currentDate: new Date(api.clock()) };
await api.admin('POST', '/api/key/generate', { key: { name: 'ed', algorithm: 'Ed25519', kid: 'kid-ed' } });

describe('GET /api/jwt/public-key', () => {
  it('shows all that sign and are no secrets, as PEM by kid (JWT-S35)', async () => {
    const { status, body } = await api.call('GET', '/api/jwt/public-key');
    expect([status, Object.keys(body.publicKeys).toSorted()]).toEqual([200, ['kid-ed', 'kid-rs', 'kid-t2']]);
    for (const pem of Object.values(body.publicKeys))
      expect(createPublicKey(String(pem)).type).toBe('public');
  });

  it('shows that of an application, which verifies its tokens (JWT-S36)', async () => {
    const { status, body } = await api.call('GET', `/api/jwt/public-key?applicationId=${APP_A}`);
    expect(status).toBe(200);
    await expect(jwtVerify(at, await importSPKI(body.publicKey, 'RS256'), now)).resolves.toBeDefined();
  });

  it.each([APP_H, APP_B, '99999999-9999-4999-8999-999999999999'])(
    'has none for %s: a secret, no key of its own, unknown (JWT-S37)',
    async (id) => {
      const { status, text } = await api.call('GET', `/api/jwt/public-key?applicationId=${id}`);
      expect([status, text]).toEqual([404, '']);
    },
  );

  it('shows that of a kid, under either name of the parameter (JWT-S38)', async () => {
    const byKid = await api.call('GET', '/api/jwt/public-key?kid=kid-rs');
    const byKeyId = await api.call('GET', '/api/jwt/public-key?keyId=kid-rs');
    expect([byKid.status, byKeyId.body]).toEqual([200, byKid.body]);
    expect((await api.call('GET', '/api/jwt/public-key?kid=nope')).status).toBe(404);
    expect((await api.call('GET', '/api/jwt/public-key?kid=kid-hs')).status).toBe(404);
  });

  it('takes no notice of an API key', async () => {
    expect((await api.call('GET', '/api/jwt/public-key', { auth: `${KEY}x` })).status).toBe(200);
  });
});

describe('GET /.well-known/jwks.json', () => {
  it('has the same kids, and verifies a token (JWT-P39)', async () => {
    const { status, body } = await api.call('GET', '/.well-known/jwks.json');
    const kids = body.keys.map(({ kid }: { kid: string }) => kid);
    expect([status, kids.toSorted()]).toEqual([200, ['kid-ed', 'kid-rs', 'kid-t2']]);
    await expect(jwtVerify(at, createLocalJWKSet(body), now)).resolves.toBeDefined();
    expect(body.keys.every((key: object) => !('d' in key) && !('k' in key))).toBe(true);
  });
});
