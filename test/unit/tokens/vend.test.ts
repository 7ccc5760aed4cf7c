import { describe, expect, it } from 'vitest';
import { keyFactory } from '../../../src/app/token-keys.ts';
import { numericDate } from '../../../src/core/time.ts';
import { importKey } from '../../../src/tokens/objects/keys.ts';
import { vend } from '../../../src/tokens/vend.ts';
import { verifyAccessToken } from '../../../src/tokens/verify-access-token.ts';
import { EVERYWHERE, K_HS, K_PUB, K_RS, K_T2, TEN1, TEN2, U1 } from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';
import { decodePart } from '../../support/tokens.ts';

const { service, clock } = await testTokenService();
const inTenant2 = { ...EVERYWHERE, tenantId: TEN2 };
const now = numericDate(clock());

async function vended(input: Parameters<typeof vend>[1], scope = EVERYWHERE) {
  const token = await vend(service, input, scope);
  return { header: decodePart(token, 0), claims: decodePart(token, 1), token };
}

const badField = (field: string) => ({
  status: 400,
  errors: { fieldErrors: { [field]: [expect.anything()] } },
});

describe('vend()', () => {
  it('signs claims of the caller’s choice (JWT-S78)', async () => {
    const claims = { id: 'c74a', iss: 'piedpiper.com', n: { a: [1] } };
    const made = await vended({ claims, timeToLiveInSeconds: 300 });
    expect(made.claims).toMatchObject({ ...claims, iat: now, exp: now + 300 });
    expect(made.header).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'kid-rs' });
  });

  it('ignores exp, iat and amr (JWT-S79)', async () => {
    const { claims } = await vended({ claims: { exp: 1, iat: 1, amr: ['x'] } });
    expect(claims).toMatchObject({ iat: now, exp: now + 3600 });
    expect(claims).not.toHaveProperty('amr');
  });

  it('signs with the named key (JWT-S80)', async () => {
    expect((await vended({ keyId: K_HS })).header).toMatchObject({ alg: 'HS512', kid: 'kid-hs' });
  });

  it('takes time to live and key from the tenant of the call (JWT-S81, JWT-S87)', async () => {
    const first = await vended({});
    expect(Number(first.claims['exp']) - Number(first.claims['iat'])).toBe(3600);
    const second = await vended({}, inTenant2);
    expect(Number(second.claims['exp']) - Number(second.claims['iat'])).toBe(600);
    expect(second.header).toMatchObject({ alg: 'ES256', kid: 'kid-t2' });
  });

  it.each([0, -1, 1.5, Number.NaN, 1e12])('refuses a time to live of %s (JWT-S82)', async (seconds) => {
    await expect(vend(service, { timeToLiveInSeconds: seconds }, EVERYWHERE)).rejects.toMatchObject(
      badField('timeToLiveInSeconds'),
    );
  });

  it('refuses keys that are unknown or only verify (JWT-S82)', async () => {
    for (const keyId of [U1, K_PUB])
      await expect(vend(service, { keyId }, EVERYWHERE)).rejects.toMatchObject(badField('keyId'));
  });

  it('is refused where the tenant of the call is not there', async () => {
    const nobodys = { ...EVERYWHERE, tenantId: U1 };
    await expect(vend(service, {}, nobodys)).rejects.toMatchObject(badField('tenantId'));
  });

  it('signs for a tenant by no key of another (security.md T09)', async () => {
    for (const keyId of [K_RS, K_HS])
      await expect(vend(service, { keyId }, inTenant2)).rejects.toMatchObject(badField('keyId'));
    expect((await vended({ keyId: K_T2 }, inTenant2)).header['kid']).toBe('kid-t2');
    const free = await importKey(service, undefined, {
      name: 'free',
      kid: 'kid-free',
      privateKey: (await keyFactory.generate('Ed25519')).privateKey ?? '',
    });
    expect((await vended({ keyId: free.id }, inTenant2)).header).toMatchObject({
      alg: 'EdDSA',
      kid: 'kid-free',
    });
  });

  it('adds jti and not iss to an empty body, and keeps the caller’s jti (JWT-P84)', async () => {
    expect(Object.keys((await vended({})).claims).toSorted()).toEqual(['exp', 'iat', 'jti']);
    expect((await vended({ claims: { jti: 'mine' } })).claims['jti']).toBe('mine');
    await expect(vend(service, { claims: { jti: 7 } }, EVERYWHERE)).rejects.toMatchObject(
      badField('claims.jti'),
    );
  });

  it('makes no access token, whatever it says (security.md T09)', async () => {
    const claims = {
      sub: U1,
      iss: 'acme.com',
      tid: TEN1,
      gty: ['password'],
      applicationId: 'x',
      roles: ['admin'],
    };
    const { token } = await vended({ claims });
    await expect(verifyAccessToken(service, token, EVERYWHERE)).rejects.toMatchObject({ status: 401 });
  });
});
