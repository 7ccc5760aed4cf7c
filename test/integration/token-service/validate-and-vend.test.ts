/** Access tokens validated, and free-form tokens vended. */
import { afterAll, describe, expect, it } from 'vitest';
import { API_SETTINGS, startApi } from '../../support/api.ts';
import { APP_A, K_HS, K_PUB, KEY, KEY_T2, loginTo } from '../../support/token-fixtures.ts';
import { base64url, decodePart } from '../../support/tokens.ts';

const api = await startApi();
afterAll(() => api.close());

const { token: at } = await loginTo(api.service, APP_A);
const validate = (options: Parameters<typeof api.call>[2]) => api.call('GET', '/api/jwt/validate', options);
const vend = (json: unknown, auth: string | undefined = KEY) =>
  api.call('POST', '/api/jwt/vend', { auth, json });

describe('GET /api/jwt/validate', () => {
  it('shows the payload of the token in the header (JWT-S74)', async () => {
    const { status, body } = await validate({ auth: `Bearer ${at}` });
    expect([status, body]).toEqual([200, { jwt: decodePart(at, 1) }]);
  });

  it('takes it from the cookie (JWT-S75)', async () => {
    expect((await validate({ headers: { Cookie: `access_token=${at}` } })).status).toBe(200);
  });

  it('answers 401 without a body to all else (JWT-S76)', async () => {
    const [header, , signature] = at.split('.');
    const tampered = `${header}.${base64url({ ...decodePart(at, 1), roles: ['root'] })}.${signature}`;
    const answers = [
      await validate({ auth: `Bearer ${tampered}` }),
      await validate({ auth: 'Bearer x' }),
      await validate({ auth: KEY }),
      await validate({}),
    ];
    api.clock.advanceMs(3_600_000);
    answers.push(await validate({ auth: `Bearer ${at}` }));
    api.clock.advanceMs(-3_600_000);
    expect(answers.map(({ status, text }) => [status, text])).toEqual(Array(5).fill([401, '']));
  });

  it('shows instants in seconds, or in milliseconds where so configured (JWT-S77)', async () => {
    const compat = { ...API_SETTINGS.compat, validateInstants: 'milliseconds' } as const;
    const other = await startApi({ settings: { compat } });
    const { token } = await loginTo(other.service, APP_A);
    const { body } = await other.call('GET', '/api/jwt/validate', { auth: `Bearer ${token}` });
    const { exp, iat, auth_time: authTime, sub } = decodePart(token, 1);
    expect(body.jwt).toMatchObject({
      exp: Number(exp) * 1000,
      iat: Number(iat) * 1000,
      auth_time: Number(authTime) * 1000,
      sub,
    });
    await other.close();
  });
});

describe('POST /api/jwt/vend', () => {
  it('signs the claims it is given (JWT-S78)', async () => {
    const claims = { id: 'c74a', iss: 'piedpiper.com', n: { a: [1] } };
    const { status, body } = await vend({ claims, timeToLiveInSeconds: 300 });
    const payload = decodePart(body.token, 1);
    expect([status, Number(payload['exp']) - Number(payload['iat'])]).toEqual([200, 300]);
    expect(payload).toMatchObject(claims);
  });

  it('ignores exp and iat among them (JWT-S79)', async () => {
    const { body } = await vend({ claims: { exp: 1, iat: 1 } });
    const now = Math.floor(api.clock() / 1000);
    expect(decodePart(body.token, 1)).toMatchObject({ iat: now, exp: now + 3600 });
  });

  it('signs by the key it is told, else by that of the tenant (JWT-S80)', async () => {
    const [told, own] = [await vend({ keyId: K_HS }), await vend({})];
    expect(decodePart(told.body.token, 0)).toMatchObject({ alg: 'HS512', kid: 'kid-hs' });
    expect(decodePart(own.body.token, 0)).toMatchObject({ alg: 'RS256', kid: 'kid-rs' });
  });

  it('lives as long as the tenant says, where it is told nothing (JWT-S81)', async () => {
    const { exp, iat } = decodePart((await vend({}, KEY_T2)).body.token, 1);
    expect(Number(exp) - Number(iat)).toBe(600);
  });

  it.each([
    [{ timeToLiveInSeconds: 0 }, 'timeToLiveInSeconds'],
    [{ timeToLiveInSeconds: -1 }, 'timeToLiveInSeconds'],
    [{ timeToLiveInSeconds: 'x' }, 'timeToLiveInSeconds'],
    [{ keyId: '99999999-9999-4999-8999-999999999999' }, 'keyId'],
    [{ keyId: K_PUB }, 'keyId'],
    [{ claims: [] }, 'claims'],
    [{ claims: 'x' }, 'claims'],
  ])('names the field of %j (JWT-S82)', async (json, field) => {
    const { status, body } = await vend(json);
    expect([status, Object.keys(body.fieldErrors)]).toEqual([400, [field]]);
  });

  it('needs an API key (JWT-S83)', async () => {
    for (const auth of ['', `Bearer ${at}`]) {
      const { status, text } = await api.call('POST', '/api/jwt/vend', { auth, json: {} });
      expect([status, text]).toEqual([401, '']);
    }
  });

  it('adds jti, not iss, and takes no body (JWT-P84)', async () => {
    const { status, body } = await api.call('POST', '/api/jwt/vend', { auth: KEY });
    expect([status, Object.keys(decodePart(body.token, 1)).toSorted()]).toEqual([200, ['exp', 'iat', 'jti']]);
    expect(decodePart((await vend({ claims: { jti: 'mine' } })).body.token, 1)['jti']).toBe('mine');
  });

  it('makes no access token of ours (T09)', async () => {
    const { body } = await vend({ claims: decodePart(at, 1) });
    expect((await validate({ auth: `Bearer ${body.token}` })).status).toBe(401);
  });
});
