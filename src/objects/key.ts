/** A key of the token service: signs tokens, or only verifies foreign ones. */
import { z } from 'zod';
import { type Stored, text, uuid } from './values.ts';

/** What a key can be used with: one key, one algorithm (RFC 8725 §3.1). */
export const KEY_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'Ed25519',
  'HS256',
  'HS384',
  'HS512',
] as const;

export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];
export type KeyType = 'RSA' | 'EC' | 'OKP' | 'HMAC';

/** PEM texts and secrets. An RSA key of 8192 bits is under 7 KiB. */
const PEM_MAX_CHARS = 16 * 1024;
const pem = () => z.string().min(1).max(PEM_MAX_CHARS);

const named = {
  id: uuid().optional(),
  name: text().meta({ description: 'Unique among keys.' }),
  kid: text().optional().meta({ description: '`kid` of the tokens. Made from the key where absent.' }),
  algorithm: z.enum(KEY_ALGORITHMS).optional(),
};

/** `POST /api/key/generate`. */
export const generateKeySchema = z.strictObject({
  ...named,
  algorithm: z.enum(KEY_ALGORITHMS),
  length: z.int().optional().meta({ description: 'RSA: 2048, 3072 or 4096 bits.' }),
  issuer: text().optional(),
});

/** `POST /api/key/import`. A private key signs; a public key or certificate only verifies; a secret serves HS algorithms. */
export const importKeySchema = z.strictObject({
  ...named,
  privateKey: pem().optional(),
  publicKey: pem().optional(),
  certificate: pem().optional(),
  secret: pem().optional().meta({ description: 'For HMAC: the text whose bytes are the key.' }),
  type: z.enum(['RSA', 'EC', 'OKP', 'HMAC']).optional(),
});

/** `PUT /api/key/{id}`: everything else of a key is fixed. */
export const updateKeySchema = z.strictObject({ name: text() });

/** As stored. What signs is sealed; what verifies is public. */
export type Key = Stored<{
  readonly name: string;
  readonly kid: string;
  readonly algorithm: KeyAlgorithm;
  readonly type: KeyType;
  /** Bits; null for OKP. */
  readonly length: number | null;
  /** SPKI PEM; null for secrets. */
  readonly publicKey: string | null;
  readonly certificate: string | null;
  /** Base64url of the certificate's SHA-1 and SHA-256 (RFC 7515 §4.1.7, §4.1.8). */
  readonly x5t: string | null;
  readonly x5tS256: string | null;
  /** False: verifies only. */
  readonly hasPrivateKey: boolean;
  /** PKCS#8 PEM or secret text, sealed under the master key; null: verifies only. */
  readonly sealedPrivateKey: string | null;
}>;
