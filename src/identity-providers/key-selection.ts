/** Which key a foreign token is to be verified with: the provider names a member of the header, its value names the key. */
import { type JsonObject, member } from '../core/json.ts';
import type { IdentityProvider } from '../objects/identity-provider.ts';
import type { Key } from '../objects/key.ts';
import type { Catalog } from '../tokens/catalog.ts';
import { TokenRejectedError } from '../tokens/ports.ts';
import type { ForeignKeys } from './ports.ts';

/** No `kid` or thumbprint is longer. */
const IDENTIFIER_MAX_CHARS = 256;

/** The identifier of the default key in the older `keys` map. */
const DEFAULT_IDENTIFIER = '';

/**
 * The default key is for tokens without the header member; an unknown identifier finds nothing.
 *
 * @throws TokenRejectedError
 */
export function selectKeys(
  catalog: Pick<Catalog, 'keys'>,
  provider: IdentityProvider,
  header: JsonObject,
): ForeignKeys {
  const identifier = identifierOf(header, provider.headerKeyParameter);
  const found =
    identifier === null
      ? defaultKeys(catalog, provider)
      : (verificationKeys(catalog, provider, identifier) ?? keySetKeys(provider, identifier));
  if (found === null)
    throw new TokenRejectedError(
      `the provider has no key for header member ${provider.headerKeyParameter}: ` +
        (identifier === null ? 'it is absent, and there is no default key' : JSON.stringify(identifier)),
    );
  return found;
}

function identifierOf(header: JsonObject, parameter: string): string | null {
  const value = member(header, parameter);
  if (value === undefined) return null;
  if (typeof value === 'string' && value !== '' && value.length <= IDENTIFIER_MAX_CHARS) return value;
  throw new TokenRejectedError(`header member ${parameter} names no key`);
}

function defaultKeys({ keys }: Pick<Catalog, 'keys'>, provider: IdentityProvider): ForeignKeys | null {
  const key = keys.get(provider.defaultKeyId ?? '');
  return key === undefined ? legacyKey(provider, DEFAULT_IDENTIFIER) : { kind: 'keys', keys: [key] };
}

function verificationKeys(
  { keys }: Pick<Catalog, 'keys'>,
  provider: IdentityProvider,
  identifier: string,
): ForeignKeys | null {
  const named = [...new Set([...provider.verificationKeyIds, provider.defaultKeyId ?? ''])]
    .map((id) => keys.get(id))
    .filter((key) => key !== undefined)
    .filter((key) => isNamed(key, provider.headerKeyParameter, identifier));
  return named.length > 0 ? { kind: 'keys', keys: named } : legacyKey(provider, identifier);
}

/** Thumbprints name certificates (RFC 7515 §4.1.7 and §4.1.8); whatever else the member is called, it means `kid`. */
function isNamed(key: Key, parameter: string, identifier: string): boolean {
  if (parameter === 'x5t' && key.x5t === identifier) return true;
  if (parameter === 'x5t#S256' && key.x5tS256 === identifier) return true;
  return key.kid === identifier;
}

function legacyKey({ keys = {} }: IdentityProvider, identifier: string): ForeignKeys | null {
  const pem = Object.hasOwn(keys, identifier) ? keys[identifier] : undefined;
  return pem === undefined ? null : { kind: 'pem', pem };
}

function keySetKeys({ jwksUri }: IdentityProvider, identifier: string): ForeignKeys | null {
  return typeof jwksUri === 'string' ? { kind: 'keySet', url: jwksUri, kid: identifier } : null;
}
