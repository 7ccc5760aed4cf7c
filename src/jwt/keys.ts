/** From the forms in which keys are given (secret, PEM, certificate, JWK) to keys that passed the policy. */
import { createHash, createPublicKey, createSecretKey, type KeyObject, X509Certificate } from 'node:crypto';
import { type Json, type JsonObject, member } from '../core/json.ts';
import type { Algorithm } from '../core/realm.ts';
import {
  algorithmsOfJwk,
  algorithmsOfPublicKey,
  KeyPolicyError,
  narrowAlgorithms,
  requirePublicJwk,
  requireVerificationUse,
} from './jwk-policy.ts';
import { requireNoPublicKey, requireStrongSecret, SECRET_ALGORITHMS } from './secret-policy.ts';
import type { VerificationKey } from './verification-key.ts';

export interface KeyOptions {
  readonly kid: string | null;
  /** Null: all that the key can serve; HS256 alone for a secret. */
  readonly algorithms: readonly Algorithm[] | null;
}

export interface SecretOptions extends KeyOptions {
  /** Accepts secrets shorter than RFC 7518 §3.2 asks, and published examples. */
  readonly allowWeakSecret: boolean;
}

export interface JwkOptions {
  /** Null or absent: all that the JWK allows. */
  readonly algorithms?: readonly Algorithm[] | null;
  /** Symmetric keys are accepted. Only for a JWK that stands in the configuration. */
  readonly allowOct?: boolean;
  readonly allowWeakSecret?: boolean;
}

/** @throws KeyPolicyError where the secret is too short, well known, or a public key (CVE-2023-48223). */
export function importSecret(bytes: Uint8Array, options: SecretOptions): VerificationKey {
  requireNoPublicKey(bytes);
  const algorithms = narrowAlgorithms(SECRET_ALGORITHMS, options.algorithms ?? ['HS256']);
  requireStrongSecret(bytes, algorithms, options.allowWeakSecret);
  return verificationKey(createSecretKey(bytes), options.kid, algorithms);
}

/** What holds a public key; matched against the label of the PEM block (RFC 7468 §4). */
const PUBLIC_LABELS: ReadonlySet<string> = new Set(['PUBLIC KEY', 'RSA PUBLIC KEY', 'CERTIFICATE']);

/**
 * One public key or X.509 certificate in PEM.
 *
 * @throws KeyPolicyError
 */
export function importPem(text: string, options: KeyOptions): VerificationKey {
  const labels = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)].map(([, label = '']) => label);
  if (labels.some((label) => label.endsWith('PRIVATE KEY')))
    throw new KeyPolicyError('PEM holds a private key: give its public key or certificate');
  const [label] = labels;
  if (label === undefined || labels.length > 1)
    throw new KeyPolicyError(`PEM must hold one block, it holds ${labels.length}`);
  if (!PUBLIC_LABELS.has(label)) throw new KeyPolicyError(`PEM block ${label} is no key or certificate`);
  const key = attempt(() => createPublicKey(text), 'PEM block cannot be read');
  return verificationKey(key, options.kid, narrowAlgorithms(algorithmsOfPublicKey(key), options.algorithms));
}

/**
 * A public JWK (RFC 7517); a symmetric one only with `allowOct`.
 *
 * @throws KeyPolicyError
 */
export function importJwk(jwk: JsonObject, options: JwkOptions = {}): VerificationKey {
  const kid = kidOf(jwk);
  requireVerificationUse(jwk);
  if (member(jwk, 'kty') === 'oct') return importOct(jwk, kid, options);
  requirePublicJwk(jwk);
  const key = publicKeyOf(jwk);
  requireMatchingCertificate(jwk, key);
  const algorithms = algorithmsOfJwk(jwk, algorithmsOfPublicKey(key));
  return verificationKey(key, kid, narrowAlgorithms(algorithms, options.algorithms ?? null));
}

/** Longest `kid`: the envelope refuses tokens with a longer one. */
export const KID_CHARACTERS_MAX = 256;

function kidOf(jwk: JsonObject): string | null {
  const kid = member(jwk, 'kid');
  if (kid === undefined) return null;
  if (typeof kid === 'string' && kid !== '' && kid.length <= KID_CHARACTERS_MAX) return kid;
  throw new KeyPolicyError(`kid must be a string of 1 to ${KID_CHARACTERS_MAX} characters`);
}

