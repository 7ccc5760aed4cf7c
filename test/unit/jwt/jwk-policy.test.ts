import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { algorithmsOfPublicKey } from '../../../src/jwt/jwk-policy.ts';

/** The product of the primes up to 701, as Infineon's library used it for keys of 2048 bits. */
function rocaProduct(): bigint {
  const primes: number[] = [];
  for (let candidate = 2; candidate <= 701; candidate += 1)
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  return primes.reduce((product, prime) => product * BigInt(prime), 1n);
}

function rsaKey(modulus: bigint) {
  const n = Buffer.from(modulus.toString(16).padStart(512, '0'), 'hex').toString('base64url');
  return createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' });
}

describe('algorithmsOfPublicKey', () => {
  const product = rocaProduct();
  const power = 65_537n ** 5n % product;
  // Of 2048 bits and, as the product is even and the power odd, odd.
  const modulus = (2n ** 2047n / product + 1n) * product + power;

  it('K06 refuses a modulus with the ROCA fingerprint (CVE-2017-15361)', () => {
    expect(() => algorithmsOfPublicKey(rsaKey(modulus))).toThrow(/ROCA/);
  });

  it('K06 takes one that differs modulo a single small prime', () => {
    const factor = product / 11n;
    // 65537 is 10 modulo 11, so its powers are 1 and 10 only.
    const other = [1n, 2n]
      .map((times) => modulus + times * 2n * factor)
      .find((n) => ![1n, 10n].includes(n % 11n));
    expect(algorithmsOfPublicKey(rsaKey(other ?? 0n))).toContain('RS256');
  });

  it.each([
    ['ed25519', generateKeyPairSync('ed25519'), ['EdDSA']],
    ['P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' }), ['ES512']],
  ])('K06 takes a key of %s for its own algorithm alone', (_type, { publicKey }, algorithms) =>
    expect(algorithmsOfPublicKey(publicKey)).toEqual(algorithms),
  );

  it.each([
    ['ed448', generateKeyPairSync('ed448')],
    ['x25519', generateKeyPairSync('x25519')],
    ['x448', generateKeyPairSync('x448')],
    ['rsa-pss', generateKeyPairSync('rsa-pss', { modulusLength: 2048 })],
    ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' })],
    ['P-224', generateKeyPairSync('ec', { namedCurve: 'secp224r1' })],
  ])('K06 refuses a key of %s, which no algorithm here takes', (_type, { publicKey }) =>
    expect(() => algorithmsOfPublicKey(publicKey)).toThrow(/is not supported/),
  );
});
