/** The public half of the signing keys, as backends fetch it. Made by jwt/, served by http/. */
import { MINUTE_MS } from './time.ts';

/** What is published. Never a secret: HMAC keys are not in it. */
export interface PublishedKeys {
  /** JWK set (RFC 7517 §5). `etag` is a strong entity tag, quotes included (RFC 9110 §8.8.3). */
  jwks(): { readonly body: string; readonly etag: string };
  /** Public keys as SubjectPublicKeyInfo blocks, in the order of the key set. */
  pem(): string;
}

/** Where GET and HEAD are answered with them, on every host, before any route is looked for. */
export const JWKS_PATHS: readonly string[] = ['/.well-known/jwks.json', '/jwks'];
export const PEM_PATH = '/.well-known/jwks.pem';

/**
 * `max-age` that backends are told, and so how long one may not have seen a new key: rotation waits for it. Short
 * enough that a rotation reaches all within five minutes.
 */
export const JWKS_MAX_AGE_MS = 5 * MINUTE_MS;
