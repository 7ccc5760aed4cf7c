import { generateKeyPairSync } from 'node:crypto';
import { jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { ALGORITHMS, type Algorithm } from '../../../src/core/realm.ts';
import {
  type CompactKey,
  keyOfSignature,
  signCompact,
  signingKeyObject,
  verifyingKeyObject,
} from '../../../src/jwt/compact.ts';
import { createCompactVerifier } from '../../../src/jwt/compact-verifier.ts';
import { parseEnvelope } from '../../../src/jwt/envelope.ts';
import { decodePart, signed, testKey } from '../../support/tokens.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const now = NOW_MS / 1000;
const SECRET = 's'.repeat(64);
const rsa = testKey('RS256');

/** The two halves of one key, read from text as stored. */
function pair(algorithm: Algorithm, kid = 'k1'): { signs: CompactKey; verifies: CompactKey } {
  const [privateText, publicText] = texts(algorithm);
  return {
    signs: { kid, algorithm, key: signingKeyObject(algorithm, privateText) },
    verifies: { kid, algorithm, key: verifyingKeyObject(algorithm, publicText) },
  };
}

function texts(algorithm: Algorithm): [string, string] {
  if (algorithm.startsWith('HS')) return [SECRET, SECRET];
  const isRsa = algorithm.startsWith('RS') || algorithm.startsWith('PS');
  const { privateKey, publicKey } = isRsa ? rsa : pairOf(algorithm);
  return [
    privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  ];
}

function pairOf(algorithm: Algorithm) {
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519');
  return generateKeyPairSync('ec', {
    namedCurve: { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[algorithm as 'ES256'],
  });
}

const claims = { sub: 'u1', exp: now + 60, text: 'Zoë "東京"' };
const { signs, verifies } = pair('ES256');
/** By a verifier that remembers nothing. */
const verify = async (token: string, keys: readonly CompactKey[], nowMs: number) =>
  await createCompactVerifier(1).verify(token, () => keys, nowMs);
const code = (expected: string) => ({ name: 'CountersignError', code: expected });

describe('signCompact()', () => {
  it.each(ALGORITHMS)('makes a JWS that jose and a CompactVerifier accept: %s', async (algorithm) => {
    const { signs: key, verifies: other } = pair(algorithm);
    const token = await signCompact(key, { gty: ['password'] }, claims);
    expect(decodePart(token, 0)).toEqual({ gty: ['password'], alg: algorithm, typ: 'JWT', kid: 'k1' });
    const { payload } = await jwtVerify(token, other.key, { currentDate: new Date(NOW_MS) });
    expect(payload).toEqual(claims);
    expect(await verify(token, [other], NOW_MS)).toEqual({
      header: decodePart(token, 0),
      claims,
    });
  });

  it('takes alg, typ and kid from the key, never from the header given', async () => {
    const token = await signCompact(signs, { alg: 'none', typ: 'x', kid: 'other' }, claims);
    expect(decodePart(token, 0)).toEqual({ alg: 'ES256', typ: 'JWT', kid: 'k1' });
  });
});

describe('a CompactVerifier that remembers nothing', () => {
  it('asks only keys of the token’s kid and algorithm', async () => {
    const token = await signCompact(signs, {}, claims);
    const others = [pair('ES256', 'k1').verifies, pair('RS256', 'k1').verifies, pair('ES256', 'k2').verifies];
    await expect(verify(token, [...others, verifies], NOW_MS)).resolves.toBeDefined();
    await expect(verify(token, others, NOW_MS)).rejects.toMatchObject(code('bad_signature'));
    await expect(verify(token, [], NOW_MS)).rejects.toMatchObject(code('unknown_kid'));
    const renamed = { ...verifies, kid: 'k2' };
    await expect(verify(token, [renamed], NOW_MS)).rejects.toMatchObject(code('unknown_kid'));
    const rs = pair('RS256', 'k1').verifies;
    await expect(verify(token, [rs], NOW_MS)).rejects.toMatchObject(code('alg_not_allowed'));
  });

  it('asks all keys with ignoreKid, and for tokens without kid', async () => {
    const renamed = { ...verifies, kid: 'k2' };
    const token = await signCompact(signs, {}, claims);
    await expect(keyOfSignature(parseEnvelope(token), [renamed], { ignoreKid: true })).resolves.toBeDefined();
    const es = testKey('ES256');
    const nameless = signed(es, claims, { kid: undefined });
    const key = { kid: 'any', algorithm: 'ES256', key: es.publicKey } as const;
    await expect(verify(nameless, [key], NOW_MS)).resolves.toBeDefined();
  });

  it('requires exp, and honours exp and nbf without leeway', async () => {
    const check = async (members: object, nowMs = NOW_MS) =>
      await verify(await signCompact(signs, {}, { sub: 'u1', ...members }), [verifies], nowMs);
    await expect(check({})).rejects.toMatchObject(code('missing_claim'));
    await expect(check({ exp: String(now + 60) })).rejects.toMatchObject(code('invalid_claim'));
    await expect(check({ exp: now + 60, nbf: null })).rejects.toMatchObject(code('invalid_claim'));
    await expect(check({ exp: now }, NOW_MS - 1)).resolves.toBeDefined();
    await expect(check({ exp: now }, NOW_MS)).rejects.toMatchObject(code('expired'));
    await expect(check({ exp: now + 60, nbf: now }, NOW_MS)).resolves.toBeDefined();
    await expect(check({ exp: now + 60, nbf: now }, NOW_MS - 1)).rejects.toMatchObject(code('not_yet_valid'));
  });

  it('refuses what is no strict compact JWS', async () => {
    const token = await signCompact(signs, {}, claims);
    for (const text of ['', 'a.b', `${token}.`, `${token}=`, token.replace('.', '..')])
      await expect(verify(text, [verifies], NOW_MS)).rejects.toMatchObject(code('malformed'));
  });
});
