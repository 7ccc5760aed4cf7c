import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { t1, t1Claims } from '../support/acceptance.ts';
import { fakeClock } from '../support/clock.ts';
import { fusionRealm, metric, PLACES, realm, realmGateways, refusalOf, statusOf } from '../support/fusion.ts';
import { ACCEPTANCE, startGateway, type TestGateway } from '../support/gateway.ts';
import { base64url, compact, hmac, hs256, testKey } from '../support/tokens.ts';

const SECRET = 'fusion-secret';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway(ACCEPTANCE);
});
afterAll(() => gateway.stop());

/** The status, and how many requests the backend saw for it. */
async function statusAndCalls(authorization: Record<string, string>): Promise<[number, number]> {
  const before = gateway.backend.received.length;
  const answer = await gateway.get(PLACES, null, { headers: authorization });
  await answer.arrayBuffer();
  return [answer.status, gateway.backend.received.length - before];
}

describe('Authorization', () => {
  it('carries the token after Bearer, and the backend is called once (FJR-S02)', async () => {
    expect(await statusAndCalls({ Authorization: `Bearer ${t1()}` })).toEqual([200, 1]);
  });

  it.each(['bearer', 'BEARER'])(
    'with the scheme %s is no credential, and the backend is not called (FJR-S03)',
    async (scheme) => {
      expect(await statusAndCalls({ Authorization: `${scheme} ${t1()}` })).toEqual([401, 0]);
    },
  );

  it('is found under its name in lower case (FJR-S04)', async () => {
    expect(await statusAndCalls({ authorization: `Bearer ${t1()}` })).toEqual([200, 1]);
  });
});

describe('signature', () => {
  it('by the shared secret lets in, by another secret not (FJR-S05)', async () => {
    expect(await statusOf(gateway, hs256(SECRET, t1Claims()))).toBe(200);
    expect(await refusalOf(gateway, hs256('wrong-secret', t1Claims()))).toMatchObject({
      status: 401,
      code: 'bad_signature',
    });
  });

  it('by another algorithm than HS256 is refused and counted as such (FJR-S06)', async () => {
    const labels = 'realm="none",result="deny",reason="alg_not_allowed"';
    const before = await metric(gateway, 'auth_decisions_total', labels);
    const tokens = [
      compact({ alg: 'HS384' }, t1Claims(), hmac(SECRET, 'sha384')),
      compact({ alg: 'HS512' }, t1Claims(), hmac(SECRET, 'sha512')),
      compact({ alg: 'RS256' }, t1Claims(), testKey('RS256').sign),
    ];
    for (const token of tokens)
      expect(await refusalOf(gateway, token)).toMatchObject({ status: 401, code: 'alg_not_allowed' });
    expect(await metric(gateway, 'auth_decisions_total', labels)).toBe(before + 3);
  });

  it('protects every character of header, payload and signature (FJR-S08)', async () => {
    const token = t1();
    const [header = '', payload = ''] = token.split('.');
    const flips = [header.length - 3, header.length + payload.length - 5, token.length - 2];
    for (const at of flips) {
      const flipped = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      expect(await statusOf(gateway, flipped), `character ${at}`).toBe(401);
    }
  });
});

describe('compact form', () => {
  const [header = '', payload = '', signature = ''] = t1().split('.');

  it.each([
    ['padding', `${header}.${payload}=.${signature}`],
    ['two parts', `${header}.${payload}`],
    ['four parts', `${header}.${payload}.${signature}.${signature}`],
    ['a character outside base64url', `${header}.${payload}+.${signature}`],
  ])('with %s is refused as malformed (FJR-S07)', async (_what, token) => {
    expect(await refusalOf(gateway, token)).toMatchObject({ status: 401, code: 'malformed' });
  });
});

describe('iss', () => {
  it.each(['fusion2', 'Fusion', undefined])(
    'of %s is refused, and the answer names no issuer (FJR-S09)',
    async (iss) => {
      const refusal = await refusalOf(gateway, t1({ iss }));
      expect(refusal?.status).toBe(401);
      expect(`${refusal?.body}${refusal?.challenge}`).not.toMatch(/fusion|unsigned-app/i);
    },
  );
});

describe('iat', () => {
  it.each([
    ['now', 401],
    [1700000000, 200],
    [1700000000.5, 200],
  ])('of %j is answered %d (FJR-S10)', async (iat, status) => {
    expect(await statusOf(gateway, t1({ iat }))).toBe(status);
  });
});

describe('sub', () => {
  it('that is missing is refused by name (FJR-S13)', async () => {
    const refusal = await refusalOf(gateway, t1({ sub: undefined }));
    expect(refusal).toMatchObject({ status: 401, code: 'missing_claim' });
    expect(refusal?.challenge).toMatch(/error_description="[^"]*\bsub\b/);
  });
});

