import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { keyFactory } from '../../../src/app/token-keys.ts';
import { createTokenSigning } from '../../../src/app/token-signing.ts';
import { jwsAlgorithm, KEY_ALGORITHMS, type Key, type KeyAlgorithm } from '../../../src/objects/key.ts';
import { keyBody } from '../../../src/tokens/objects/keys.ts';
import { createSealer } from '../../../src/tokens/sealing.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const claims = { sub: 'u1', exp: NOW_MS / 1000 + 60 };
const sealer = createSealer(randomBytes(32));
let opened = 0;
const counting = {
  open: (sealed: string, context: string) => {
    opened += 1;
    return sealer.open(sealed, context);
  },
};
const { signer, verifier } = createTokenSigning(counting);

async function key(algorithm: KeyAlgorithm): Promise<Key> {
  const id = randomUUID();
  const body = keyBody(sealer, id, { name: id }, await keyFactory.generate(algorithm));
  return { ...body, id, insertInstant: 0, lastUpdateInstant: 0, source: 'API' };
}

describe('createTokenSigning()', () => {
  it.each(KEY_ALGORITHMS.filter((one) => !one.endsWith('384')))(
    'signs and verifies with %s',
    async (algorithm) => {
      const one = await key(algorithm);
      const token = await signer.sign(one, { gty: [] }, claims);
      const verified = await verifier.verifyOwn(token, () => [one], NOW_MS);
      expect(verified).toEqual({
        header: { alg: jwsAlgorithm(algorithm), typ: 'JWT', kid: one.kid, gty: [] },
        claims,
      });
    },
  );

  it('unseals a key once, and never to verify by its public half', async () => {
    const one = await key('ES256');
    opened = 0;
    const tokens = [await signer.sign(one, {}, claims), await signer.sign(one, {}, claims)];
    for (const token of tokens) await verifier.verifyOwn(token, () => [one], NOW_MS);
    expect(opened).toBe(1);
  });

  it('cannot sign with a key that only verifies', async () => {
    const one = { ...(await key('ES256')), sealedPrivateKey: null, hasPrivateKey: false };
    await expect(signer.sign(one, {}, claims)).rejects.toThrow('only verifies');
  });

  it('tells a refused token from a key that cannot be read', async () => {
    const one = await key('ES256');
    const token = await signer.sign(one, {}, claims);
    const late = verifier.verifyOwn(token, () => [one], NOW_MS + 60_000);
    await expect(late).rejects.toMatchObject({
      name: 'TokenRejectedError',
      message: expect.stringContaining('expired'),
    });
    const moved = { ...(await key('HS256')), id: randomUUID() };
    await expect(verifier.verifyOwn(token, () => [moved], NOW_MS)).rejects.not.toMatchObject({
      name: 'TokenRejectedError',
    });
  });
});
