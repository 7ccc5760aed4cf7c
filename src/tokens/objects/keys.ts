/** Use cases: keys of the token service. Private halves are sealed before they reach the store. */
import type { Key, KeyAlgorithm, KeyType } from '../../objects/key.ts';
import { badField, badRequest } from '../failure.ts';
import type { GivenKey, KeyMaterial, Sealer } from '../ports.ts';
import type { Scope, TokenService } from '../service.ts';
import type { UniqueName } from '../store.ts';
import {
  deleteObject,
  insertObject,
  newStamps,
  nextStamps,
  readObject,
  updateObject,
} from './catalog-object.ts';
import { isKeyUsed } from './key-uses.ts';

export interface GenerateKey {
  readonly name: string;
  readonly algorithm: KeyAlgorithm;
  readonly kid?: string | undefined;
  /** Bits; RSA only. */
  readonly length?: number | undefined;
}

export interface ImportKey extends GivenKey {
  readonly name: string;
  readonly kid?: string | undefined;
  readonly algorithm?: KeyAlgorithm | undefined;
  readonly type?: KeyType | undefined;
}

export function keyNames({
  name,
  kid,
  hasPrivateKey,
}: Pick<Key, 'name' | 'kid' | 'hasPrivateKey'>): readonly UniqueName[] {
  const names = [{ what: 'key.name', value: name }];
  // Keys of foreign issuers may share a kid: each provider has its own list. Ours are published in one set.
  return hasPrivateKey ? [...names, { what: 'key.kid', value: kid }] : names;
}

/** Binds sealed key material to its key. */
export function keyContext(id: string): string {
  return `key.privateKey ${id}`;
}

/** @throws ServiceError 400 */
export async function generateKey(
  service: TokenService,
  id: string | undefined,
  { name, algorithm, kid, length }: GenerateKey,
): Promise<Key> {
  // Only RSA is made in several sizes, and in no others than are asked for.
  const material = await service.keys.generate(algorithm, typeOf(algorithm) === 'RSA' ? length : undefined);
  if (length !== undefined && length !== material.bits)
    throw badField('key.length', 'invalid', `A key for ${algorithm} has no such length`);
  return await insertKey(service, id, { name, kid }, material);
}

/** @throws ServiceError 400 */
export async function importKey(
  service: TokenService,
  id: string | undefined,
  { name, kid, algorithm, type, ...given }: ImportKey,
): Promise<Key> {
  const material = await service.keys.read(given, algorithm);
  if (type !== undefined && type !== typeOf(material.algorithm))
    throw badField('key.type', 'invalid', `The key is of type ${typeOf(material.algorithm)}`);
  return await insertKey(service, id, { name, kid }, material);
}

async function insertKey(
  service: TokenService,
  id: string | undefined,
  named: { readonly name: string; readonly kid: string | undefined },
  material: KeyMaterial,
): Promise<Key> {
  const stamps = newStamps(service, id);
  const key = { ...keyBody(service.sealer, stamps.id, named, material), ...stamps };
  return await insertObject(service, 'keys', key, keyNames(key));
}

/** What is stored of a key. */
export function keyBody(
  sealer: Sealer,
  id: string,
  { name, kid }: { readonly name: string; readonly kid?: string | undefined },
  material: KeyMaterial,
) {
  const { algorithm, bits, publicKey, privateKey, certificate, x5t, x5tS256 } = material;
  return {
    name,
    kid: kid ?? material.kid,
    algorithm,
    type: typeOf(algorithm),
    length: bits,
    publicKey,
    certificate,
    x5t,
    x5tS256,
    hasPrivateKey: privateKey !== null,
    sealedPrivateKey: privateKey === null ? null : sealer.seal(privateKey, keyContext(id)),
  };
}

function typeOf(algorithm: KeyAlgorithm): KeyType {
  if (algorithm.startsWith('HS')) return 'HMAC';
  if (algorithm.startsWith('ES')) return 'EC';
  return algorithm === 'Ed25519' ? 'OKP' : 'RSA';
}

/** @throws ServiceError 400, 404 */
export async function renameKey(service: TokenService, id: string, name: string, scope: Scope): Promise<Key> {
  const old = readObject(service, 'keys', id, scope);
  const key = { ...old, name, ...nextStamps(service, old) };
  return await updateObject(service, 'keys', key, keyNames(key));
}

/** @throws ServiceError 400 while something uses it; 404 */
export async function deleteKey(service: TokenService, id: string, scope: Scope): Promise<void> {
  const key = readObject(service, 'keys', id, scope);
  await deleteObject(service, 'keys', key, (_, catalog) => {
    if (isKeyUsed(catalog, id))
      throw badRequest('[inUse]key', 'Something uses the key; give that another key first');
  });
}
