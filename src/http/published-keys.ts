/** The public keys of the assertion, for backends that verify it: a JWK set (RFC 7517 §5) and PEM. */
import { headerValues } from '../core/headers.ts';
import { JWKS_MAX_AGE_MS, JWKS_PATHS, PEM_PATH, type PublishedKeys } from '../core/published-keys.ts';
import { SECOND_MS } from '../core/time.ts';
import type { AnswerWriter } from './http1/answer-writer.ts';
import type { IncomingRequest } from './http1/incoming-request.ts';

/** Most requests are told apart by it: the proxy asks for each. */
const BEGINNINGS = /^\/(?:jwks|\.well-known\/jwks)/;

const MAX_AGE_SECONDS = JWKS_MAX_AGE_MS / SECOND_MS;

/** Answers a request for published keys; false: the path is not one of theirs. */
export function servePublishedKeys(
  keys: PublishedKeys | null,
  { id, method, target, headers: fields }: IncomingRequest,
  answer: AnswerWriter,
): boolean {
  if (keys === null || !BEGINNINGS.test(target)) return false;
  const path = target.split('?', 1)[0] ?? '';
  const isPem = path === PEM_PATH;
  if (!(isPem || JWKS_PATHS.includes(path))) return false;
  if (method !== 'GET' && method !== 'HEAD') return false;
  const { body, etag } = isPem ? { body: keys.pem(), etag: null } : keys.jwks();
  const headers = ['Cache-Control', `public, max-age=${MAX_AGE_SECONDS}`, 'X-Request-Id', id];
  headers.push('Access-Control-Allow-Origin', '*');
  if (etag !== null) headers.push('ETag', etag);
  if (etag !== null && matches(headerValues(fields, 'if-none-match').join(', '), etag)) {
    answer.send(304, headers);
    return true;
  }
  headers.push('Content-Type', isPem ? 'application/x-pem-file' : 'application/jwk-set+json');
  headers.push('Content-Length', String(Buffer.byteLength(body)));
  answer.send(200, headers, body);
  return true;
}

/** RFC 9110 §13.1.2: weak comparison against a list of entity tags. */
function matches(ifNoneMatch: string, etag: string): boolean {
  const plain = (tag: string) => tag.trim().replace(/^W\//, '');
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || plain(tag) === plain(etag));
}
