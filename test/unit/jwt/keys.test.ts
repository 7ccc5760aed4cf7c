import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/core/json.ts';
import { importJwk, importPem, importSecret, type KeyOptions } from '../../../src/jwt/keys.ts';
import { selfSignedCertificate, x5cOf } from '../../support/certificate.ts';
import { testKey } from '../../support/tokens.ts';

const rsa = testKey('RS256');
const ec = testKey('ES256');
const ed = testKey('EdDSA');
const otherEc = testKey('ES256', 'other');

const ANY: KeyOptions = { kid: null, algorithms: null };
const RSA_FAMILY = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
const jwk = (from: { jwk: Record<string, unknown> }, changes: object = {}): JsonObject =>
  JSON.parse(JSON.stringify({ ...from.jwk, ...changes }));
/** One in 256 keys has a coordinate that starts with a zero byte. */
function ecKeyWhere(fits: (jwk: Record<string, string>) => boolean): Record<string, string> {
  for (;;) {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const found = { ...publicKey.export({ format: 'jwk' }) } as Record<string, string>;
    if (fits(found)) return found;
  }
}
const refusal = (pattern: RegExp) =>
  expect.objectContaining({ name: 'KeyPolicyError', message: expect.stringMatching(pattern) });
const secret = (bytes: Uint8Array | string, changes: object = {}) =>
  importSecret(Buffer.from(bytes), { kid: null, algorithms: null, allowWeakSecret: false, ...changes });

describe('importSecret', () => {
  const bytes64 = Buffer.alloc(64, 7);

  it('serves HS256 unless told', () => {
    expect(secret(bytes64)).toMatchObject({ kid: null, algorithms: ['HS256'] });
  });

  it('serves the configured algorithms of its family only', () => {
    expect(secret(bytes64, { algorithms: ['HS512', 'RS256'] }).algorithms).toEqual(['HS512']);
  });

  it('J04 refuses to serve an asymmetric algorithm', () => {
    expect(() => secret(bytes64, { algorithms: ['RS256'] })).toThrow(refusal(/RS256/));
  });

  it.each([
    ['HS256', 32],
    ['HS384', 48],
    ['HS512', 64],
  ])('J22 FJR-P36 %s needs %i bytes and names RFC 7518', (algorithm, minBytes) => {
    const algorithms = [algorithm];
    expect(secret(bytes64.subarray(0, minBytes), { algorithms }).algorithms).toEqual(algorithms);
    const tooShort = () => secret(bytes64.subarray(0, minBytes - 1), { algorithms });
    expect(tooShort).toThrow(refusal(/RFC 7518 §3\.2/));
  });

  it('FJR-P36 accepts a short secret with allowWeakSecret', () => {
    expect(secret('fusion-secret', { allowWeakSecret: true }).algorithms).toEqual(['HS256']);
  });

  it('J22 refuses an empty secret, also with allowWeakSecret', () => {
    expect(() => secret('', { allowWeakSecret: true })).toThrow(refusal(/empty/));
  });

  it('J22 refuses a published example secret', () => {
    expect(() => secret('a-string-secret-at-least-256-bits-long')).toThrow(refusal(/published/));
  });

  it('FJR-P35 keeps the bytes as given: the base64 text is another secret than what it encodes', () => {
    const text = 'ZnVzaW9uLXNlY3JldA==';
    const raw = secret(text, { allowWeakSecret: true });
    const decoded = secret(Buffer.from(text, 'base64'), { allowWeakSecret: true });
    expect(decoded.key.export().toString()).toBe('fusion-secret');
    expect(raw.thumbprint).not.toBe(decoded.thumbprint);
  });

  const pem = spki(rsa.publicKey);
  it.each([
    ['SPKI PEM', pem],
    ['SPKI PEM with CRLF', pem.replaceAll('\n', '\r\n')],
    ['SPKI PEM after white space (CVE-2026-34950)', ` \n\t${pem}`],
    ['SPKI PEM after a byte order mark', `\ufeff${pem}`],
    ['PKCS#1 PEM (CVE-2023-48223)', rsa.publicKey.export({ type: 'pkcs1', format: 'pem' })],
    ['certificate', selfSignedCertificate(rsa)],
    ['private key PEM', rsa.privateKey.export({ type: 'pkcs8', format: 'pem' })],
    ['SPKI DER', rsa.publicKey.export({ type: 'spki', format: 'der' })],
    ['PKCS#1 DER', rsa.publicKey.export({ type: 'pkcs1', format: 'der' })],
    ['JWK', JSON.stringify(rsa.jwk)],
    ['JWK over lines, after white space', `\n ${JSON.stringify(rsa.jwk, null, 2)}`],
    ['JWK set', JSON.stringify({ keys: [rsa.jwk] })],
    ['OpenSSH key', `ssh-rsa ${'A'.repeat(64)}`],
  ])('J02 refuses a %s, also with allowWeakSecret', (_name, text) => {
    expect(() => secret(text, { allowWeakSecret: true })).toThrow(refusal(/^Secret is a/));
  });

  it('never has the secret in its message', () => {
    const short = 'not-for-the-log';
    expect(() => secret(short)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(short) }),
    );
  });
});

