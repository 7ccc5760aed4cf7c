/** What bad requests and failures get: Errors JSON, or nothing; and that a refusal reads no more than it must. */
import { afterAll, describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../../src/tokens/store.ts';
import { startApi } from '../../support/api.ts';
import { header, rawClient } from '../../support/raw-client.ts';
import { APP_A, KEY, loginTo, TEN1, U1 } from '../../support/token-fixtures.ts';

const api = await startApi();
afterAll(() => api.close());

const JSON_TYPE = { 'Content-Type': 'application/json' };
const vend = (text: string, headers: Record<string, string> = JSON_TYPE) =>
  api.call('POST', '/api/jwt/vend', { auth: KEY, text, headers });

async function raw(bytes: string | Buffer) {
  const client = await rawClient(api.port);
  client.send(bytes);
  const [answer] = await client.waitFor(1);
  client.close();
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

describe('Errors JSON', () => {
  it('names each field, with a code and a message (JWT-S89)', async () => {
    const { status, body, headers } = await api.admin('POST', '/api/application', {
      application: { name: 7, roles: [{ name: 'a' }, { isDefault: 'x' }] },
    });
    expect([status, headers['content-type']]).toEqual([400, 'application/json;charset=UTF-8']);
    expect(body).toEqual({
      fieldErrors: {
        'application.name': [{ code: '[invalid]application.name', message: 'is no text' }],
        'application.roles[1].name': [
          { code: '[blank]application.roles[1].name', message: expect.any(String) },
        ],
        'application.roles[1].isDefault': [
          { code: '[invalid]application.roles[1].isDefault', message: expect.any(String) },
        ],
      },
    });
  });

  it('names the object that is missing (JWT-S89)', async () => {
    const { body } = await api.admin('POST', '/api/user', {});
    expect(Object.keys(body.fieldErrors)).toEqual(['user']);
  });

  it('names what something else has already (JWT-S89)', async () => {
    const { status, body } = await api.admin('POST', '/api/user', {
      user: { email: 'U1@acme.com', tenantId: TEN1 },
    });
    expect([status, body.fieldErrors['user.email'][0].code]).toEqual([400, '[duplicate]user.email']);
  });

  it('is bounded, however many mistakes there are', async () => {
    const roles = Array.from({ length: 1000 }, () => ({ name: 7 }));
    const { body } = await api.admin('POST', '/api/application', { application: { name: 'x', roles } });
    expect(Object.keys(body.fieldErrors).length).toBeLessThanOrEqual(50);
  });
});

describe('unknown members', () => {
  it('are dropped, on every level', async () => {
    const user = {
      email: 'extra@acme.com',
      tenantId: TEN1,
      shoeSize: 46,
      password: 'long enough',
      data: { x: null },
    };
    const { status, body } = await api.admin('POST', '/api/user', { user, sendSetPasswordEmail: true });
    expect(status).toBe(200);
    expect(body.user).not.toHaveProperty('shoeSize');
    expect(body.user.data).toEqual({ x: null });
  });

  it('that look like a prototype change nothing', async () => {
    const text = `{"user":{"email":"proto@acme.com","tenantId":"${TEN1}","__proto__":{"verified":true},"constructor":{"prototype":{"x":1}}}}`;
    const { status, body } = await api.call('POST', '/api/user', { auth: KEY, text, headers: JSON_TYPE });
    expect([status, body.user.verified]).toEqual([200, false]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});

describe('bodies', () => {
  it.each(['{', '{"claims":}', 'claims', '\u{feff}{}', '{} {}'])(
    'that are no JSON are refused: %s',
    async (text) => {
      const { status, body } = await vend(text);
      expect([status, body.generalErrors[0].code]).toEqual([400, '[invalidJSON]']);
    },
  );

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', ''])(
    'of the type "%s" are refused',
    async (type) => {
      const { status, body } = await vend('{}', type === '' ? {} : { 'Content-Type': type });
      expect([status, body.generalErrors[0].code]).toEqual([400, '[invalid]Content-Type']);
    },
  );

  it('that are no UTF-8 are refused', async () => {
    const head = `POST /api/jwt/vend HTTP/1.1\r\nHost: a\r\nAuthorization: ${KEY}\r\nContent-Type: application/json\r\n`;
    const answer = (text: string) => {
      const body = Buffer.from(`{"claims":{"a":"${text}"}}`, 'latin1');
      return raw(Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body]));
    };
    expect((await answer('\xff')).status).toBe(400);
    expect((await answer('\xc3\xbf')).status).toBe(200);
  });

  it.each(['[', '{"a":'])('nested too deeply are refused: %s', async (open) => {
    const text = `{"claims":{"s":"]]}}","a":${open.repeat(10_000)}`;
    const { status, body } = await vend(text);
    expect([status, body.generalErrors[0].code]).toEqual([400, '[invalidJSON]']);
  });

  it('nested as deeply as allowed are taken', async () => {
    const nested = (levels: number) => `{"claims":{"a":${'['.repeat(levels)}"[[["${']'.repeat(levels)}}}`;
    expect((await vend(nested(62))).status).toBe(200);
    expect((await vend(nested(63))).status).toBe(400);
  });

  it('beyond the bound are refused, declared or chunked', async () => {
    const big = `{"claims":{"x":"${'x'.repeat(64 * 1024)}"}}`;
    expect((await vend(big)).status).toBe(413);
    const chunk = `${(70_000).toString(16)}\r\n${'x'.repeat(70_000)}\r\n0\r\n\r\n`;
    const head = `POST /api/jwt/vend HTTP/1.1\r\nHost: a\r\nAuthorization: ${KEY}\r\nContent-Type: application/json\r\n`;
    expect((await raw(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`)).status).toBe(413);
  });

  it('are not read, nor asked for, where the caller is refused (D03)', async () => {
    const head =
      'POST /api/jwt/vend HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n';
    const answer = await raw(`${head}Expect: 100-continue\r\n\r\n`);
    expect([answer.status, header(answer, 'connection')]).toEqual([401, 'close']);
  });

  it('are not asked for where they say that they are too large', async () => {
    const head = `POST /api/jwt/vend HTTP/1.1\r\nHost: a\r\nAuthorization: ${KEY}\r\nContent-Type: application/json\r\n`;
    expect((await raw(`${head}Content-Length: 65537\r\nExpect: 100-continue\r\n\r\n`)).status).toBe(413);
  });

  it('are asked for where the caller waits for a 100', async () => {
    const client = await rawClient(api.port);
    const head = `POST /api/jwt/vend HTTP/1.1\r\nHost: a\r\nAuthorization: ${KEY}\r\nContent-Type: application/json\r\n`;
    client.send(`${head}Content-Length: 2\r\nExpect: 100-continue\r\n\r\n`);
    expect((await client.waitFor(1))[0]?.status).toBe(100);
    client.send('{}');
    expect((await client.waitFor(2))[1]?.status).toBe(200);
    client.close();
  });

  it('that break off end their call alone', async () => {
    const client = await rawClient(api.port);
    const head = `POST /api/jwt/vend HTTP/1.1\r\nHost: a\r\nAuthorization: ${KEY}\r\nContent-Type: application/json\r\n`;
    client.send(`${head}Content-Length: 100\r\n\r\n{"cl`);
    client.close();
    expect((await vend('{}')).status).toBe(200);
  });
});

describe('requests', () => {
  it.each([
    ['GET', '/api/nothing'],
    ['GET', '/api/jwt/refresh/'],
    ['GET', '//api/jwt/validate'],
    ['GET', '/api/jwt/../jwt/validate'],
    ['GET', '/api%2fjwt/validate'],
    ['GET', '/API/jwt/validate'],
    ['GET', '/oauth2/authorize'],
    ['GET', '/'],
    ['GET', '/api/user/%ff'],
    ['PROPFIND', '/api/nothing'],
  ])('for what is not there get 404 and nothing more: %s %s (IDP-S07)', async (method, target) => {
    const { status, text } = await api.call(method, target);
    expect([status, text]).toEqual([404, '']);
  });

  it.each([
    ['PUT', '/api/login', 'POST'],
    ['HEAD', '/api/jwt/validate', 'GET'],
    ['OPTIONS', '/api/jwt/refresh', 'POST, GET, DELETE'],
  ])('with a method that is not there get 405: %s %s', async (method, target, allow) => {
    const { status, text, headers } = await api.call(method, target);
    expect([status, text, headers['allow']]).toEqual([405, '', allow]);
  });

  it.each([
    'a=%zz',
    'a=%ff',
    'a=1&a=2',
    'a=1&%61=2',
    Array.from({ length: 101 }, (_, i) => `p${i}=`).join('&'),
  ])('with the query %s are refused', async (query) => {
    expect((await api.call('GET', `/api/jwt/public-key?${query}`)).status).toBe(400);
  });

  it('that a parser could read in two ways are refused', async () => {
    const answer = await raw(
      'POST /api/jwt/refresh HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}',
    );
    expect([answer.status, header(answer, 'connection')]).toEqual([400, 'close']);
  });

  it('that are refused before an operation is found are the last of their connection', async () => {
    const head = 'GET /api/nothing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n';
    const client = await rawClient(api.port);
    client.send(`${head}GET /api/jwt/validate HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.closed();
    expect(client.responses().map(({ status }) => status)).toEqual([501]);
  });

  it('that are none leave a record too', async () => {
    const answer = await raw('NONSENSE\r\n\r\n');
    expect(answer.status).toBe(400);
    await expect.poll(() => api.records.at(-1)).toMatchObject({ operationId: null, path: '', status: 400 });
  });

  it('are answered with headers that keep the answer from caches and sniffers (T17)', async () => {
    for (const target of [
      '/api/jwt/public-key',
      '/api/jwt/validate',
      '/api/nothing',
      '/api/jwt/public-key?a=%',
    ])
      expect((await api.call('GET', target)).headers).toMatchObject({
        'cache-control': 'no-store',
        pragma: 'no-cache',
        'x-content-type-options': 'nosniff',
      });
  });

  it('carry their id through to the answer and the record', async () => {
    const { headers } = await api.call('GET', '/api/jwt/validate', { headers: { 'X-Request-Id': 'my-id' } });
    expect([headers['x-request-id'], api.records.at(-1)?.requestId]).toEqual(['my-id', 'my-id']);
  });
});

describe('failures', () => {
  it('of the service answer 500 and nothing more; the log has the stack (JWT-S90)', async () => {
    const { token, refreshToken } = await loginTo(api.service, APP_A);
    const broken = await startApi({
      parts: {
        signer: {
          sign: async () => {
            throw new Error('canary-in-the-cause');
          },
        },
      },
    });
    const { status, text } = await broken.admin('POST', '/api/jwt/vend', {});
    expect([status, text]).toEqual([500, '']);
    expect(broken.log.join('\n')).toMatch(/canary-in-the-cause.*errors\.test\.ts/);
    expect(JSON.stringify(broken.records) + broken.log.join('\n')).not.toContain(token);
    expect(broken.log.join('\n')).not.toContain(refreshToken.value);
    await broken.close();
  });

  it('of the store answer 503 with Errors JSON and when to come again (JWT-S91, T08)', async () => {
    const down = await startApi();
    const gone = () => Promise.reject(new StoreUnavailableError('connection to db.internal refused'));
    Object.assign(down.service.store, { transaction: gone });
    Object.assign(down.service.store.users, { get: gone });
    const { status, body, headers, text } = await down.admin('GET', `/api/user/${U1}`);
    expect([status, body.generalErrors[0].code, headers['retry-after']]).toEqual([
      503,
      '[StoreUnavailable]',
      '5',
    ]);
    expect(text).not.toContain('db.internal');
    const { status: unwritten } = await down.admin('DELETE', `/api/user/${U1}?hardDelete=true`);
    expect(unwritten).toBe(503);
    await down.close();
  });
});

describe('records', () => {
  it('name the operation, never a query, an id or a token (T15)', async () => {
    const before = api.records.length;
    await api.call('GET', '/api/jwt/public-key?kid=CANARY');
    await api.admin('GET', '/api/jwt/refresh/CANARY');
    await api.call('GET', '/api/jwt/validate/x/CANARY');
    await api.call('GET', '/api/jwt/validate', {
      auth: 'Bearer CANARY',
      headers: { Cookie: 'refresh_token=CANARY' },
    });
    const seen = api.records.slice(before);
    expect(JSON.stringify(seen) + api.log.join('')).not.toContain('CANARY');
    expect(seen.map(({ path, operationId, status }) => [path, operationId, status])).toEqual([
      ['/api/jwt/public-key', 'retrieveJWTPublicKey', 404],
      ['/api/jwt/refresh/{tokenId}', 'retrieveRefreshTokenById', 400],
      ['/api/jwt/validate', null, 404],
      ['/api/jwt/validate', 'validateJWT', 401],
    ]);
  });

  it('name clients that leave before the answer', async () => {
    const client = await rawClient(api.port);
    const head = `POST /api/jwt/vend HTTP/1.1\r\nHost: a\r\nAuthorization: ${KEY}\r\nContent-Type: application/json\r\n`;
    client.send(`${head}Content-Length: 100\r\n\r\n{`);
    await expect.poll(() => client.socket.bytesWritten).toBeGreaterThan(0);
    client.close();
    await expect.poll(() => api.records.at(-1)?.isClientGone).toBe(true);
  });
});
