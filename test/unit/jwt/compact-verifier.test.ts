/** Remembered tokens of our own: rows C01, C03, C05 and C06 of the threat table. Memory may save time, never change a verdict. */
import { describe, expect, it } from 'vitest';
import { type CompactKey, signCompact } from '../../../src/jwt/compact.ts';
import { createCompactVerifier } from '../../../src/jwt/compact-verifier.ts';
import { compact, testKey } from '../../support/tokens.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const END_MS = NOW_MS + 60_000;
const claims = { sub: 'u1', tid: 't1', data: { teams: ['a'] }, nbf: NOW_MS / 1000, exp: END_MS / 1000 };

function pair(kid = 'k1'): { signs: CompactKey; verifies: CompactKey } {
  const { privateKey, publicKey } = testKey('ES256');
  const algorithm = 'ES256';
  return { signs: { kid, algorithm, key: privateKey }, verifies: { kid, algorithm, key: publicKey } };
}

const { signs, verifies } = pair();
const token = await signCompact(signs, {}, claims);
const code = (expected: string) => ({ name: 'CountersignError', code: expected });

/** A verifier that has seen the token. */
async function remembering(max = 10) {
  const verifier = createCompactVerifier(max);
  const verdict = async (text: string, keys: readonly CompactKey[] = [verifies], nowMs = NOW_MS) =>
    await verifier.verify(text, () => keys, nowMs);
  return { verifier, verdict, first: await verdict(token) };
}

describe('createCompactVerifier()', () => {
  it('answers for a remembered token at once, with what it said first', async () => {
    const { verifier, first } = await remembering();
    expect(first.claims).toEqual(claims);
    expect(verifier.verify(token, () => [verifies], NOW_MS)).toBe(first);
  });

  it('C03 refuses it once its key is gone, and where another key has its kid', async () => {
    const { verdict } = await remembering();
    await expect(verdict(token, [])).rejects.toMatchObject(code('unknown_kid'));
    await expect(verdict(token)).resolves.toBeDefined();
    await expect(verdict(token, [pair().verifies])).rejects.toMatchObject(code('bad_signature'));
  });

  it('C03 verifies it again where its key was loaded again', async () => {
    const { verifier, first } = await remembering();
    const again = verifier.verify(token, () => [{ ...verifies }], NOW_MS);
    expect(again).toBeInstanceOf(Promise);
    expect(await again).toEqual(first);
  });

  it('C01 refuses it at exp and before nbf, to the millisecond', async () => {
    const { verdict } = await remembering();
    await expect(verdict(token, [verifies], END_MS - 1)).resolves.toBeDefined();
    await expect(verdict(token, [verifies], END_MS)).rejects.toMatchObject(code('expired'));
    await verdict(token);
    await expect(verdict(token, [verifies], NOW_MS - 1)).rejects.toMatchObject(code('not_yet_valid'));
  });

  it('C04 asks for the keys of its claims on each call, and refuses with what that throws', async () => {
    const { verifier } = await remembering();
    const asked: unknown[] = [];
    const keysOf = (given: unknown) => {
      asked.push(given);
      return [verifies];
    };
    await verifier.verify(token, keysOf, NOW_MS);
    expect(asked).toEqual([claims]);
    const elsewhere = () => {
      throw new TypeError('no tenant of this call');
    };
    expect(() => verifier.verify(token, elsewhere, NOW_MS)).toThrow('no tenant');
  });

  it('C05 takes no other text for it: same signature, same payload, other spelling', async () => {
    const { verdict } = await remembering();
    const [header, payload, signature = ''] = token.split('.');
    const promoted = compact({ alg: 'ES256', typ: 'JWT', kid: 'k1' }, { ...claims, sub: 'root' }, () =>
      Buffer.from(signature, 'base64url'),
    );
    const zeros = `${header}.${payload}.${Buffer.alloc(64).toString('base64url')}`;
    for (const text of [promoted, zeros])
      await expect(verdict(text)).rejects.toMatchObject(code('bad_signature'));
    for (const text of [`${token}=`, `${token}\u0000`, `${header}.${payload}.`])
      await expect(verdict(text)).rejects.toMatchObject({ name: 'CountersignError' });
  });

  it('C06 remembers as many as it may, and none that it refused', async () => {
    const { verifier, verdict } = await remembering(2);
    for (const sub of ['a', 'b', 'c']) await verdict(await signCompact(signs, {}, { ...claims, sub }));
    expect(verifier.size).toBe(2);
    const { verifier: other, verdict: refuse } = await remembering();
    const foreign = await signCompact(pair().signs, {}, claims);
    await expect(refuse(foreign)).rejects.toBeDefined();
    expect(other.size).toBe(1);
    await expect(refuse(token, [verifies], END_MS)).rejects.toBeDefined();
    expect(other.size).toBe(0);
  });

  it('gives out what no caller can change for the next', async () => {
    const { first } = await remembering();
    for (const change of [
      () => Object.assign(first.claims, { sub: 'root' }),
      () => Object.assign(first.claims['data'] ?? {}, { teams: [] }),
      () => Object.assign(first.header, { gty: [] }),
    ])
      expect(change).toThrow(TypeError);
  });
});
