/** The public half of the keyring, as backends fetch it: a JWK set (RFC 7517 §5) or PEM. */
import { createHash, createPublicKey } from 'node:crypto';
import type { JsonObject } from '../core/json.ts';
import type { PublishedKeys } from '../core/published-keys.ts';
import type { SigningKey } from './signing-key.ts';

const ETAG_CHARACTERS = 22;

export function publishedKeys(keys: readonly SigningKey[]): PublishedKeys {
  const body = JSON.stringify({ keys: keys.flatMap(jwksOf) });
  const digest = createHash('sha256').update(body).digest('base64url').slice(0, ETAG_CHARACTERS);
  const jwks = { body, etag: `"${digest}"` };
  return { jwks: () => jwks, pem: () => keys.map(pemOf).join('') };
}

/** Under the key's own id, and under the id that API Manager would give it: assertions of either profile find it. */
function jwksOf({ publicJwk, certificate }: SigningKey): JsonObject[] {
  if (publicJwk === null) return [];
  if (certificate === null) return [publicJwk];
  return [publicJwk, { ...publicJwk, kid: certificate.wso2Kid }];
}

function pemOf({ publicJwk, privateKey }: SigningKey): string {
  return publicJwk === null
    ? ''
    : createPublicKey(privateKey).export({ format: 'pem', type: 'spki' }).toString();
}