describe('importPem', () => {
  it('FJR-P37 imports a public key with the algorithms of its family', () => {
    const key = importPem(spki(rsa.publicKey), { kid: 'k1', algorithms: null });
    expect(key).toMatchObject({ kid: 'k1', algorithms: RSA_FAMILY });
    expect(verify('sha256', Buffer.from('text'), key.key, rsa.sign('text'))).toBe(true);
  });

  it('FJR-P37 imports an X.509 certificate as the key it holds', () => {
    expect(importPem(selfSignedCertificate(ec), ANY).key.equals(ec.publicKey)).toBe(true);
  });

  it('imports PKCS#1', () => {
    const pem = rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    expect(importPem(pem, ANY).key.equals(rsa.publicKey)).toBe(true);
  });

  it.each([
    ['EC P-256', 'ES256'],
    ['EC P-384', 'ES384'],
    ['EC P-521', 'ES512'],
    ['Ed25519', 'EdDSA'],
  ])('gives an %s key the one algorithm %s', (_name, alg) => {
    expect(importPem(spki(testKey(alg).publicKey), ANY).algorithms).toEqual([alg]);
  });

  it('narrows the family to the configured algorithms', () => {
    const algorithms = ['ES256', 'PS256', 'RS512'] as const;
    expect(importPem(spki(rsa.publicKey), { kid: null, algorithms }).algorithms).toEqual(['RS512', 'PS256']);
  });

  it('refuses configured algorithms of another family', () => {
    const options: KeyOptions = { kid: null, algorithms: ['ES256'] };
    expect(() => importPem(spki(rsa.publicKey), options)).toThrow(refusal(/None of the configured/));
  });

  it.each(['pkcs8', 'pkcs1'] as const)('refuses a private key (%s)', (type) => {
    const pem = rsa.privateKey.export({ type, format: 'pem' }).toString();
    expect(() => importPem(pem, ANY)).toThrow(refusal(/private key/));
  });

  it.each([
    ['no PEM', 'hello'],
    ['two blocks', spki(ec.publicKey) + spki(otherEc.publicKey)],
    ['a damaged block', spki(ec.publicKey).replace(/M/g, 'N')],
    ['another label', spki(ec.publicKey).replaceAll('PUBLIC KEY', 'X509 CRL')],
  ])('refuses %s', (_name, pem) => {
    expect(() => importPem(pem, ANY)).toThrow(refusal(/^PEM/));
  });

  it.each([
    ['RSA of 1024 bits', () => generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey],
    [
      'RSA with exponent 3',
      () => generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey,
    ],
    ['secp256k1', () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey],
    ['Ed448', () => generateKeyPairSync('ed448').publicKey],
    ['X25519', () => generateKeyPairSync('x25519').publicKey],
    ['DSA', () => generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 }).publicKey],
    ['RSA-PSS', () => generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey],
  ])('K06 refuses %s', (_name, generate) => {
    expect(() => importPem(spki(generate()), ANY)).toThrow(refusal(/RSA|curve|type/));
  });
});