describe('unsigned token', () => {
  const unsigned = (claims: object) => `${base64url({ alg: 'none' })}.${base64url(claims)}.`;

  it('opens a realm that allows it, and no other (FJR-S27)', async () => {
    expect(await statusOf(gateway, unsigned({ iss: 'unsigned-app', sub: 'u' }))).toBe(200);
    expect(await refusalOf(gateway, unsigned(t1Claims()))).toMatchObject({
      status: 401,
      code: 'alg_not_allowed',
    });
  });

  it.each(['abc', '.'])('that ends in %j is refused (FJR-S28)', async (ending) => {
    expect(await statusOf(gateway, unsigned({ iss: 'unsigned-app', sub: 'u' }) + ending)).toBe(401);
  });
});

describe('time and audience', () => {
  const start = realmGateways();
  const clock = fakeClock();
  const now = clock() / 1000;
  const token = (changes: object) => t1(changes, clock);

  it('exp in the past is refused as expired, to the client and in the metric (FJR-S31)', async () => {
    const own = await start([fusionRealm({ clockSkew: '0s' })], { clock });
    const refusal = await refusalOf(own, token({ exp: now - 1 }));
    expect(refusal?.status).toBe(401);
    expect(refusal?.challenge).toContain('error="invalid_token", error_description="expired"');
    expect(await metric(own, 'auth_decisions_total', 'realm="none",result="deny",reason="expired"')).toBe(1);
  });

  it('exp may be missing only where the realm says so (FJR-S32)', async () => {
    const lenient = await start([fusionRealm({ requireExpiration: 'false' })], { clock });
    const strict = await start([fusionRealm()], { clock });
    expect(await statusOf(lenient, token({ exp: undefined }))).toBe(200);
    expect(await refusalOf(strict, token({ exp: undefined }))).toMatchObject({
      status: 401,
      code: 'missing_claim',
    });
  });

  it('the sample of Fusion passes: iat in milliseconds, neither exp nor typ (FJR-S11)', async () => {
    const own = await start([fusionRealm({ requireExpiration: 'false' })]);
    const header = '{"alg":"HS256"}';
    const payload =
      '{"iss":"fusion","iat":1536782517864,"sub":"test-fusion","groups":["group-one","group-two"]}';
    expect(await statusOf(own, compact(header, payload, hmac(SECRET)))).toBe(200);
    expect(own.assertion().payload['http://wso2.org/claims/enduser']).toBe('test-fusion');
  });

  it.each([
    [['api'], 200],
    ['api', 200],
    [['x', 'api'], 200],
    ['x', 401],
    [undefined, 401],
  ])('aud %j is answered %d where the realm wants api (FJR-C46)', async (aud, status) => {
    const own = await start([fusionRealm({ audiences: '[api]' })], { clock });
    expect(await statusOf(own, token({ aud }))).toBe(status);
  });

  it.each([
    ['0s', 401],
    ['60s', 200],
  ])('nbf 30 s ahead with clockSkew %s is answered %d (FJR-C47)', async (clockSkew, status) => {
    const own = await start([fusionRealm({ clockSkew })], { clock });
    expect(await statusOf(own, token({ nbf: now + 30 }))).toBe(status);
  });
});

describe('tokenFrom', () => {
  const start = realmGateways();
  const cookie = () => ({ headers: { Cookie: `theme=dark; access_token=${t1()}` } });

  it('a cookie that is listed (FJR-C44)', async () => {
    const own = await start([fusionRealm({ tokenFrom: '[{ cookie: access_token }]' })]);
    expect((await own.get(PLACES, null, cookie())).status).toBe(200);
  });

  it('a query parameter that is listed (FJR-C44)', async () => {
    const own = await start([fusionRealm({ tokenFrom: '[{ query: access_token }]' })]);
    expect(await statusOf(own, null, `${PLACES}?access_token=${t1()}`)).toBe(200);
    expect(own.backend.received[0]?.url).toBe(PLACES);
  });

  it('neither of them where they are not listed (FJR-C44)', async () => {
    const own = await start([fusionRealm()]);
    expect((await own.get(PLACES, null, cookie())).status).toBe(401);
    expect(await statusOf(own, null, `${PLACES}?access_token=${t1()}`)).toBe(401);
  });
});

describe('allowUnsigned', () => {
  const start = realmGateways();

  it('is never silent: a warning with the realm, and its name in /readyz (FJR-S29)', async () => {
    const own = await start([
      realm({ name: 'open', issuer: 'unsigned-app', allowUnsigned: 'true', requireExpiration: 'false' }),
    ]);
    expect(own.log).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: expect.stringMatching(/unsigned/), realms: ['open'] }),
    );
    const readyz = await fetch(`${own.opsUrl}/readyz`);
    expect(await readyz.json()).toMatchObject({ unsigned_realms: ['open'] });
  });
});
