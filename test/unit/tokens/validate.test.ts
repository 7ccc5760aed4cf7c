import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/core/json.ts';
import { identityProviderSchema } from '../../../src/objects/identity-provider.ts';
import { introspect } from '../../../src/tokens/introspect.ts';
import { createIdentityProvider } from '../../../src/tokens/objects/identity-providers.ts';
import { generateKey, importKey } from '../../../src/tokens/objects/keys.ts';
import { refresh } from '../../../src/tokens/refresh.ts';
import { validate } from '../../../src/tokens/validate.ts';
import { restoreAfterEach } from '../../support/restored.ts';
import {
  APP_A,
  APP_H,
  APP_N,
  APP_T2,
  configure,
  configureTokens,
  EVERYWHERE,
  K_RS,
  loginTo,
  TEN1,
  TEN2,
  U1,
} from '../../support/token-fixtures.ts';
import { testTokenService } from '../../support/token-service.ts';
import { base64url, compact, decodePart, signed, testKey } from '../../support/tokens.ts';

const shared = await testTokenService();
restoreAfterEach(shared);
const { service, clock } = shared;
const refused = { status: 401, errors: null };
const check = (token: string | null, tenantId: string | null = null) =>
  validate(service, token, { ...EVERYWHERE, tenantId });

/** What an access token of U1 for APP_A says. */
const genuine = decodePart((await loginTo(service, APP_A)).token, 1);
const gty = { gty: ['password'] };

describe('validate()', () => {
  it('gives the payload, in seconds (JWT-S74, JWT-S77)', async () => {
    const { token } = await loginTo(service, APP_A);
    const claims = await check(token);
    expect(claims).toEqual(decodePart(token, 1));
    expect(claims['exp']).toBe(clock() / 1000 + 3600);
    expect(await check(token, TEN1)).toEqual(claims);
  });

  it('refuses no token, broken ones, and those of another tenant (JWT-S76, JWT-S86)', async () => {
    const { token } = await loginTo(service, APP_A);
    const [header, payload, signature] = token.split('.');
    const tampered = `${header}.${base64url({ ...decodePart(token, 1), roles: ['root'] })}.${signature}`;
    for (const text of [
      null,
      '',
      'x',
      'a.b.c',
      tampered,
      `${token}x`,
      `${header}.${payload}.`,
      token.slice(0, -2),
    ])
      await expect(check(text)).rejects.toMatchObject(refused);
    await expect(check(token, TEN2)).rejects.toMatchObject(refused);
  });

  it('refuses expired ones, to the millisecond (JWT-S76)', async () => {
    const { token, tokenExpirationInstant } = await loginTo(service, APP_T2);
    clock.setMs(tokenExpirationInstant - 1);
    await expect(check(token)).resolves.toBeDefined();
    clock.setMs(tokenExpirationInstant);
    await expect(check(token)).rejects.toMatchObject(refused);
  });

  it('refuses what another key signed, also by its own kid, and unsigned ones (JWT-S76)', async () => {
    const thief = testKey('RS256', 'kid-rs');
    await expect(check(signed(thief, genuine, gty))).rejects.toMatchObject(refused);
    await expect(check(signed({ ...thief, kid: 'kid-other' }, genuine, gty))).rejects.toMatchObject(refused);
    const none = `${base64url({ alg: 'none', ...gty })}.${base64url(genuine)}.`;
    await expect(check(none)).rejects.toMatchObject(refused);
  });

  it('refuses those of another issuer, and those that lack what ours have', async () => {
    const key = service.catalog().keys.get(K_RS)!;
    const { sid: _, ...claims } = genuine;
    const json: JsonObject = JSON.parse(JSON.stringify(claims));
    const signedBy = async (change: object, header: JsonObject = gty) =>
      await check(await service.signer.sign(key, header, { ...json, ...change }));
    await expect(signedBy({})).resolves.toBeDefined();
    await expect(signedBy({ iss: 'evil.com' })).rejects.toMatchObject(refused);
    for (const change of [{ sub: 7 }, { iat: '1' }, { tid: 7 }, { tid: U1 }])
      await expect(signedBy(change)).rejects.toMatchObject(refused);
    await expect(signedBy({}, { gty: 'password' })).rejects.toMatchObject(refused);
  });

  it('refuses an HMAC with the public key as its secret', async () => {
    const publicKey = service.catalog().keys.get(K_RS)?.publicKey ?? '';
    const sign = (input: string) => createHmac('sha256', publicKey).update(input).digest();
    const token = compact({ alg: 'HS256', typ: 'JWT', kid: 'kid-rs', ...gty }, genuine, sign);
    await expect(check(token)).rejects.toMatchObject(refused);
  });

  it('takes tokens of keys of applications, HMAC ones too', async () => {
    const { token } = await loginTo(service, APP_H);
    await expect(check(token)).resolves.toMatchObject({ aud: APP_H });
  });

  it('refuses those whose session was revoked', async () => {
    const { token, refreshToken } = await loginTo(service, APP_A);
    await service.store.refreshTokens.revoke({ id: refreshToken.id }, clock());
    await service.revocations.refresh();
    await expect(check(token)).rejects.toMatchObject(refused);
  });
});

