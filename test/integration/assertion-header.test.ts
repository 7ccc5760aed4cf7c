/** When and under which name the backend receives an assertion, and what becomes of everything else. */
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  acceptance,
  assertionFor,
  gatewayPerTest,
  PLACES,
  RETRIEVER_TOKEN,
  t1,
  wso2,
} from '../support/acceptance.ts';
import type { TestGateway } from '../support/gateway.ts';
import { exchange } from '../support/raw-client.ts';

const start = gatewayPerTest();

/** Header lines of the last request at the backend, as sent: names and values. */
function headerLines({ backend }: TestGateway): [string, string][] {
  const raw = backend.received.at(-1)?.rawHeaders ?? [];
  return raw.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name, raw[index + 1] ?? '']] : [],
  );
}

function headersNamed(gateway: TestGateway, name: string): [string, string][] {
  return headerLines(gateway).filter(([found]) => found.toLowerCase() === name.toLowerCase());
}

describe('the assertion header', () => {
  it('is not sent without an assertion block (AST-S01)', async () => {
    const gateway = await start({ assertion: null });
    expect((await gateway.get(PLACES, t1())).status).toBe(200);
    expect(gateway.backend.received).toHaveLength(1);
    expect(headersNamed(gateway, 'x-jwt-assertion')).toEqual([]);
  });

  it('is sent with every request once there is a block (AST-S02)', async () => {
    const gateway = await start();
    await gateway.get(PLACES, t1());
    await gateway.get(PLACES, t1(), { method: 'POST', body: 'a body' });
    await gateway.get(PLACES, t1(), { method: 'HEAD' });
    const { received } = gateway.backend;
    expect(received.map(({ method, body }) => [method, body.toString()])).toEqual([
      ['GET', ''],
      ['POST', 'a body'],
      ['HEAD', ''],
    ]);
    for (const { headers } of received)
      expect(headers['x-jwt-assertion']).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  });

  it('appears when it is switched on, without restart and without a change of routes (AST-S03)', async () => {
    const gateway = await start({ assertion: `enabled: false, ${RETRIEVER_TOKEN}` });
    await gateway.get(PLACES, t1());
    expect(headersNamed(gateway, 'x-jwt-assertion')).toEqual([]);
    expect(await gateway.reload(acceptance({ assertion: `enabled: true, ${RETRIEVER_TOKEN}` }))).toBe(true);
    await gateway.get(PLACES, t1());
    expect(headersNamed(gateway, 'x-jwt-assertion')).toHaveLength(1);
  });

  it('is spelled X-JWT-Assertion on the wire (AST-S04)', async () => {
    const gateway = await start();
    await gateway.get(PLACES, t1());
    expect(headersNamed(gateway, 'x-jwt-assertion').map(([name]) => name)).toEqual(['X-JWT-Assertion']);
  });

  it('takes a configured name, and the default one is not sent (AST-S05)', async () => {
    const gateway = await start({ assertion: 'header: X-Identity' });
    await gateway.get(PLACES, t1(), { headers: { 'X-JWT-Assertion': 'evil' } });
    expect(headersNamed(gateway, 'x-identity').map(([name]) => name)).toEqual(['X-Identity']);
    expect(headersNamed(gateway, 'x-jwt-assertion')).toEqual([]);
  });

  it('follows the override of its route in name, dialect, life and claims (AST-P54)', async () => {
    const gateway = await start({
      more: `  - { name: other, match: { pathPrefix: /other }, upstream: echo,
      assertion: { header: X-Other, dialect: "http://acme.org/c", ttl: 1m, userClaims: { exclude: [email] } } }`,
    });
    const token = t1({ email: 'a@b' });
    const first = await assertionFor(gateway, token);
    expect(first.payload).toMatchObject({
      [wso2('enduser')]: 'test-fusion',
      [wso2('email')]: 'a@b',
    });
    await gateway.get('/other', token);
    const { payload } = gateway.assertion('x-other');
    expect(headersNamed(gateway, 'x-jwt-assertion')).toEqual([]);
    expect(payload['http://acme.org/c/enduser']).toBe('test-fusion');
    expect(payload).not.toHaveProperty('http://acme.org/c/email');
    expect(Number(payload['exp']) - Number(payload['iat'])).toBe(60);
  });

  it('is not sent on public routes without a token (AST-P53)', async () => {
    const gateway = await start();
    expect((await gateway.get('/public')).status).toBe(200);
    expect(headersNamed(gateway, 'x-jwt-assertion')).toEqual([]);
  });

  it('names the anonymous caller where that is asked for (AST-P53)', async () => {
    const gateway = await start({ assertion: 'anonymous: true' });
    expect((await gateway.get('/public')).status).toBe(200);
    expect(gateway.assertion().payload).toMatchObject({ sub: 'anonymous', [wso2('enduser')]: 'anonymous' });
  });
});

