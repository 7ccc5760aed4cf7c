/** Keys that callers of the token service bring, and those it makes. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { KeyPolicyError } from '../../../src/jwt/jwk-policy.ts';
import { generateTokenKey, readTokenKey } from '../../../src/jwt/token-key.ts';
import { selfSignedCertificate } from '../../support/certificate.ts';
import { testKey } from '../../support/tokens.ts';

const ec = testKey('ES256');
const privateKey = ec.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const publicKey = ec.publicKey.export({ format: 'pem', type: 'spki' }).toString();
const certificate = selfSignedCertificate(ec);
const secret = randomBytes(64).toString('base64url');
const refused = { name: KeyPolicyError.name };

describe('readTokenKey()', () => {
  it.each([
    ['a pair', { privateKey }, { algorithm: 'ES256', privateKey: expect.any(String) }],
    ['a public key', { publicKey }, { algorithm: 'ES256', privateKey: null }],
    ['a certificate', { certificate }, { algorithm: 'ES256', privateKey: null }],
    ['a secret', { secret }, { algorithm: 'HS256', publicKey: null, bits: 688 }],
  ])('reads %s', async (_what, given, key) => expect(await readTokenKey(given)).toMatchObject(key));

  it.each([
    ['nothing', {}],
    ['a pair and a secret', { privateKey, secret }],
    ['both halves', { privateKey, publicKey }],
    ['a public key and a certificate', { publicKey, certificate }],
    ['all of them', { privateKey, publicKey, certificate, secret }],
  ])('refuses %s: which of them counts would be a guess', async (_what, given) => {
    await expect(readTokenKey(given)).rejects.toMatchObject(refused);
  });

  it.each([
    ['in PEM', publicKey],
    ['in a certificate', certificate],
    ['as a JWK', JSON.stringify(ec.jwk)],
    ['for ssh', `ssh-ed25519 ${'A'.repeat(68)} somebody@somewhere`],
  ])('refuses a public key %s as a secret: everybody has it (J02)', async (_how, text) => {
    await expect(readTokenKey({ secret: text })).rejects.toMatchObject(refused);
  });

  it.each([
    ['RS256', { privateKey }],
    ['HS256', { privateKey }],
    ['ES384', { publicKey }],
    ['ES256', { secret }],
    ['HS512', { secret: secret.slice(0, 63) }],
  ] as const)('refuses for %s what cannot serve it', async (algorithm, given) => {
    await expect(readTokenKey(given, algorithm)).rejects.toMatchObject(refused);
  });

  it('refuses what it cannot read, and repeats none of it', async () => {
    for (const given of [{ privateKey: secret }, { publicKey: secret }, { certificate: secret }])
      await expect(readTokenKey(given)).rejects.toMatchObject({
        ...refused,
        message: expect.not.stringContaining(secret),
      });
  });

  it('refuses a weak pair', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const pem = weak.export({ format: 'pem', type: 'pkcs8' }).toString();
    await expect(readTokenKey({ privateKey: pem })).rejects.toMatchObject(refused);
  });
});

describe('generateTokenKey()', () => {
  it.each([0, 1024, 2047, 2049, 8192])('makes no RSA key of %i bits', async (bits) => {
    await expect(generateTokenKey('RS256', bits)).rejects.toMatchObject(refused);
  });

  it.each([
    ['HS256', 256],
    ['HS384', 384],
    ['HS512', 512],
  ] as const)('makes for %s a secret of at least %i random bits', async (algorithm, bits) => {
    const { privateKey: text } = await generateTokenKey(algorithm);
    expect(Buffer.from(text ?? '', 'base64url').length * 8).toBeGreaterThanOrEqual(bits);
  });
});
