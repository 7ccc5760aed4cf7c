import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { describe, expect, it } from 'vitest';
import { KeyPolicyError } from '../../../src/jwt/jwk-policy.ts';
import { generateSigningKey, importGivenKey, importStoredKey } from '../../../src/jwt/signing-key.ts';
import { selfSignedCertificate } from '../../support/certificate.ts';
import { givenKey } from '../../support/minting.ts';
import { testKey } from '../../support/tokens.ts';

const rsa = testKey('RS256');
const ec = testKey('ES256');

describe('importGivenKey', () => {
  it('gives the key the first wanted algorithm that fits it', () => {
    expect(importGivenKey(givenKey(rsa), ['ES256', 'PS256', 'RS256']).algorithm).toBe('PS256');
  });

  it('AST-P41 publishes public members only, with use, kid and alg', () => {
    const { publicJwk } = importGivenKey(givenKey(rsa, { id: 'k1' }), ['RS256']);
    expect(publicJwk).toEqual({ ...rsa.jwk, kid: 'k1', alg: 'RS256', use: 'sig' });
  });

  it('refuses RSA keys of fewer than 2048 bits', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    expect(() => importGivenKey(givenKey(rsa, { privateKey: pem }), ['RS256'])).toThrow(KeyPolicyError);
  });

  it('refuses a public key', () => {
    const pem = rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString();
    expect(() => importGivenKey(givenKey(rsa, { privateKey: pem }), ['RS256'])).toThrow(/no private key/);
  });

  it('refuses a certificate of another key', () => {
    const given = givenKey(rsa, { certificatePem: selfSignedCertificate(ec) });
    expect(() => importGivenKey(given, ['RS256'])).toThrow(/belongs to another key/);
  });

  it('says nothing of the text it could not read', () => {
    const given = givenKey(rsa, {
      privateKey: '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----',
    });
    expect(() => importGivenKey(given, ['RS256'])).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('c2VjcmV0') }),
    );
  });

  it('takes a plain secret for HS algorithms and never publishes it', () => {
    const given = givenKey(rsa, { privateKey: `${'s'.repeat(32)}\n` });
    const key = importGivenKey(given, ['HS256']);
    expect([key.privateKey.export(), key.publicJwk]).toEqual([Buffer.from('s'.repeat(32)), null]);
  });

  it('refuses a plain secret where no HS algorithm is wanted', () => {
    expect(() => importGivenKey(givenKey(rsa, { privateKey: 's'.repeat(32) }), ['RS256'])).toThrow(
      KeyPolicyError,
    );
  });

  it('refuses a secret shorter than its hash', () => {
    expect(() => importGivenKey(givenKey(rsa, { privateKey: 'short' }), ['HS256'])).toThrow(KeyPolicyError);
  });
});

describe('importStoredKey', () => {
  const pemOf = (key: typeof rsa) => key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

  it.each([
    ['RS256', ec],
    ['ES384', ec],
    ['EdDSA', rsa],
  ] as const)('refuses a key for %s that cannot make its signatures', (algorithm, key) => {
    const entry = { id: 'k1', algorithm, state: 'active', privateKey: pemOf(key) } as const;
    expect(() => importStoredKey(entry)).toThrow(KeyPolicyError);
  });
});

describe('generateSigningKey', () => {
  it.each(['RS256', 'PS384', 'ES256', 'ES384', 'EdDSA', 'HS256'] as const)(
    'makes a usable %s key',
    async (algorithm) => {
      const { id, text } = await generateSigningKey(algorithm);
      const key = importStoredKey({ id, algorithm, state: 'active', privateKey: text });
      expect(key.algorithm).toBe(algorithm);
    },
  );

  it('names asymmetric keys by their RFC 7638 thumbprint', async () => {
    const { id, text } = await generateSigningKey('ES256');
    const { d: _private, ...jwk } = createPrivateKey(text).export({ format: 'jwk' });
    expect(id).toBe(await calculateJwkThumbprint(jwk));
  });
});

describe('generateSigningKey ids', () => {
  it('makes ids that no command line takes for an option', async () => {
    const made = await Promise.all(Array.from({ length: 300 }, () => generateSigningKey('EdDSA')));
    expect(made.filter(({ id }) => id.startsWith('-'))).toEqual([]);
  });
});
