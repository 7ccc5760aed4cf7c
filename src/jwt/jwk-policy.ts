/** Which keys may check signatures at all, and with which algorithms: strength, curve, and what a JWK says it is for. */
import type { KeyObject } from 'node:crypto';
import { type JsonObject, member } from '../core/json.ts';
import { ALGORITHMS, type Algorithm } from '../core/realm.ts';

/** A key that is not used. The message says why, for the operator, and holds no key material. */
export class KeyPolicyError extends Error {
  override readonly name = 'KeyPolicyError';
}

/** NIST SP 800-131A: shorter RSA keys are no longer acceptable. */
const RSA_MODULUS_BITS_MIN = 2048;
/** Larger ones cost a verification more than they add; a hostile set could stall the gateway with them. */
const RSA_MODULUS_BITS_MAX = 8192;
/** FIPS 186-5 §5.1: 2^16 < e. Small exponents have a history of padding forgeries, e = 1 signs nothing at all. */
const RSA_EXPONENT_MIN = 65_537n;
/** No issuer uses more than 32 bits; each further bit costs a squaring per verification. */
const RSA_EXPONENT_MAX = 2n ** 32n;

const RSA_ALGORITHMS: readonly Algorithm[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

/** RFC 7518 §3.4: one algorithm per curve. Keys are OpenSSL's names for P-256, P-384 and P-521. */
const EC_ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map([
  ['prime256v1', 'ES256'],
  ['secp384r1', 'ES384'],
  ['secp521r1', 'ES512'],
]);

/**
 * The algorithms that a sound public key can serve: all of its family for RSA, the one of its curve for EC.
 *
 * @throws KeyPolicyError for weak keys and for types that have no JWS algorithm here
 */
export function algorithmsOfPublicKey(key: KeyObject): readonly Algorithm[] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'rsa') {
    requireStrongRsa(key);
    return RSA_ALGORITHMS;
  }
  if (type === 'ec') return [algorithmOfCurve(details?.namedCurve ?? 'with explicit parameters')];
  if (type === 'ed25519') return ['EdDSA'];
  throw new KeyPolicyError(`Key type ${type} is not supported: use RSA, EC or Ed25519`);
}

function algorithmOfCurve(namedCurve: string): Algorithm {
  const algorithm = EC_ALGORITHMS.get(namedCurve);
  if (algorithm === undefined)
    throw new KeyPolicyError(`EC curve ${namedCurve} is not supported: use P-256, P-384 or P-521`);
  return algorithm;
}

function requireStrongRsa(key: KeyObject): void {
  const { modulusLength: bits = 0, publicExponent: exponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (bits < RSA_MODULUS_BITS_MIN || bits > RSA_MODULUS_BITS_MAX)
    throw new KeyPolicyError(
      `RSA modulus of ${bits} bits: ${RSA_MODULUS_BITS_MIN} to ${RSA_MODULUS_BITS_MAX} are allowed`,
    );
  if (exponent < RSA_EXPONENT_MIN || exponent > RSA_EXPONENT_MAX || exponent % 2n === 0n)
    throw new KeyPolicyError('RSA exponent must be odd and from 65537 to 2^32');
  if (hasRocaFingerprint(modulusOf(key)))
    throw new KeyPolicyError('RSA key has the ROCA fingerprint (CVE-2017-15361): its factors can be found');
}

function modulusOf(key: KeyObject): bigint {
  const { n = '' } = key.export({ format: 'jwk' });
  return BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);
}

/**
 * Infineon's library made primes k·M + (65537^a mod M) where M is the product of the first primes, up to 701 for keys
 * of 2048 bits and more (Nemec et al., CCS 2017). So the modulus is a power of 65537 modulo each of them; for an
 * honest key that happens with a probability far below 2^-100.
 */
function hasRocaFingerprint(modulus: bigint): boolean {
  return ROCA_RESIDUES.every(({ prime, powers }) => powers.has(Number(modulus % BigInt(prime))));
}

const ROCA_PRIME_MAX = 701;
const ROCA_GENERATOR = 65_537;
const ROCA_RESIDUES = oddPrimesUpTo(ROCA_PRIME_MAX).map((prime) => ({ prime, powers: powersModulo(prime) }));

function oddPrimesUpTo(max: number): number[] {
  const primes: number[] = [];
  for (let candidate = 3; candidate <= max; candidate += 2) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return primes;
}

function powersModulo(prime: number): ReadonlySet<number> {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * ROCA_GENERATOR) % prime) powers.add(power);
  return powers;
}

/** RFC 7518 §6.2.2, §6.3.2, §6.4 and RFC 8037 §2: what must never stand in a public key. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** @throws KeyPolicyError where the JWK carries private members: its issuer has leaked it. */
export function requirePublicJwk(jwk: JsonObject): void {
  if (PRIVATE_MEMBERS.some((name) => member(jwk, name) !== undefined))
    throw new KeyPolicyError('Key has private members: it is compromised');
}

/** @throws KeyPolicyError where `use` or `key_ops` say that the key is not for verification (RFC 7517 §4.2, §4.3). */
export function requireVerificationUse(jwk: JsonObject): void {
  const use = member(jwk, 'use');
  if (use !== undefined && use !== 'sig') throw new KeyPolicyError('use must be sig');
  const operations = member(jwk, 'key_ops');
  if (operations === undefined) return;
  if (!Array.isArray(operations) || !operations.includes('verify'))
    throw new KeyPolicyError('key_ops must include verify');
}

/** The algorithms left by the JWK's `alg`, which binds the key to one (RFC 7517 §4.4); all of them without `alg`. */
export function algorithmsOfJwk(jwk: JsonObject, possible: readonly Algorithm[]): readonly Algorithm[] {
  const alg = member(jwk, 'alg');
  if (alg === undefined) return possible;
  const algorithm = ALGORITHMS.find((known) => known === alg);
  if (algorithm === undefined) throw new KeyPolicyError('alg is no signature algorithm known here');
  if (!possible.includes(algorithm)) throw new KeyPolicyError(`alg ${algorithm} does not fit the key`);
  return [algorithm];
}

/** The algorithms that stand in both lists. @throws KeyPolicyError where there is none. */
export function narrowAlgorithms(
  possible: readonly Algorithm[],
  configured: readonly Algorithm[] | null,
): readonly Algorithm[] {
  if (configured === null) return possible;
  const both = possible.filter((algorithm) => configured.includes(algorithm));
  if (both.length > 0) return both;
  throw new KeyPolicyError(
    `None of the configured algorithms (${configured.join(', ')}) fits the key (${possible.join(', ')})`,
  );
}
