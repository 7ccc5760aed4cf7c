/** Use cases: the public halves of the keys that sign, as PEM and as a key set. Secrets and foreign keys are never among them. */
import { createPublicKey } from 'node:crypto';
import type { JsonObject } from '../core/json.ts';
import { jwsAlgorithm, type Key } from '../objects/key.ts';
import { notFound } from './failure.ts';
import { readObject } from './objects/catalog-object.ts';
import { perCatalog } from './per-catalog.ts';
import type { Scope, TokenService } from './service.ts';

interface PublicKey extends Key {
  readonly publicKey: string;
}

/** PEM by `kid`. */
export function publicKeys(service: TokenService): Readonly<Record<string, string>> {
  return Object.fromEntries(publishedKeys(service).map(({ kid, publicKey }) => [kid, publicKey]));
}

/** @throws ServiceError 404 where the application has no key of its own, or one that has no public half */
export function publicKeyOfApplication(service: TokenService, applicationId: string, scope: Scope): string {
  const { jwtConfiguration } = readObject(service, 'applications', applicationId, scope);
  const id = jwtConfiguration.enabled ? jwtConfiguration.accessTokenKeyId : null;
  return found(publishedKeys(service).find((key) => key.id === id));
}

/** @throws ServiceError 404 */
export function publicKeyByKid(service: TokenService, kid: string): string {
  return found(publishedKeys(service).find((key) => key.kid === kid));
}

function found(key: PublicKey | undefined): string {
  if (key === undefined) throw notFound('public key');
  return key.publicKey;
}

/** RFC 7517 §5. */
export function jsonWebKeySet(service: TokenService): { readonly keys: readonly JsonObject[] } {
  return keySet(service.catalog());
}

function publishedKeys(service: TokenService): readonly PublicKey[] {
  return published(service.catalog());
}

/** Keys that only verify are other issuers': who trusts this set must not trust theirs by it. */
const published = perCatalog(({ keys }) =>
  [...keys.values()].flatMap((key) =>
    key.hasPrivateKey && key.publicKey !== null ? [{ ...key, publicKey: key.publicKey }] : [],
  ),
);

const keySet = perCatalog((catalog) => ({ keys: published(catalog).map(jsonWebKey) }));

function jsonWebKey({ publicKey, kid, algorithm, x5t, x5tS256 }: PublicKey): JsonObject {
  const members = createPublicKey(publicKey).export({ format: 'jwk' });
  return {
    ...Object.fromEntries(Object.entries(members).filter((entry) => typeof entry[1] === 'string')),
    kid,
    alg: jwsAlgorithm(algorithm),
    use: 'sig',
    ...(x5t === null ? {} : { x5t }),
    ...(x5tS256 === null ? {} : { 'x5t#S256': x5tS256 }),
  };
}
