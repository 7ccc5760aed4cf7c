import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isLoopbackHost, requireAllowedHost } from '../../../src/forward/address-guard.ts';
import { createDocumentFetcher } from '../../../src/forward/fetch-document.ts';
import { selfSignedCertificate } from '../../support/certificate.ts';
import {
  drip,
  endless,
  gzipBomb,
  hang,
  headersOnly,
  type Idp,
  json,
  keySetWithEtag,
  redirect,
  resetMidBody,
  startIdp,
  statusOnly,
  text,
} from '../../support/idp.ts';
import { testKey } from '../../support/tokens.ts';

const fetchDocument = createDocumentFetcher({ ca: null });
/** Generous: only tests of the limit itself wait for it. */
const TIMEOUT_MS = 5000;
const SHORT_TIMEOUT_MS = 200;

let idp: Idp;
beforeEach(async () => {
  idp = await startIdp();
});
afterEach(() => idp.close());

const get = (timeoutMs = TIMEOUT_MS, etag: string | null = null) =>
  fetchDocument({ url: idp.jwksUri, etag, timeoutMs });
const failsWith = (kind: string) => expect.objectContaining({ name: 'DocumentError', kind });

describe('fetchDocument', () => {
  it('gives body, ETag and max-age of a 200', async () => {
    idp.answerJwks(json({ keys: [] }, { etag: '"v1"', 'cache-control': 'public, max-age=120' }));
    expect(await get()).toEqual({ status: 200, body: '{"keys":[]}', etag: '"v1"', cacheMaxAgeMs: 120_000 });
  });

  it('asks for an uncompressed body', async () => {
    idp.answerJwks(json({}));
    await get();
    expect(idp.lastHeaders()['accept-encoding']).toBe('identity');
  });

  it('sends the ETag and gives the 304', async () => {
    idp.answerJwks(keySetWithEtag([], '"v1"'));
    expect(await get(TIMEOUT_MS, '"v1"')).toEqual({ status: 304, cacheMaxAgeMs: null });
  });

  it('refuses a 304 that it did not ask for', async () => {
    idp.answerJwks(statusOnly(304));
    await expect(get()).rejects.toEqual(failsWith('redirect'));
  });

  it.each([
    ['no-store', 0],
    ['max-age=10, no-cache', 0],
    ['max-age=60, max-age=30', 30_000],
    ['max-age=-1', null],
    ['max-age=abc', null],
    ['s-maxage=5', null],
  ])('reads Cache-Control %s', async (cacheControl, cacheMaxAgeMs) => {
    idp.answerJwks(json({}, { 'cache-control': cacheControl }));
    expect(await get()).toMatchObject({ cacheMaxAgeMs });
  });

  it('does not keep an ETag that is none', async () => {
    idp.answerJwks(json({}, { etag: 'unquoted' }));
    expect(await get()).toMatchObject({ etag: null });
  });

  it.each([301, 302, 303, 307, 308])('K01 does not follow a %i', async (status) => {
    const target = await startIdp();
    idp.answerJwks(redirect(target.jwksUri, status));
    await expect(get()).rejects.toEqual(failsWith('redirect'));
    expect(target.hits()).toBe(0);
    await target.close();
  });

  it.each([
    'file:///etc/passwd',
    'ftp://idp.test/jwks',
    'data:application/json,{"keys":[]}',
    'http://idp.test/jwks',
    'https://user:secret@idp.test/jwks',
    '/jwks',
  ])('K02 refuses the URL %s', async (url) => {
    const refused = fetchDocument({ url, etag: null, timeoutMs: TIMEOUT_MS });
    await expect(refused).rejects.toEqual(failsWith('url'));
  });

  it.each([
    'https://169.254.169.254/latest/meta-data',
    'https://[fe80::1]/',
    'https://[fd00:ec2::254]/',
    'https://100.100.100.200/',
    'https://[::ffff:169.254.169.254]/',
    'https://[64:ff9b::169.254.169.254]/',
    'https://2852039166/', // 169.254.169.254 as one number
    'https://0xa9.0xfe.0xa9.0xfe/',
  ])('K02 never contacts %s', async (url) => {
    const refused = fetchDocument({ url, etag: null, timeoutMs: TIMEOUT_MS });
    await expect(refused).rejects.toEqual(failsWith('address'));
  });

  it('K02 asks nothing of this machine because a remote issuer names it', async () => {
    const named = (namedBy: string) =>
      fetchDocument({ url: idp.jwksUri, etag: null, timeoutMs: TIMEOUT_MS, namedBy });
    idp.answerJwks(keySetWithEtag([testKey('ES256', 'k1').jwk], '"1"'));
    await expect(named('https://idp.example')).rejects.toEqual(failsWith('address'));
    expect(idp.hits()).toBe(0);
    expect(await named('http://127.0.0.1:1')).toMatchObject({ status: 200 });
  });

  it('fetches over plain http from hosts that the operator names', async () => {
    const plain = createDocumentFetcher({ ca: null, plainHttpHosts: new Set(['idp.invalid']) });
    const failed = plain({ url: 'http://idp.invalid/', etag: null, timeoutMs: TIMEOUT_MS });
    await expect(failed).rejects.not.toEqual(failsWith('url'));
  });

  it('K03 stops an endless body at the limit', async () => {
    const { answer, sent } = endless();
    idp.answerJwks(answer);
    await expect(get()).rejects.toEqual(failsWith('too_large'));
    // What lies in socket buffers beyond the 256 KiB that were read.
    expect(sent()).toBeLessThan(16 * 1024 * 1024);
  });

  it('K03 takes a body of exactly the limit', async () => {
    idp.answerJwks(text(' '.repeat(256 * 1024)));
    expect(await get()).toMatchObject({ status: 200 });
  });

  it('K03 refuses a body one byte over the limit', async () => {
    idp.answerJwks(text(' '.repeat(256 * 1024 + 1)));
    await expect(get()).rejects.toEqual(failsWith('too_large'));
  });

  it('K03 does not inflate a gzip bomb', async () => {
    idp.answerJwks(gzipBomb(64 * 1024 * 1024));
    await expect(get()).rejects.toEqual(failsWith('encoding'));
  });

  it.each([
    ['that never answers', hang],
    ['that stops after the headers', headersOnly],
    ['that sends a byte now and then', drip()],
  ])('K03 gives up an issuer %s', async (_name, answer) => {
    idp.answerJwks(answer);
    await expect(get(SHORT_TIMEOUT_MS)).rejects.toEqual(failsWith('timeout'));
  });

  it('K03 refuses a body that is cut off', async () => {
    idp.answerJwks(resetMidBody);
    await expect(get()).rejects.toEqual(failsWith('protocol'));
  });

  it.each([204, 206, 404, 500, 503])('refuses status %i and names it', async (status) => {
    idp.answerJwks(statusOnly(status));
    await expect(get()).rejects.toMatchObject({ kind: 'status', message: `status ${status}` });
  });

  it('refuses a body that is not UTF-8', async () => {
    idp.answerJwks(text(Buffer.from([0x7b, 0xff, 0x7d])));
    await expect(get()).rejects.toEqual(failsWith('encoding'));
  });

  it('names a refused connection', async () => {
    const closed = await startIdp();
    await closed.close();
    const failed = fetchDocument({ url: closed.jwksUri, etag: null, timeoutMs: TIMEOUT_MS });
    await expect(failed).rejects.toMatchObject({
      kind: 'connect',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('names a host that does not resolve', async () => {
    const failed = fetchDocument({ url: 'https://idp.invalid/', etag: null, timeoutMs: TIMEOUT_MS });
    await expect(failed).rejects.toEqual(failsWith('dns'));
  });
});

describe('fetchDocument over TLS', () => {
  const key = testKey('ES256');
  const certificate = selfSignedCertificate(key);
  const tls = { key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: certificate };

  it.each(['127.0.0.1', 'localhost'])('trusts the configured certificate for %s', async (host) => {
    const secure = await startIdp({ tls });
    secure.answerJwks(json({}));
    const url = secure.jwksUri.replace('127.0.0.1', host);
    const trusting = createDocumentFetcher({ ca: certificate });
    expect(await trusting({ url, etag: null, timeoutMs: TIMEOUT_MS })).toMatchObject({ status: 200 });
    await secure.close();
  });

  it('refuses a certificate that nobody trusts', async () => {
    const secure = await startIdp({ tls });
    secure.answerJwks(json({}));
    const failed = fetchDocument({ url: secure.jwksUri, etag: null, timeoutMs: TIMEOUT_MS });
    await expect(failed).rejects.toEqual(failsWith('tls'));
    expect(secure.hits()).toBe(0);
    await secure.close();
  });

  it('refuses a trusted certificate for another name', async () => {
    const secure = await startIdp({ tls });
    const url = secure.jwksUri.replace('127.0.0.1', 'other.localhost');
    const trusting = createDocumentFetcher({ ca: certificate });
    const failed = trusting({ url, etag: null, timeoutMs: TIMEOUT_MS });
    await expect(failed).rejects.toEqual(expect.objectContaining({ name: 'DocumentError' }));
    expect(secure.hits()).toBe(0);
    await secure.close();
  });
});

describe('isLoopbackHost', () => {
  it.each(['localhost', 'idp.localhost', '127.0.0.1', '127.8.9.1', '[::1]'])('knows %s', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  it.each(['localhost.example.com', 'notlocalhost', '128.0.0.1', '[::2]', ''])('refuses %s', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });
});

describe('requireAllowedHost', () => {
  it.each(['10.0.0.1', '192.168.1.1', '[fd00::1]', 'idp.example.com', '127.0.0.1'])('allows %s', (host) => {
    expect(() => requireAllowedHost(host)).not.toThrow();
  });
});
