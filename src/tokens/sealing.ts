/** Secrets as the database holds them: sealed with AES-256-GCM under a key made from the master key, looked up by HMAC. */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { MASTER_KEY_BYTES_MIN } from '../core/master-key.ts';
import type { Sealer, Unsealed } from './ports.ts';
import { secureBytes } from './secure-bytes.ts';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
/** NIST SP 800-38D §8.2.2: a random nonce of 96 bits serves 2^32 values of one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** 64 bits tell a handful of keys apart. */
const ID_CHARS = 16;
/** Names the algorithm and the layout: nonce, tag, ciphertext. */
const VERSION = 'v1.';

/**
 * One master key, many keys: what one of them does tells nothing of the others (RFC 5869). A KeyObject: of bytes,
 * node:crypto takes 10 µs at each use to see that they are none.
 */
function derive(masterKey: Uint8Array, use: string): KeyObject {
  return createSecretKey(new Uint8Array(hkdfSync('sha256', masterKey, '', `countersign ${use}`, KEY_BYTES)));
}

interface MasterKey {
  readonly id: string;
  readonly sealing: KeyObject;
}

/** @throws RangeError */
function masterKeyOf(bytes: Uint8Array): MasterKey {
  if (bytes.byteLength < MASTER_KEY_BYTES_MIN)
    throw new RangeError(
      `The master key has ${bytes.byteLength} bytes; it needs ${MASTER_KEY_BYTES_MIN} or more`,
    );
  const id = derive(bytes, 'master key id').export().toString('hex').slice(0, ID_CHARS);
  return { id, sealing: derive(bytes, 'sealing') };
}

/** The look-up key of a store that has none of its own yet: versions before made all look-ups with it. Base64url. */
export function lookupKeyFrom(masterKey: Uint8Array): string {
  return derive(masterKey, 'look-up').export().toString('base64url');
}

function seal(key: KeyObject, plaintext: string, context: string): string {
  const nonce = secureBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(VERSION + context));
  const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
  return VERSION + Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString('base64url');
}

/** Null: not sealed with this key, or not as it was. */
function open(key: KeyObject, sealed: Buffer, context: string): string | null {
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(VERSION + context));
  decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const plaintext = decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([plaintext, decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}

/** The bytes after the version, only of the one spelling that `seal` writes; null: of another. */
function sealedBytes(sealed: string): Buffer | null {
  const encoded = sealed.slice(VERSION.length);
  const bytes = Buffer.from(encoded, 'base64url');
  const isOurs = sealed.startsWith(VERSION) && bytes.toString('base64url') === encoded;
  return isOurs && bytes.length >= NONCE_BYTES + TAG_BYTES ? bytes : null;
}

function unseal(keys: readonly MasterKey[], bytes: Buffer, context: string): Unsealed | null {
  for (const { id, sealing } of keys) {
    const plaintext = open(sealing, bytes, context);
    if (plaintext !== null) return { plaintext, keyId: id };
  }
  return null;
}

/**
 * `masterKey` seals; `previousMasterKeys` open what they sealed. Look-ups are made with a key of their own, which the
 * store keeps sealed (`joinMasterKeys`): they stay the same whatever master key comes next.
 *
 * @param lookupKey base64url
 * @throws RangeError for a master key of fewer than 32 bytes
 */
export function createSealer(
  masterKey: Uint8Array,
  previousMasterKeys: readonly Uint8Array[] = [],
  lookupKey: string = lookupKeyFrom(masterKey),
): Sealer {
  const current = masterKeyOf(masterKey);
  const previous = previousMasterKeys.map(masterKeyOf).filter(({ id }) => id !== current.id);
  const keys = [current, ...previous];
  const lookups = createSecretKey(Buffer.from(lookupKey, 'base64url'));
  return {
    keyId: current.id,
    previousKeyIds: previous.map(({ id }) => id),
    seal: (plaintext, context) => seal(current.sealing, plaintext, context),
    unseal(sealed, context) {
      const bytes = sealedBytes(sealed);
      return bytes === null ? null : unseal(keys, bytes, context);
    },
    open(sealed, context) {
      const bytes = sealedBytes(sealed);
      if (bytes === null) throw new Error('This is no sealed value');
      const unsealed = unseal(keys, bytes, context);
      if (unsealed !== null) return unsealed.plaintext;
      throw new Error('A sealed value does not open: altered, moved, or sealed under another master key');
    },
    // The length of the purpose ends it: no other purpose and value give the same bytes.
    lookup: (value, purpose) =>
      createHmac('sha256', lookups).update(`${purpose.length}:${purpose}${value}`).digest('base64url'),
  };
}
