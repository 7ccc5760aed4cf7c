/** POST /api/jwt/refresh: a refresh token for an access token. */
import { afterAll, describe, expect, it } from 'vitest';
import { startApi } from '../../support/api.ts';
import {
  APP_A,
  APP_B,
  addUser,
  configure,
  configureTokens,
  loginTo,
  TEN1,
  U1,
  USER_PASSWORD,
} from '../../support/token-fixtures.ts';
import { decodePart } from '../../support/tokens.ts';

const api = await startApi();
afterAll(() => api.close());

const URL = '/api/jwt/refresh';
const MINUTE_MS = 60_000;
const refresh = (refreshToken: string, members = {}) =>
  api.call('POST', URL, { json: { refreshToken, ...members } });
const byCookie = (value: string, json?: unknown) =>
  api.call('POST', URL, { headers: { Cookie: `refresh_token=${value}` }, json });
const newToken = async (applicationId = APP_A) => (await loginTo(api.service, applicationId)).refreshToken;

describe('POST /api/jwt/refresh', () => {
  it('takes the token from the body, without authentication (JWT-S40)', async () => {
    const { value, id } = await newToken();
    const { status, body } = await refresh(value);
    expect([status, Object.keys(body).toSorted()]).toEqual([
      200,
      ['refreshToken', 'refreshTokenId', 'token'],
    ]);
    expect([body.refreshTokenId, decodePart(body.token, 1)['sub']]).toEqual([id, U1]);
    expect((await api.call('GET', '/api/jwt/validate', { auth: `Bearer ${body.token}` })).status).toBe(200);
  });

  it('takes it from the cookie, with no body at all (JWT-S41)', async () => {
    expect((await byCookie((await newToken()).value)).status).toBe(200);
  });

  it('takes the cookie before the body (JWT-S42)', async () => {
    const { value } = await newToken();
    expect((await byCookie('garbage', { refreshToken: value })).status).toBe(400);
    expect((await byCookie(value, { refreshToken: 'garbage' })).status).toBe(200);
  });

  it.each([undefined, {}, { refreshToken: '' }])(
    'names the refresh token where %j is sent (JWT-S43)',
    async (json) => {
      const { status, body } = await api.call('POST', URL, { json });
      expect([status, body.fieldErrors.refreshToken[0].code]).toEqual([400, '[blank]refreshToken']);
    },
  );

  it('answers 400 to what is unknown, expired or revoked, never 401 (JWT-S44)', async () => {
    const [revoked, expired] = [await newToken(), await newToken()];
    await api.admin('DELETE', `${URL}/${revoked.id}`);
    expect((await refresh('unknown')).status).toBe(400);
    expect((await refresh(revoked.value)).status).toBe(400);
    api.clock.advanceMs(43_200 * MINUTE_MS);
    expect((await refresh(expired.value)).status).toBe(400);
  });

  it('answers 404 where the application is shut or the account has ended (JWT-S45)', async () => {
    const { value } = await newToken();
    const setActive = (active: boolean) =>
      api.admin('PATCH', `/api/application/${APP_A}`, { application: { active } });
    await setActive(false);
    const shut = await refresh(value);
    await setActive(true);
    const user = {
      email: 'gone@acme.com',
      tenantId: TEN1,
      expiry: api.clock() + MINUTE_MS,
      password: USER_PASSWORD,
    };
    await api.admin('POST', '/api/user/registration', { user, registration: { applicationId: APP_A } });
    const { refreshToken } = await loginTo(api.service, APP_A, user.email);
    api.clock.advanceMs(MINUTE_MS);
    const ended = await refresh(refreshToken.value);
    expect([shut, ended].map(({ status, text }) => [status, text])).toEqual(Array(2).fill([404, '']));
  });

  it('answers 404 where the user was deleted as the official client does it (JWT-S45)', async () => {
    const id = '00000000-0000-4000-8000-000000000999';
    await addUser(api.service, id, TEN1, 'deleted@acme.com', [[APP_A, ['user']]]);
    const { refreshToken } = await loginTo(api.service, APP_A, 'deleted@acme.com');
    await api.admin('DELETE', `/api/user/${id}`);
    const { status, text } = await refresh(refreshToken.value);
    expect([status, text]).toEqual([404, '']);
  });

  it('gives the same value and id where it is reusable (JWT-S46)', async () => {
    const { value, id } = await newToken();
    for (const answer of [await refresh(value), await refresh(value)])
      expect([answer.body.refreshToken, answer.body.refreshTokenId]).toEqual([value, id]);
  });

  it('gives another value with the same id where it is used once (JWT-S47)', async () => {
    const { value, id } = await newToken(APP_B);
    await configureTokens(api.service, APP_B, { refreshTokenUsagePolicy: 'OneTimeUse' });
    const { body } = await refresh(value);
    expect(body.refreshToken).not.toBe(value);
    expect(body.refreshTokenId).toBe(id);
    expect((await refresh(value)).status).toBe(400);
    expect((await refresh(body.refreshToken)).status).toBe(200);
  });

  it('gives the current value for a used one in its grace, and 400 after it (JWT-P48)', async () => {
    const { value } = await newToken(APP_B);
    await configureTokens(api.service, APP_B, {
      refreshTokenUsagePolicy: 'OneTimeUse',
      refreshTokenOneTimeUseConfiguration: { gracePeriodInSeconds: 10 },
    });
    const { body } = await refresh(value);
    api.clock.advanceMs(9_000);
    expect((await refresh(value)).body.refreshToken).toBe(body.refreshToken);
    api.clock.advanceMs(2_000);
    expect((await refresh(value)).status).toBe(400);
  });

  it('refuses a grace of more than a day at configuration (JWT-P48)', async () => {
    const patch = {
      jwtConfiguration: { refreshTokenOneTimeUseConfiguration: { gracePeriodInSeconds: 86_401 } },
    };
    const { status, body } = await api.admin('PATCH', `/api/application/${APP_B}`, { application: patch });
    expect([status, Object.keys(body.fieldErrors)]).toEqual([
      400,
      ['application.jwtConfiguration.refreshTokenOneTimeUseConfiguration.gracePeriodInSeconds'],
    ]);
  });

  it('ends the session where a used value comes again, if so configured (JWT-P49)', async () => {
    await configureTokens(api.service, APP_B, {
      refreshTokenUsagePolicy: 'OneTimeUse',
      refreshTokenOneTimeUseConfiguration: { gracePeriodInSeconds: 0 },
      refreshTokenRevocationPolicy: { onOneTimeTokenReuse: true },
    });
    const { value } = await newToken(APP_B);
    const { body } = await refresh(value);
    expect((await refresh(value)).status, api.log.at(-1)).toBe(400);
    expect((await refresh(body.refreshToken)).status).toBe(400);
  });

  it('follows the policy of the application only while that is enabled (JWT-S50)', async () => {
    const usage = { refreshTokenUsagePolicy: 'OneTimeUse' } as const;
    const { value } = await newToken();
    await configureTokens(api.service, APP_A, { ...usage, enabled: false });
    expect((await refresh(value)).body.refreshToken).toBe(value);
    await configureTokens(api.service, APP_A, usage);
    const { body } = await refresh(value);
    expect(body.refreshToken).not.toBe(value);
    await configureTokens(api.service, APP_A, { refreshTokenUsagePolicy: 'Reusable' });
  });

  it('counts its life by the expiration policy (JWT-P51)', async () => {
    const short = { refreshTokenTimeToLiveInMinutes: 10 };
    const policy = (members: Parameters<typeof configureTokens>[2]) =>
      configureTokens(api.service, APP_B, { ...short, refreshTokenUsagePolicy: 'Reusable', ...members });
    const statuses = async () => {
      const { value } = await newToken(APP_B);
      const seen: number[] = [];
      for (let count = 0; count < 3; count += 1) {
        api.clock.advanceMs(9 * MINUTE_MS);
        seen.push((await refresh(value)).status);
      }
      return seen;
    };
    await policy({ refreshTokenExpirationPolicy: 'Fixed' });
    expect(await statuses()).toEqual([200, 400, 400]);
    await policy({ refreshTokenExpirationPolicy: 'SlidingWindow' });
    expect(await statuses()).toEqual([200, 200, 200]);
    await policy({
      refreshTokenExpirationPolicy: 'SlidingWindowWithMaximumLifetime',
      refreshTokenSlidingWindowConfiguration: { maximumTimeToLiveInMinutes: 20 },
    });
    expect(await statuses()).toEqual([200, 200, 400]);
  });

  it('tells webhooks of the token before, from the body or the cookie (JWT-S53, JWT-S56)', async () => {
    const { value } = await newToken();
    const last = () => api.events.at(-1);
    const { body } = await refresh(value, { token: 'OLD' });
    expect(last()).toMatchObject({
      type: 'jwt.refresh',
      tenantId: TEN1,
      body: { applicationId: APP_A, userId: U1, refreshToken: value, token: body.token, original: 'OLD' },
    });
    await api.call('POST', URL, { headers: { Cookie: `refresh_token=${value}; access_token=COOKIE` } });
    expect(last()?.body['original']).toBe('COOKIE');
    await refresh(value);
    expect(last()?.body).not.toHaveProperty('original');
  });

  it('is allowed by allowTokenRefresh only (JWT-P54)', async () => {
    const { value } = await newToken();
    const allow = (allowTokenRefresh: boolean) =>
      api.admin('PATCH', `/api/application/${APP_A}`, {
        application: { loginConfiguration: { allowTokenRefresh } },
      });
    expect((await allow(false)).status).toBe(200);
    const { status, body } = await refresh(value);
    expect([status, Object.keys(body)]).toEqual([400, ['fieldErrors']]);
    await allow(true);
    expect((await refresh(value)).status).toBe(200);
  });

  it('shortens the life of the access token, and never lengthens it (JWT-P55)', async () => {
    const { value } = await newToken();
    const { body } = await refresh(value, { timeToLiveInSeconds: 60 });
    const { exp, iat } = decodePart(body.token, 1);
    expect(Number(exp) - Number(iat)).toBe(60);
    for (const timeToLiveInSeconds of [3601, 0, -1, 'x', 1.5]) {
      const refused = await refresh(value, { timeToLiveInSeconds });
      expect([refused.status, Object.keys(refused.body.fieldErrors)]).toEqual([400, ['timeToLiveInSeconds']]);
    }
  });

  it('gives no application tokens for a session token (JWT-S99)', async () => {
    const { value, id } = await newToken();
    const record = await api.service.store.refreshTokens.get(id);
    if (record === null) throw new Error('the token is there');
    const lookup = api.service.sealer.lookup('session', 'refresh-token');
    const session = { ...record, id: '00000000-0000-4000-8000-0000000009aa', applicationId: null, lookup };
    const sealedValue = api.service.sealer.seal(value, `refreshToken.value ${session.id}`);
    await api.service.store.refreshTokens.insert({ ...session, sealedValue });
    expect((await refresh('session')).status).toBe(400);
    const { body } = await api.admin('GET', `${URL}/${session.id}`);
    expect(body.refreshToken).not.toHaveProperty('applicationId');
  });

  it('lets exactly one of many calls at once rotate a value (T01)', async () => {
    await configureTokens(api.service, APP_A, { refreshTokenUsagePolicy: 'OneTimeUse' });
    const { value } = await newToken();
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(value)));
    const statuses = answers.map(({ status }) => status).toSorted();
    expect(statuses).toEqual([200, ...Array<number>(7).fill(400)]);
    await configure(api.service, 'applications', APP_A, (present) => ({
      ...present,
      jwtConfiguration: { ...present.jwtConfiguration, refreshTokenUsagePolicy: 'Reusable' },
    }));
  });
});
