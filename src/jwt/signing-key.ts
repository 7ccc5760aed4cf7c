/** Keys that sign assertions: made, or read from PEM, and held to the same policy as keys that verify. */
import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint } from 'jose';
import type { JsonObject } from '../core/json.ts';
import { ALGORITHMS, type Algorithm, SECRET_BYTES_MIN } from '../core/realm.ts';
import { algorithmsOfPublicKey, KeyPolicyError } from './jwk-policy.ts';
import { requireNoPublicKey, requireStrongSecret } from './secret-policy.ts';
import { type CertificateNames, certificateNames } from './wso2.ts';

/** `next`: published, does not sign yet. `retired`: published until the last assertion it signed is dead. */
export type KeyState = 'next' | 'active' | 'retired';

export interface SigningKey {
  /** The `kid` of what it signs. */
  readonly id: string;
  readonly algorithm: Algorithm;
  readonly privateKey: KeyObject;
  /** With `kid`, `alg` and `use`; null for secrets, which are never published. */
  readonly publicJwk: JsonObject | null;
  readonly certificate: CertificateNames | null;
  readonly state: KeyState;
}

/** A key as an operator gives it. */
export interface GivenKey {
  readonly id: string;
  /** Private key in PEM (PKCS#8, PKCS#1 or SEC 1); for HS algorithms the secret itself. */
  readonly privateKey: string;
  readonly certificatePem: string | null;
  readonly state: KeyState;
}

/** Which of them may sign assertions is for the configuration to say. @throws KeyPolicyError for no JWS algorithm */
export function signingAlgorithm(name: string): Algorithm {
  const algorithm = ALGORITHMS.find((known) => known === name);
  if (algorithm === undefined) throw new KeyPolicyError(`${name} is no algorithm of a signature`);
  return algorithm;
}

export function isSecretAlgorithm(algorithm: Algorithm): boolean {
  return algorithm.startsWith('HS');
}

/**
 * The algorithm of a given key is the first wanted one that fits it: one key, one algorithm (RFC 8725 §3.1).
 *
 * @throws KeyPolicyError for unreadable and weak keys, a key that fits no algorithm, a certificate of another key
 */
export function importGivenKey(given: GivenKey, wanted: readonly Algorithm[]): SigningKey {
  const { id, privateKey: text } = given;
  if (!text.includes('-----BEGIN')) return importSecret(given, wanted);
  const privateKey = attempt(() => createPrivateKey(text), `Key ${id} is no private key in PEM`);
  const possible = algorithmsOfPublicKey(createPublicKey(privateKey));
  const algorithm = wanted.find((one) => possible.includes(one)) ?? possible[0];
  if (algorithm === undefined) throw new KeyPolicyError(`Key ${id} fits no signature algorithm`);
  return asymmetricKey({ ...given, algorithm }, privateKey);
}

function importSecret({ id, privateKey, state }: GivenKey, wanted: readonly Algorithm[]): SigningKey {
  const algorithm = wanted.find(isSecretAlgorithm);
  if (algorithm === undefined)
    throw new KeyPolicyError(`Key ${id} is no PEM; a plain secret serves HS algorithms only`);
  // Editors end files with a line feed that no one means as part of the secret.
  return secretKey({ id, algorithm, state }, Buffer.from(privateKey.replace(/\r?\n$/, '')));
}

/**
 * A key of the key directory.
 *
 * @throws KeyPolicyError
 */
export function importStoredKey(
  entry: Omit<GivenKey, 'certificatePem'> & { algorithm: Algorithm },
): SigningKey {
  if (isSecretAlgorithm(entry.algorithm)) return secretKey(entry, Buffer.from(entry.privateKey, 'base64url'));
  const privateKey = attempt(
    () => createPrivateKey(entry.privateKey),
    `Key ${entry.id} is no private key in PEM`,
  );
  return asymmetricKey({ ...entry, certificatePem: null }, privateKey);
}

interface KeyHead {
  readonly id: string;
  readonly algorithm: Algorithm;
  readonly state: KeyState;
}

