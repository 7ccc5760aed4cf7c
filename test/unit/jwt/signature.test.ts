/** What verifySignature takes for a signature, for every algorithm, beside the vectors in test/conformance. */
import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { flattenedVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { ALGORITHMS, type Algorithm } from '../../../src/core/realm.ts';
import { verifySignature } from '../../../src/jwt/signature.ts';
import { hmac, signer, testKey } from '../../support/tokens.ts';

const HEADER = Buffer.from('{"alg":"as the key says"}').toString('base64url');
const SECRET = Buffer.alloc(64, 's');
const rsa = testKey('RS256');

function keyPairOf(algorithm: Algorithm) {
  if (algorithm.startsWith('HS')) {
    const sign = hmac(SECRET, `sha${algorithm.slice(2)}`);
    return { sign, key: createSecretKey(SECRET) };
  }
  if (/^[RP]S/.test(algorithm)) return { sign: signer(algorithm, rsa.privateKey), key: rsa.publicKey };
  const { sign, publicKey } = testKey(algorithm);
  return { sign, key: publicKey };
}

const CASES = ALGORITHMS.map((algorithm) => ({ algorithm, ...keyPairOf(algorithm) }));

/** Whether these bytes count as the signature over `HEADER.payload`. */
async function verdict({ algorithm, key }: (typeof CASES)[number], payload: string, signature: Uint8Array) {
  return await verifySignature({ signingInput: `${HEADER}.${payload}`, signature }, key, algorithm);
}

const goodSignature = ({ sign }: (typeof CASES)[number], payload = 'cGF5') => sign(`${HEADER}.${payload}`);

describe('verifySignature', () => {
  it.each(CASES)('J19 takes a good signature: $algorithm', async (one) => {
    expect(await verdict(one, 'cGF5', goodSignature(one))).toBe(true);
  });

  it.each(CASES)('J19 refuses the signature of another payload: $algorithm', async (one) => {
    expect(await verdict(one, 'cGF6', goodSignature(one))).toBe(false);
  });

  it.each(CASES)('J19 refuses every signature with one bit changed: $algorithm', async (one) => {
    const signature = goodSignature(one);
    for (const index of [0, 1, signature.length >> 1, signature.length - 1]) {
      const changed = Buffer.from(signature);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      expect(await verdict(one, 'cGF5', changed)).toBe(false);
    }
  });

  it.each(CASES)('J19 refuses longer, shorter and empty signatures: $algorithm', async (one) => {
    const signature = goodSignature(one);
    const zero = Buffer.alloc(1);
    const others = [
      Buffer.concat([signature, zero]),
      Buffer.concat([zero, signature]),
      signature.subarray(1),
      signature.subarray(0, -1),
      Buffer.alloc(0),
    ];
    for (const other of others) expect(await verdict(one, 'cGF5', other)).toBe(false);
  });

  it.each(CASES)('J20 refuses zeros and ones: $algorithm', async (one) => {
    const { length } = goodSignature(one);
    expect(await verdict(one, 'cGF5', Buffer.alloc(length))).toBe(false);
    expect(await verdict(one, 'cGF5', Buffer.alloc(length, 0xff))).toBe(false);
  });

  it.each(['RS256', 'PS256'])('J19 refuses a %s signature without its leading zero', async (name) => {
    const one = CASES.find(({ algorithm }) => algorithm === name);
    if (one === undefined) throw new Error(`no case for ${name}`);
    for (let number = 0; ; number += 1) {
      const payload = Buffer.from(`${number}`).toString('base64url');
      const signature = goodSignature(one, payload);
      if (signature[0] !== 0) continue;
      expect(await verdict(one, payload, signature)).toBe(true);
      expect(await verdict(one, payload, signature.subarray(1))).toBe(false);
      return;
    }
  });

  it('answers at once for HMAC and for RSA of 2048 bits', () => {
    const signingInput = `${HEADER}.cGF5`;
    for (const one of CASES.filter(({ algorithm }) => /^[HRP]S/.test(algorithm))) {
      const signature = goodSignature(one);
      expect(verifySignature({ signingInput, signature }, one.key, one.algorithm)).toBe(true);
    }
  });

  it('leaves curves, and RSA beyond 4096 bits, to the thread pool', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 4104 });
    const large = { algorithm: 'RS256' as const, sign: signer('RS256', privateKey), key: publicKey };
    for (const one of [...CASES.filter(({ algorithm }) => /^E/.test(algorithm)), large]) {
      const signature = goodSignature(one);
      const verified = verifySignature({ signingInput: `${HEADER}.cGF5`, signature }, one.key, one.algorithm);
      expect(verified).toBeInstanceOf(Promise);
      expect(await verified).toBe(true);
    }
  });
});

/** A few bytes changed, cut out or put in, anywhere. */
const damage = fc.array(
  fc.record({ at: fc.nat(), remove: fc.nat(2), insert: fc.uint8Array({ maxLength: 2 }) }),
  { maxLength: 2 },
);

function damaged(signature: Buffer, steps: readonly { at: number; remove: number; insert: Uint8Array }[]) {
  return steps.reduce((bytes, { at, remove, insert }) => {
    const start = at % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + remove)]);
  }, signature);
}

describe('verifySignature beside jose', () => {
  it.each(CASES)('J19 J20 judges damaged signatures as jose does: $algorithm', async (one) => {
    const header = Buffer.from(JSON.stringify({ alg: one.algorithm })).toString('base64url');
    const good = one.sign(`${header}.cGF5`);
    await fc.assert(
      fc.asyncProperty(damage, async (steps) => {
        const signature = damaged(good, steps);
        const jws = { protected: header, payload: 'cGF5', signature: signature.toString('base64url') };
        const theirs = await flattenedVerify(jws, one.key).then(
          () => true,
          () => false,
        );
        const ours = { signingInput: `${header}.cGF5`, signature };
        expect(await verifySignature(ours, one.key, one.algorithm)).toBe(theirs);
      }),
      { numRuns: 40 },
    );
  });
});
