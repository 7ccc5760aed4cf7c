/** Secrets as the database holds them: sealed with AES-256-GCM, looked up by HMAC, under keys made from the master key. */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { MASTER_KEY_BYTES_MIN } from '../core/master-key.ts';
import type { Sealer } from './ports.ts';
import { secureBytes } from './secure-bytes.ts';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
/** NIST SP 800-38D §8.2.2: a random nonce of 96 bits serves 2^32 values of one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Names the algorithm and the layout: nonce, tag, ciphertext. */
const VERSION = 'v1.';

/**
 * One master key, many keys: what one of them does tells nothing of the others (RFC 5869). A KeyObject: of bytes,
 * node:crypto takes 10 µs at each use to see that they are none.
 */
function derive(masterKey: Uint8Array, use: string): KeyObject {
  return createSecretKey(new Uint8Array(hkdfSync('sha256', masterKey, '', `countersign ${use}`, KEY_BYTES)));
}

function sealingKey(masterKey: Uint8Array): KeyObject {
  if (masterKey.byteLength < MASTER_KEY_BYTES_MIN)
    throw new RangeError(
      `The master key has ${masterKey.byteLength} bytes; it needs ${MASTER_KEY_BYTES_MIN} or more`,
    );
  return derive(masterKey, 'sealing');
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

/** The bytes after the version, only of the one spelling that `seal` writes. */
function sealedBytes(sealed: string): Buffer {
  const encoded = sealed.slice(VERSION.length);
  const bytes = Buffer.from(encoded, 'base64url');
  const isOurs = sealed.startsWith(VERSION) && bytes.toString('base64url') === encoded;
  if (!isOurs || bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error('This is no sealed value');
  return bytes;
}

/**
 * `previousMasterKeys` open what they sealed; only `masterKey` seals and looks up: what was looked up under another
 * one is not found again, so that a change of master key ends the sessions that it began.
 *
 * @throws RangeError for a master key of fewer than 32 bytes
 */
export function createSealer(masterKey: Uint8Array, previousMasterKeys: readonly Uint8Array[] = []): Sealer {
  const keys = [masterKey, ...previousMasterKeys].map(sealingKey);
  const [current = sealingKey(masterKey)] = keys;
  const lookupKey = derive(masterKey, 'look-up');
  return {
    seal: (plaintext, context) => seal(current, plaintext, context),
    open(sealed, context) {
      const bytes = sealedBytes(sealed);
      for (const key of keys) {
        const plaintext = open(key, bytes, context);
        if (plaintext !== null) return plaintext;
      }
      throw new Error('A sealed value does not open: altered, moved, or sealed under another master key');
    },
    // The length of the purpose ends it: no other purpose and value give the same bytes.
    lookup: (value, purpose) =>
      createHmac('sha256', lookupKey).update(`${purpose.length}:${purpose}${value}`).digest('base64url'),
  };
}