describe('importJwk', () => {
  it('FJR-P37 imports public keys with kid and the algorithm they name', () => {
    expect(importJwk(jwk(rsa))).toMatchObject({ kid: 'kid-RS256', algorithms: ['RS256'] });
    expect(importJwk(jwk(ed))).toMatchObject({ kid: 'kid-EdDSA', algorithms: ['EdDSA'] });
  });

  it('gives a key without alg the algorithms of its family', () => {
    expect(importJwk(jwk(rsa, { alg: undefined })).algorithms).toEqual(RSA_FAMILY);
    expect(importJwk(jwk(ec, { alg: undefined })).algorithms).toEqual(['ES256']);
  });

  it('gives a key without kid none', () => {
    expect(importJwk(jwk(ec, { kid: undefined })).kid).toBeNull();
  });

  it('narrows to the configured algorithms', () => {
    const algorithms = ['RS512'] as const;
    expect(importJwk(jwk(rsa, { alg: undefined }), { algorithms }).algorithms).toEqual(['RS512']);
    expect(() => importJwk(jwk(rsa), { algorithms })).toThrow(refusal(/None of the configured/));
  });

  it('computes the thumbprint of RFC 7638 §3.1', () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
    const key = importJwk({ kty: 'RSA', n, e: 'AQAB', alg: 'RS256', kid: '2011-04-29' });
    expect(key.thumbprint).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
  });

  it.each([
    ['use enc', { use: 'enc' }, /use/],
    ['use that is no string', { use: ['sig'] }, /use/],
    ['key_ops without verify', { key_ops: ['sign'] }, /key_ops/],
    ['key_ops that is no list', { key_ops: 'verify' }, /key_ops/],
    ['alg of another curve', { alg: 'ES384' }, /does not fit/],
    ['alg of another type', { alg: 'RS256' }, /does not fit/],
    ['alg for secrets', { alg: 'HS256' }, /does not fit/],
    ['alg none', { alg: 'none' }, /alg/],
    ['alg that is no string', { alg: 256 }, /alg/],
    ['a private key', { d: 'AAAA' }, /private/],
    ['empty kid', { kid: '' }, /kid/],
    ['kid that is a number', { kid: 1 }, /kid/],
    ['kid of 257 characters', { kid: 'k'.repeat(257) }, /kid/],
    ['no kty', { kty: undefined }, /kty/],
    ['unknown kty', { kty: 'AKP' }, /kty/],
    ['kty named like an inherited member', { kty: 'constructor' }, /kty/],
    ['kty that is no string', { kty: ['EC'] }, /kty/],
    ['kty of another type', { kty: 'RSA' }, /missing/],
    ['P-256 coordinates with crv P-384', { crv: 'P-384', alg: undefined }, /cannot be read/],
    ['a point off the curve', { y: ec.jwk['x'] }, /cannot be read/],
    ['an unknown curve', { crv: 'secp256k1', alg: undefined }, /cannot be read/],
    ['a padded coordinate', { x: `${ec.jwk['x']}=` }, /base64url/],
    ['a coordinate after white space', { x: ` ${ec.jwk['x']}` }, /base64url/],
    ['a coordinate that is a number', { x: 1 }, /missing/],
    ['x5c that is no list', { x5c: 'text' }, /x5c/],
    ['empty x5c', { x5c: [] }, /x5c/],
    ['x5c without a certificate', { x5c: ['AAAA'] }, /x5c/],
    ['x5c of another key', { x5c: [x5cOf(selfSignedCertificate(otherEc))] }, /another key/],
  ])('K06 refuses %s', (_name, changes, pattern) => {
    expect(() => importJwk(jwk(ec, changes))).toThrow(refusal(pattern));
  });

  it.each(['x', 'y'])('K06 refuses a coordinate %s without its leading zeros, or with more', (name) => {
    const zeroLed = ecKeyWhere((jwk) => /^A[A-P]/.test(jwk[name] ?? ''));
    const bytes = Buffer.from(zeroLed[name] ?? '', 'base64url');
    expect(importJwk(zeroLed).algorithms).toEqual(['ES256']);
    for (const other of [bytes.subarray(1), Buffer.concat([Buffer.alloc(1), bytes])]) {
      const changed = { ...zeroLed, [name]: other.toString('base64url') };
      expect(() => importJwk(changed)).toThrow(refusal(/length|cannot be read/));
    }
  });

  it('accepts an x5c of the same key', () => {
    const withCertificate = jwk(ec, { x5c: [x5cOf(selfSignedCertificate(ec))] });
    expect(importJwk(withCertificate).algorithms).toEqual(['ES256']);
  });

  it('accepts key_ops that include verify', () => {
    expect(importJwk(jwk(ec, { key_ops: ['sign', 'verify'] })).algorithms).toEqual(['ES256']);
  });

  it.each(['AQ', 'Ag', 'Aw', 'AQAC', 'AQAAAAE'])('K06 refuses an RSA key with exponent %s', (e) => {
    expect(() => importJwk(jwk(rsa, { e }))).toThrow(refusal(/exponent|cannot be read/));
  });

  it('K06 refuses an RSA modulus of more than 8192 bits', () => {
    const n = Buffer.alloc(1025, 0xff).toString('base64url');
    expect(() => importJwk(jwk(rsa, { n }))).toThrow(refusal(/modulus of 8200 bits/));
  });

  const k = Buffer.alloc(32, 7).toString('base64url');

  it('K06 refuses a symmetric key', () => {
    expect(() => importJwk({ kty: 'oct', k })).toThrow(refusal(/Symmetric/));
  });

  it('accepts a symmetric key of the configuration, for HS256 unless it says otherwise', () => {
    expect(importJwk({ kty: 'oct', k, kid: 's' }, { allowOct: true })).toMatchObject({
      kid: 's',
      algorithms: ['HS256'],
    });
    expect(() => importJwk({ kty: 'oct', k, alg: 'HS512' }, { allowOct: true })).toThrow(refusal(/64/));
  });

  it('J04 refuses a symmetric key for an asymmetric algorithm', () => {
    const bound: JsonObject = { kty: 'oct', k, alg: 'RS256' };
    expect(() => importJwk(bound, { allowOct: true })).toThrow(refusal(/does not fit/));
  });
});
