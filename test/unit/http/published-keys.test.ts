/** Which requests are answered with the public keys of the assertion, and which go on to a route. */
import { describe, expect, it } from 'vitest';
import type { PublishedKeys } from '../../../src/core/published-keys.ts';
import { AnswerWriter } from '../../../src/http/http1/answer-writer.ts';
import type { IncomingRequest } from '../../../src/http/http1/incoming-request.ts';
import { servePublishedKeys } from '../../../src/http/published-keys.ts';

const ETAG = '"e1"';
const KEYS: PublishedKeys = { jwks: () => ({ body: '{"keys":[]}', etag: ETAG }), pem: () => 'PEM' };

/** The answer as it is sent; null: the request goes on. */
function answerTo(request: Partial<IncomingRequest>, keys: PublishedKeys | null = KEYS): string | null {
  const whole: IncomingRequest = {
    id: 'r1',
    method: 'GET',
    target: '/jwks',
    headers: [],
    httpVersion: '1.1',
    peer: { address: '127.0.0.1', isTls: false },
    body: null,
    expectsContinue: false,
    isDrainable: true,
    refusal: null,
    ...request,
  };
  let text = '';
  const take = (data: string | Buffer) => {
    text += data.toString('latin1');
    return true;
  };
  const carrier = {
    isClosed: false,
    mayPersist: true,
    keepAliveLines: '',
    dateLine: () => '',
    write: take,
    writeAll: (pieces: readonly (string | Buffer)[]) => pieces.every(take),
    onAnswered: () => {},
    cut: () => {},
  };
  return servePublishedKeys(keys, whole, new AnswerWriter(carrier, whole)) ? text : null;
}

describe('servePublishedKeys()', () => {
  it.each(['/jwks', '/.well-known/jwks.json', '/jwks?a=b', '/.well-known/jwks.json?'])(
    'answers %s with the key set',
    (target) => {
      const answer = answerTo({ target });
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      expect(answer).toContain('Content-Type: application/jwk-set+json\r\n');
      expect(answer).toMatch(/\r\n\r\n{"keys":\[\]}$/);
    },
  );

  it('answers with PEM', () => {
    const answer = answerTo({ target: '/.well-known/jwks.pem' });
    expect(answer).toContain('Content-Type: application/x-pem-file\r\n');
    expect(answer).toMatch(/\r\n\r\nPEM$/);
  });

  it.each([
    '/jwks/',
    '/jwks.json',
    '/jwks-of-the-app',
    '/.well-known/jwks',
    '/.well-known/jwks.json/x',
    '/.well-known/jwks.pem2',
    '/x/jwks',
    '/JWKS',
    '/',
  ])('leaves %s to the routes', (target) => expect(answerTo({ target })).toBeNull());

  it('leaves other methods to the routes, and everything where there are no keys', () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) expect(answerTo({ method })).toBeNull();
    expect(answerTo({}, null)).toBeNull();
  });

  it('answers HEAD without the keys', () => {
    const answer = answerTo({ method: 'HEAD' });
    expect(answer).toContain('Content-Length: 11\r\n');
    expect(answer).toMatch(/\r\n\r\n$/);
  });

  it.each<[string[], number]>([
    [[ETAG], 304],
    [[`W/${ETAG}`], 304],
    [['"e0", "e1"'], 304],
    [['"e0"', ETAG], 304],
    [['*'], 304],
    [['"e0"'], 200],
    [['e1'], 200],
    [[''], 200],
  ])('says of If-None-Match %j: %i (RFC 9110 §13.1.2)', (values, status) => {
    const headers = values.flatMap((value) => ['If-None-Match', value]);
    expect(answerTo({ headers })).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });
});