/** What was true when a token was verified is asked again on each call. */
describe('a remembered access token', () => {
  async function remembered(application = APP_A) {
    const issued = await loginTo(service, application);
    await expect(check(issued.token)).resolves.toBeDefined();
    return issued;
  }

  it('is refused at once when its session was revoked (C02)', async () => {
    const { token, refreshToken } = await remembered();
    await service.store.refreshTokens.revoke({ id: refreshToken.id }, clock());
    await service.revocations.refresh();
    await expect(check(token)).rejects.toMatchObject(refused);
  });

  it('is not answered for while nobody knows which sessions were ended (C02)', async () => {
    const { token } = await remembered();
    const blind = { ...service, revocations: { ...service.revocations, isCurrent: () => false } };
    await expect(validate(blind, token, EVERYWHERE)).rejects.toMatchObject({ name: 'StoreUnavailableError' });
  });

  it('is refused at once when its key was deleted (C03)', async () => {
    const made = await generateKey(service, undefined, { name: 'short-lived', algorithm: 'ES256' });
    await configureTokens(service, APP_A, { accessTokenKeyId: made.id });
    const { token } = await remembered();
    await configureTokens(service, APP_A, { accessTokenKeyId: K_RS });
    await expect(check(token)).resolves.toBeDefined();
    await service.store.catalog.delete('keys', made.id);
    await service.refreshCatalog();
    await expect(check(token)).rejects.toMatchObject(refused);
  });

  it('is refused at once by a call for another tenant (C04)', async () => {
    const { token } = await remembered();
    await expect(check(token, TEN2)).rejects.toMatchObject(refused);
    await expect(check(token, TEN1)).resolves.toBeDefined();
  });

  it('is refused at once when its tenant has another issuer (C03)', async () => {
    const { token } = await remembered();
    await configure(service, 'tenants', TEN1, (present) => ({ ...present, issuer: 'renamed.test' }));
    await expect(check(token)).rejects.toMatchObject(refused);
    await configure(service, 'tenants', TEN1, (present) => ({ ...present, issuer: 'acme.com' }));
    await expect(check(token)).resolves.toBeDefined();
  });

  it('is refused at its end, to the millisecond (C01)', async () => {
    const { token, tokenExpirationInstant } = await remembered(APP_T2);
    clock.setMs(tokenExpirationInstant - 1);
    await expect(check(token)).resolves.toBeDefined();
    clock.setMs(tokenExpirationInstant);
    await expect(check(token)).rejects.toMatchObject(refused);
  });
});