function secretKey({ id, algorithm, state }: KeyHead, bytes: Buffer): SigningKey {
  requireNoPublicKey(bytes);
  requireStrongSecret(bytes, [algorithm], false);
  return { id, algorithm, state, privateKey: createSecretKey(bytes), publicJwk: null, certificate: null };
}

function asymmetricKey(head: KeyHead & { certificatePem: string | null }, privateKey: KeyObject): SigningKey {
  const { id, algorithm, state, certificatePem } = head;
  const publicKey = createPublicKey(privateKey);
  if (!algorithmsOfPublicKey(publicKey).includes(algorithm))
    throw new KeyPolicyError(`Key ${id} does not fit ${algorithm}`);
  return {
    id,
    algorithm,
    state,
    privateKey,
    publicJwk: publicJwkOf(publicKey, id, algorithm),
    certificate: certificatePem === null ? null : namesOfCertificate(certificatePem, id, privateKey),
  };
}

/** Public members only: the export is of a public KeyObject, which holds no others. */
function publicJwkOf(publicKey: KeyObject, kid: string, alg: Algorithm): JsonObject {
  const { kty = '', ...rest } = publicKey.export({ format: 'jwk' });
  const members = Object.entries(rest).filter((entry) => typeof entry[1] === 'string');
  return { kty, use: 'sig', kid, alg, ...Object.fromEntries(members) };
}

function namesOfCertificate(pem: string, id: string, privateKey: KeyObject): CertificateNames {
  const certificate = attempt(() => new X509Certificate(pem), `Certificate of key ${id} cannot be read`);
  if (!certificate.checkPrivateKey(privateKey))
    throw new KeyPolicyError(`Certificate of key ${id} belongs to another key`);
  return certificateNames(certificate);
}

function attempt<T>(read: () => T, message: string): T {
  try {
    return read();
  } catch {
    // The cause is left out: what OpenSSL says may quote what it was given.
    throw new KeyPolicyError(message);
  }
}

/** A new key as it is stored: its id, and PKCS#8 PEM, or base64url for secrets. */
export interface GeneratedKey {
  readonly id: string;
  readonly text: string;
}

const SECRET_ID_BYTES = 16;
/**
 * NIST SP 800-57 accepts 2048 bits through 2030; 3072 cost a signature three times as much. These keys are replaced
 * by `countersign keys rotate`, and what they sign lives for minutes.
 */
export const RSA_MODULUS_BITS = 2048;
const CURVES: ReadonlyMap<Algorithm, string> = new Map([
  ['ES256', 'P-256'],
  ['ES384', 'P-384'],
  ['ES512', 'P-521'],
]);

const generatePair = promisify(generateKeyPair);

/**
 * Off the event loop. The id is the RFC 7638 thumbprint; random for secrets, so that it tells nothing about them. It
 * begins with no hyphen: operators write it on command lines, where that would be an option.
 */
export async function generateSigningKey(algorithm: Algorithm): Promise<GeneratedKey> {
  for (;;) {
    const made = await makeKeyMaterial(algorithm);
    if (!made.id.startsWith('-')) return made;
  }
}

async function makeKeyMaterial(algorithm: Algorithm): Promise<GeneratedKey> {
  const secretBytes = SECRET_BYTES_MIN.get(algorithm);
  if (secretBytes !== undefined) {
    const id = randomBytes(SECRET_ID_BYTES).toString('base64url');
    return { id, text: randomBytes(secretBytes).toString('base64url') };
  }
  const { privateKey, publicKey } = await newPair(algorithm);
  const id = await calculateJwkThumbprint(publicKey);
  return { id, text: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() };
}

/** A new pair for an asymmetric algorithm, off the event loop. */
export function newPair(
  algorithm: Algorithm,
  rsaBits = RSA_MODULUS_BITS,
): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  const namedCurve = CURVES.get(algorithm);
  if (namedCurve !== undefined) return generatePair('ec', { namedCurve });
  if (algorithm === 'EdDSA') return generatePair('ed25519');
  return generatePair('rsa', { modulusLength: rsaBits });
}