/** As clients write the header to be taken for the gateway. */
const FORGED = [
  'X-JWT-Assertion: evil',
  'x_jwt_assertion: evil',
  'X_JWT-Assertion: evil',
  'x.jwt.assertion: evil',
  'X-Jwt-Assertion: evil\r\nX-JWT-Assertion: evil',
  'AppMgtSAML2Response: evil',
];

describe('an identity header of the client', () => {
  it.each(FORGED)('never reaches the backend: %j (AST-C47)', async (lines) => {
    const gateway = await start();
    const port = Number(new URL(gateway.url).port);
    const head = (path: string, authorization = '') =>
      `GET ${path} HTTP/1.1\r\nHost: gw.test\r\n${authorization}${lines}\r\n\r\n`;
    expect((await exchange(port, head(PLACES, `Authorization: Bearer ${t1()}\r\n`))).status).toBe(200);
    expect(headersNamed(gateway, 'x-jwt-assertion')).toHaveLength(1);
    expect(JSON.stringify(headerLines(gateway))).not.toContain('evil');
    expect((await exchange(port, head('/public'))).status).toBe(200);
    expect(headersNamed(gateway, 'x-jwt-assertion')).toEqual([]);
    expect(JSON.stringify(headerLines(gateway))).not.toContain('evil');
  });
});

describe('an answer to the client', () => {
  it('carries no assertion of the backend (AST-P48)', async () => {
    const gateway = await start();
    const answer = await gateway.get('/placeFinder/1.0.0/sethdr', t1());
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-jwt-assertion')).toBeNull();
  });

  it.each([
    ['401', PLACES, null],
    ['401 for a bad token', PLACES, 'bad'],
    ['404', '/nowhere', null],
  ])('carries none where it is an error: %s (AST-P48)', async (_status, path, token) => {
    const gateway = await start();
    const answer = await gateway.get(path, token, { headers: { 'X-JWT-Assertion': 'mine' } });
    expect(answer.status).toBeGreaterThan(400);
    expect([...answer.headers.keys()].filter((name) => name.includes('assertion'))).toEqual([]);
  });
});

describe('the credential', () => {
  it('stays at the gateway (AST-P49, H04)', async () => {
    const gateway = await start();
    await gateway.get(PLACES, t1());
    expect(headersNamed(gateway, 'authorization')).toEqual([]);
  });

  it('goes on where the route says so (AST-P49)', async () => {
    const gateway = await start({ route: 'forwardAuthorization: true' });
    const token = t1();
    await gateway.get(PLACES, token);
    expect(headersNamed(gateway, 'authorization')).toEqual([['Authorization', `Bearer ${token}`]]);
  });

  it('stays at the gateway when it came in a cookie; other cookies go on (H04)', async () => {
    const gateway = await start({ realm: 'tokenFrom: [{ cookie: access_token }]' });
    await gateway.get(PLACES, null, { headers: { Cookie: `a=1; access_token=${t1()}; b=2` } });
    expect(headersNamed(gateway, 'cookie').map(([, value]) => value)).toEqual(['a=1; b=2']);
  });
});

describe('the rest of the request', () => {
  it('arrives as it was sent: 1 MiB of body and ten headers (AST-S57)', async () => {
    const gateway = await start();
    const body = randomBytes(1024 * 1024);
    const own = Array.from({ length: 10 }, (_, index) => [`X-Own-${index}`, `Value "${index}"; a=b, c`]);
    const headers = Object.fromEntries(own);
    expect((await gateway.get(PLACES, t1(), { method: 'POST', body, headers })).status).toBe(200);
    const [received] = gateway.backend.received;
    const digest = (bytes: Uint8Array = new Uint8Array()) => createHash('sha256').update(bytes).digest('hex');
    expect(digest(received?.body)).toBe(digest(body));
    const arrived = headerLines(gateway).filter(([name]) => /^x-own-/i.test(name));
    expect(arrived.map(([name, value]) => [name.toLowerCase(), value])).toEqual(
      own.map(([name = '', value]) => [name.toLowerCase(), value]),
    );
    expect(headersNamed(gateway, 'x-jwt-assertion')).toHaveLength(1);
  });
});
