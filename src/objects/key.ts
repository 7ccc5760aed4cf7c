/** A key of the token service: signs tokens, or only verifies foreign ones. */
import { z } from 'zod';
import { ALGORITHMS, type Algorithm } from '../core/realm.ts';
import { name, type Stored, uuid } from './values.ts';

const EDWARDS_CURVE = 'Ed25519';

/**
 * What a key can be used with: one key, one algorithm (RFC 8725 §3.1). JWS has one name for both Edwards curves (RFC
 * 8037 §3.1); keys name theirs.
 */
export type KeyAlgorithm = Exclude<Algorithm, 'EdDSA'> | typeof EDWARDS_CURVE;

export function keyAlgorithm(algorithm: Algorithm): KeyAlgorithm {
  return algorithm === 'EdDSA' ? EDWARDS_CURVE : algorithm;
}

/** The `alg` of what the key signs. */
export function jwsAlgorithm(algorithm: KeyAlgorithm): Algorithm {
  return algorithm === EDWARDS_CURVE ? 'EdDSA' : algorithm;
}

export const KEY_ALGORITHMS: readonly KeyAlgorithm[] = ALGORITHMS.map(keyAlgorithm);

const KEY_TYPES = ['RSA', 'EC', 'OKP', 'HMAC'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

/** PEM texts and secrets. An RSA key of 8192 bits is under 7 KiB. */
const PEM_MAX_CHARS = 16 * 1024;
const pem = () => z.string().min(1).max(PEM_MAX_CHARS);

const named = {
  id: uuid().optional(),
  name: name().meta({ description: 'Unique among keys.' }),
  kid: name().optional().meta({ description: '`kid` of the tokens. Made from the key where absent.' }),
  algorithm: z.enum(KEY_ALGORITHMS).optional(),
};

/** `POST /api/key/generate`. */
export const generateKeySchema = z.strictObject({
  ...named,
  algorithm: z.enum(KEY_ALGORITHMS),
  length: z.int().optional().meta({
    description: 'RSA: 2048, 3072 or 4096 bits. Others have the one that goes with the algorithm.',
  }),
});

/** `POST /api/key/import`. A private key signs; a public key or certificate only verifies; a secret serves HS algorithms. */
export const importKeySchema = z.strictObject({
  ...named,
  privateKey: pem().optional(),
  publicKey: pem().optional(),
  certificate: pem().optional(),
  secret: pem().optional().meta({ description: 'For HMAC: the text whose bytes are the key.' }),
  type: z.enum(KEY_TYPES).optional().meta({ description: 'Where given, the key must be of it.' }),
});

/** `PUT /api/key/{id}`: everything else of a key is fixed. */
export const updateKeySchema = z.strictObject({ name: name() });

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
  /** Ids of the tenants whose access tokens it was made to sign, also where another key does now. Absent: of none. */
  readonly signedFor?: readonly string[];
}>;
