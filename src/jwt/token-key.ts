/** Keys of the token service as text: made here, or read from what an operator sends, under the same policy as all keys. */
import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { type Algorithm, SECRET_BYTES_MIN } from '../core/realm.ts';
import { algorithmsOfPublicKey, KeyPolicyError, narrowAlgorithms } from './jwk-policy.ts';
import { requireNoPublicKey, requireStrongSecret, SECRET_ALGORITHMS } from './secret-policy.ts';
import { newPair, RSA_MODULUS_BITS } from './signing-key.ts';

export interface TokenKey {
  readonly algorithm: Algorithm;
  /** RFC 7638 thumbprint; random for secrets, so that it tells nothing about them. */
  readonly kid: string;
  /** Modulus or curve or secret, in bits; null for Ed25519. */
  readonly bits: number | null;
  /** SPKI PEM; null for secrets. */
  readonly publicKey: string | null;
  /** PKCS#8 PEM, or the secret's text; null: verifies only. */
  readonly privateKey: string | null;
  readonly certificate: string | null;
  /** RFC 7515 §4.1.7 and §4.1.8; null without certificate. */
  readonly x5t: string | null;
  readonly x5tS256: string | null;
}

/** What an operator sends: exactly one of the four. */
export interface GivenTokenKey {
  readonly privateKey?: string | undefined;
  readonly publicKey?: string | undefined;
  readonly certificate?: string | undefined;
  /** Its UTF-8 bytes are the key. */
  readonly secret?: string | undefined;
}

const SECRET_KID_BYTES = 16;
const BITS_PER_BYTE = 8;
/** Sizes that `generate` makes. Others work nowhere better, and larger ones stall every signature. */
const RSA_BITS: readonly number[] = [RSA_MODULUS_BITS, 3072, 4096];

/** Off the event loop. @throws KeyPolicyError for a length that is not made here */
export async function generateTokenKey(algorithm: Algorithm, rsaBits = RSA_MODULUS_BITS): Promise<TokenKey> {
  const secretBytes = SECRET_BYTES_MIN.get(algorithm);
  if (secretBytes !== undefined) return secretKey(randomBytes(secretBytes).toString('base64url'), algorithm);
  if (!RSA_BITS.includes(rsaBits)) throw new KeyPolicyError(`length must be one of ${RSA_BITS.join(', ')}`);
  const { privateKey } = await newPair(algorithm, rsaBits);
  return await pairKey(privateKey, algorithm);
}

/** `algorithm`: where absent, the first that the key serves. @throws KeyPolicyError; its message holds no key material */
export async function readTokenKey(given: GivenTokenKey, algorithm?: Algorithm): Promise<TokenKey> {
  const { privateKey, publicKey, certificate, secret } = given;
  if (Object.values(given).filter((text) => text !== undefined).length !== 1)
    throw new KeyPolicyError('Exactly one of privateKey, publicKey, certificate and secret is needed');
  if (secret !== undefined) return secretKey(secret, algorithm ?? 'HS256');
  if (privateKey !== undefined) return await pairKey(readPem(createPrivateKey, privateKey), algorithm);
  if (publicKey !== undefined) return await publicKeyOf(readPublicKey(publicKey), algorithm, null);
  const read = readPem((text) => new X509Certificate(text), certificate ?? '');
  return await publicKeyOf(read.publicKey, algorithm, read);
}

function secretKey(secret: string, algorithm: Algorithm): TokenKey {
  const bytes = Buffer.from(secret, 'utf8');
  if (!SECRET_ALGORITHMS.includes(algorithm)) throw new KeyPolicyError(`A secret cannot serve ${algorithm}`);
  requireNoPublicKey(bytes);
  requireStrongSecret(bytes, [algorithm], false);
  return {
    ...NO_CERTIFICATE,
    algorithm,
    kid: randomBytes(SECRET_KID_BYTES).toString('hex'),
    bits: bytes.length * BITS_PER_BYTE,
    publicKey: null,
    privateKey: secret,
  };
}

async function pairKey(privateKey: KeyObject, algorithm?: Algorithm): Promise<TokenKey> {
  const half = await publicKeyOf(createPublicKey(privateKey), algorithm, null);
  return { ...half, privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() };
}

const NO_CERTIFICATE = { certificate: null, x5t: null, x5tS256: null };

async function publicKeyOf(
  key: KeyObject,
  wanted: Algorithm | undefined,
  certificate: X509Certificate | null,
): Promise<TokenKey> {
  const [algorithm] = narrowAlgorithms(algorithmsOfPublicKey(key), wanted === undefined ? null : [wanted]);
  if (algorithm === undefined) throw new KeyPolicyError('The key fits no signature algorithm');
  return {
    ...(certificate === null ? NO_CERTIFICATE : certificateOf(certificate)),
    algorithm,
    kid: await calculateJwkThumbprint(key),
    bits: bitsOf(key),
    publicKey: key.export({ format: 'pem', type: 'spki' }).toString(),
    privateKey: null,
  };
}

function certificateOf(certificate: X509Certificate) {
  const digest = (hex: string) => Buffer.from(hex.replaceAll(':', ''), 'hex').toString('base64url');
  return {
    certificate: certificate.toString(),
    x5t: digest(certificate.fingerprint),
    x5tS256: digest(certificate.fingerprint256),
  };
}

const CURVE_BITS: ReadonlyMap<string, number> = new Map([
  ['prime256v1', 256],
  ['secp384r1', 384],
  ['secp521r1', 521],
]);

function bitsOf({ asymmetricKeyDetails: details }: KeyObject): number | null {
  return details?.modulusLength ?? CURVE_BITS.get(details?.namedCurve ?? '') ?? null;
}

/** Public only: a private key in this place was pasted by mistake, and must not be kept as if it were public. */
function readPublicKey(text: string): KeyObject {
  if (text.includes('PRIVATE KEY')) throw new KeyPolicyError('publicKey holds a private key');
  return readPem(createPublicKey, text);
}

function readPem<T>(read: (text: string) => T, text: string): T {
  try {
    return read(text);
  } catch {
    // The cause is left out: what OpenSSL says may quote what it was given.
    throw new KeyPolicyError('The text is no PEM of this kind');
  }
}