describe('keys of access tokens', () => {
  const own = testKey('ES256', 'kid-before');
  const other = testKey('ES256', 'kid-former');
  const privateKey = own.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

  /** Of a session that nobody can end. */
  const partnerClaims = () => {
    const { sid: _, ...claims } = genuine;
    return { ...claims, exp: clock() / 1000 + 60 };
  };
  /** Made by someone else who has the private key. */
  const partnerToken = (key = own) => signed(key, partnerClaims(), gty);

  async function signForAWhile(accessTokenKeyId: string): Promise<void> {
    await configureTokens(service, APP_A, { accessTokenKeyId });
    await configureTokens(service, APP_A, { accessTokenKeyId: K_RS });
  }

  it('verify for the tenants that they sign for, and not for another', async () => {
    const t2 = await loginTo(service, APP_T2);
    const forged = await service.signer.sign(
      [...service.catalog().keys.values()].find(({ kid }) => kid === 'kid-t2')!,
      gty,
      { ...decodePart(t2.token, 1), tid: TEN1, iss: 'acme.com', sub: U1 },
    );
    await expect(check(t2.token)).resolves.toBeDefined();
    await expect(check(forged)).rejects.toMatchObject(refused);
  });

  it('verify after another took their place, until they are deleted (security.md T14)', async () => {
    const before = await importKey(service, undefined, { name: 'before', kid: 'kid-before', privateKey });
    await configureTokens(service, APP_A, { accessTokenKeyId: before.id });
    const { token } = await loginTo(service, APP_A);
    expect(decodePart(token, 0)['kid']).toBe('kid-before');
    await configureTokens(service, APP_A, { accessTokenKeyId: K_RS });
    await expect(check(token)).resolves.toBeDefined();
    await service.store.catalog.delete('keys', before.id);
    await service.refreshCatalog();
    await expect(check(token)).rejects.toMatchObject(refused);
  });

  it('are none that others have too: secrets that sign no more, keys of identity providers', async () => {
    const { token } = await loginTo(service, APP_H);
    await configureTokens(service, APP_H, { accessTokenKeyId: K_RS });
    await expect(check(token)).rejects.toMatchObject(refused);

    const common = await importKey(service, undefined, { name: 'shared', kid: 'kid-before', privateKey });
    await signForAWhile(common.id);
    const partner = partnerToken();
    await expect(check(partner)).resolves.toBeDefined();
    const provider = identityProviderSchema.parse({ name: 'partner', verificationKeyIds: [common.id] });
    await createIdentityProvider(service, undefined, provider, () => {});
    await expect(check(partner)).rejects.toMatchObject(refused);
  });

  it('are none that have signed nothing: whoever else has an imported one is not believed (security.md T14)', async () => {
    const idle = await importKey(service, undefined, { name: 'idle', kid: 'kid-before', privateKey });
    await expect(check(partnerToken())).rejects.toMatchObject(refused);
    await configureTokens(service, APP_A, { enabled: false, accessTokenKeyId: idle.id });
    await expect(check(partnerToken())).rejects.toMatchObject(refused);
    await signForAWhile(idle.id);
    await expect(check(partnerToken())).resolves.toBeDefined();
  });

  it('verify for the tenant for which they signed alone, after another took their place', async () => {
    const former = await importKey(service, undefined, {
      name: 'former',
      kid: other.kid,
      privateKey: other.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    });
    await signForAWhile(former.id);
    await expect(check(partnerToken(other))).resolves.toBeDefined();
    const elsewhere = signed(other, { ...partnerClaims(), tid: TEN2, iss: 'ten2.test' }, gty);
    await expect(check(elsewhere)).rejects.toMatchObject(refused);
  });
});

describe('introspect() (RFC 7662, security.md T10)', () => {
  it('tells what an access token says', async () => {
    const { token } = await loginTo(service, APP_A);
    expect(await introspect(service, token, EVERYWHERE)).toEqual({
      ...decodePart(token, 1),
      active: true,
      token_type: 'Bearer',
      client_id: APP_A,
      username: 'u1-acme.com',
    });
  });

  it('tells no access token of a user who is shut out as good, with a session or without one', async () => {
    const { token } = await loginTo(service, APP_N);
    const user = await service.store.users.get(U1);
    for (const shut of [{ active: false }, { expiry: clock() }]) {
      await service.store.users.update({ ...user!, ...shut });
      expect(await introspect(service, token, EVERYWHERE)).toEqual({ active: false });
    }
    await service.store.users.update(user!);
    expect(await introspect(service, token, EVERYWHERE)).toMatchObject({ active: true });
  });

  it('tells of a refresh token whose it is and when it ends', async () => {
    const { refreshToken } = await loginTo(service, APP_A);
    expect(await introspect(service, refreshToken.value, EVERYWHERE)).toEqual({
      active: true,
      iss: 'acme.com',
      sub: U1,
      sid: refreshToken.id,
      client_id: APP_A,
      iat: clock() / 1000,
      exp: refreshToken.expiresInstant / 1000,
    });
  });

  it('tells unknown, foreign, expired, revoked, used and disabled tokens alike', async () => {
    await configureTokens(service, APP_A, { refreshTokenUsagePolicy: 'OneTimeUse' });
    const used = await loginTo(service, APP_A);
    await refresh(service, { refreshToken: used.refreshToken.value }, EVERYWHERE);
    const revoked = await loginTo(service, APP_A);
    await service.store.refreshTokens.revoke({ id: revoked.refreshToken.id }, clock());
    await service.revocations.refresh();
    const live = await loginTo(service, APP_T2);
    const inactive = { active: false };
    for (const token of ['x', 'a.b.c', used.refreshToken.value, revoked.refreshToken.value, revoked.token])
      expect(await introspect(service, token, EVERYWHERE)).toEqual(inactive);
    for (const token of [live.token, live.refreshToken.value])
      expect(await introspect(service, token, { ...EVERYWHERE, tenantId: TEN1 })).toEqual(inactive);
    await configure(service, 'applications', APP_T2, (present) => ({ ...present, active: false }));
    expect(await introspect(service, live.refreshToken.value, EVERYWHERE)).toEqual(inactive);
    clock.setMs(live.refreshToken.expiresInstant);
    for (const token of [live.token, live.refreshToken.value])
      expect(await introspect(service, token, EVERYWHERE)).toEqual(inactive);
  });
});