function importOct(jwk: JsonObject, kid: string | null, options: JwkOptions): VerificationKey {
  if (options.allowOct !== true) throw new KeyPolicyError('Symmetric keys are not accepted here');
  const bytes = Buffer.from(base64urlMember(jwk, 'k'), 'base64url');
  const configured = options.algorithms ?? null;
  const isBound = member(jwk, 'alg') !== undefined;
  const algorithms = isBound
    ? narrowAlgorithms(algorithmsOfJwk(jwk, SECRET_ALGORITHMS), configured)
    : configured;
  return importSecret(bytes, { kid, algorithms, allowWeakSecret: options.allowWeakSecret ?? false });
}

/** The members that make the key (RFC 7638 §3.2), in the order of its thumbprint. */
const KEY_MEMBERS: ReadonlyMap<Json | undefined, readonly string[]> = new Map([
  ['EC', ['crv', 'kty', 'x', 'y']],
  ['RSA', ['e', 'kty', 'n']],
  ['OKP', ['crv', 'kty', 'x']],
  ['oct', ['k', 'kty']],
]);

function publicKeyOf(jwk: JsonObject): KeyObject {
  const kty = member(jwk, 'kty');
  const names = KEY_MEMBERS.get(kty);
  if (names === undefined) throw new KeyPolicyError('kty must be RSA, EC or OKP');
  const own = Object.fromEntries(names.map((name) => [name, base64urlMember(jwk, name)]));
  const key = attempt(() => createPublicKey({ key: own, format: 'jwk' }), `${kty} key cannot be read`);
  // Coordinates have one spelling, of fixed length (RFC 7518 §6.2.1.2); OpenSSL would take others.
  const read: Record<string, unknown> = { ...key.export({ format: 'jwk' }) };
  if (kty !== 'RSA' && names.some((name) => read[name] !== own[name]))
    throw new KeyPolicyError('Coordinate has not the length of its curve');
  return key;
}

/** A member in canonical base64url; `crv` and `kty` happen to be of that alphabet and are compared by OpenSSL. */
function base64urlMember(jwk: JsonObject, name: string): string {
  const value = member(jwk, name);
  if (typeof value !== 'string' || value === '') throw new KeyPolicyError(`${name} is missing`);
  const isName = name === 'crv' || name === 'kty';
  if (!isName && Buffer.from(value, 'base64url').toString('base64url') !== value)
    throw new KeyPolicyError(`${name} is not base64url (RFC 7515 §2)`);
  return value;
}

/** RFC 7517 §4.7: the first certificate of `x5c` must hold the same key. It is not otherwise trusted or read. */
function requireMatchingCertificate(jwk: JsonObject, key: KeyObject): void {
  const chain = member(jwk, 'x5c');
  if (chain === undefined) return;
  const first: Json | undefined = Array.isArray(chain) ? chain[0] : undefined;
  if (typeof first !== 'string') throw new KeyPolicyError('x5c is no list of certificates');
  const certificate = attempt(
    () => new X509Certificate(Buffer.from(first, 'base64')),
    'x5c holds no certificate',
  );
  if (!certificate.publicKey.equals(key)) throw new KeyPolicyError('x5c holds another key');
}

function verificationKey(
  key: KeyObject,
  kid: string | null,
  algorithms: readonly Algorithm[],
): VerificationKey {
  return { kid, algorithms, key, thumbprint: thumbprintOf(key) };
}

/** RFC 7638, SHA-256, base64url. */
function thumbprintOf(key: KeyObject): string {
  const jwk: Record<string, unknown> = attempt(() => ({ ...key.export({ format: 'jwk' }) }), 'Key is no JWK');
  const names = KEY_MEMBERS.get(typeof jwk['kty'] === 'string' ? jwk['kty'] : undefined) ?? [];
  const text = JSON.stringify(Object.fromEntries(names.map((name) => [name, jwk[name]])));
  return createHash('sha256').update(text).digest('base64url');
}

function attempt<T>(read: () => T, message: string): T {
  try {
    return read();
  } catch (cause) {
    throw new KeyPolicyError(message, { cause });
  }
}
