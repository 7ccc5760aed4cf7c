/** signJws: where a signature is made, by the number of processors. That it is good for its algorithm stands in mint.test.ts. */
import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import type { Algorithm } from '../../../src/core/realm.ts';

const machine = vi.hoisted(() => ({ processors: 1, places: [] as string[] }));
vi.mock('node:os', async (original) => ({
  ...(await original<typeof import('node:os')>()),
  availableParallelism: () => machine.processors,
}));
vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>();
  const sign = (...given: Parameters<typeof crypto.sign>) => {
    machine.places.push(given[3] === undefined ? 'loop' : 'pool');
    return crypto.sign(...given);
  };
  return { ...crypto, sign };
});

const small = generateKeyPairSync('rsa', { modulusLength: 2048 });
const large = generateKeyPairSync('rsa', { modulusLength: 3072 });
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' });
const BYTES = Buffer.from('header.payload');

/** Where it was made, and the signature. */
async function signedOn(processors: number, algorithm: Algorithm, key: KeyObject) {
  machine.processors = processors;
  machine.places = [];
  vi.resetModules();
  const { signJws } = await import('../../../src/jwt/sign.ts');
  const signature = await signJws(algorithm, key, BYTES);
  return { signature, places: machine.places };
}

describe('signJws', () => {
  it('signs on the event loop where there is but one processor', async () => {
    const { signature, places } = await signedOn(1, 'RS256', small.privateKey);
    expect(places).toEqual(['loop']);
    expect(verify('sha256', BYTES, small.publicKey, signature)).toBe(true);
  });

  it('leaves what takes longer to the thread pool there, too', async () => {
    expect((await signedOn(1, 'RS256', large.privateKey)).places).toEqual(['pool']);
    expect((await signedOn(1, 'ES512', p521.privateKey)).places).toEqual(['pool']);
  });

  it('signs on the thread pool where other processors can do it', async () => {
    const { signature, places } = await signedOn(2, 'RS256', small.privateKey);
    expect(places).toEqual(['pool']);
    expect(verify('sha256', BYTES, small.publicKey, signature)).toBe(true);
  });

  it('fails as a promise, wherever it signs', async () => {
    await expect(signedOn(1, 'EdDSA', small.publicKey)).rejects.toThrow();
    await expect(signedOn(2, 'EdDSA', small.publicKey)).rejects.toThrow();
  });
});
