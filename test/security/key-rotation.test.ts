/** T14: signing keys are replaced under load, and no backend ever meets an assertion that it cannot verify. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Assertion } from '../../src/core/decision.ts';
import { JWKS_MAX_AGE_MS } from '../../src/core/published-keys.ts';
import { keyDirectory } from '../../src/jwt/key-directory.ts';
import { KEYS_RELOAD_MS } from '../../src/jwt/key-lifecycle.ts';
import { rotateKeys } from '../../src/jwt/key-operations.ts';
import { type Keyring, openKeyring } from '../../src/jwt/keyring.ts';
import { fakeClock } from '../support/clock.ts';
import { mintingRoute, testMinter } from '../support/minting.ts';
import { testToken } from '../support/policy.ts';
import { recordingLog } from '../support/verifier.ts';

const TTL_MS = 300_000;
const ROTATIONS = 20;

/** A backend that fetched the set once and keeps it for its max-age. */
function verifierOf(keyring: Keyring): (assertion: Assertion, nowMs: number) => Promise<unknown> {
  const jwks: JSONWebKeySet = JSON.parse(keyring.published().jwks().body);
  const keys = createLocalJWKSet(jwks);
  return ({ value }, nowMs) => jwtVerify(value, keys, { currentDate: new Date(nowMs) });
}

describe('rotation of signing keys', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'countersign-rotation-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('T14 AST-P42 every assertion verifies with the set of before and of after each rotation', async () => {
    const clock = fakeClock();
    const options = {
      source: { storage: keyDirectory(directory) },
      algorithms: ['EdDSA'],
      longestTtlMs: TTL_MS,
      clock,
      log: recordingLog(),
    };
    // Two instances share the directory; the second one notices rotations later.
    const prompt = await openKeyring(options);
    const late = await openKeyring(options);
    const minters = [prompt, late].map((keyring) => testMinter(keyring, { clock }).minter);
    const kids = new Set<string | null>();
    const mintAll = async (id: string) => {
      const made = await Promise.all(
        minters.map(async (minter) => minter.mint(testToken({ id }), mintingRoute())),
      );
      for (const { kid } of made) kids.add(kid);
      return made;
    };

    for (let count = 0; count < ROTATIONS; count += 1) {
      clock.advanceMs(JWKS_MAX_AGE_MS + KEYS_RELOAD_MS);
      await Promise.all([prompt.reload(), late.reload()]);
      const before = verifierOf(prompt);
      const old = await mintAll('caller');
      await rotateKeys(
        { storage: keyDirectory(directory), clock, longestTtlMs: TTL_MS },
        { algorithm: null, force: false },
      );
      await prompt.reload();
      const after = verifierOf(prompt);
      const mixed = await mintAll('caller');
      clock.advanceMs(KEYS_RELOAD_MS);
      const last = await mintAll('latecomer');
      await late.reload();
      for (const made of [...old, ...mixed, ...last]) {
        await before(made, clock());
        await after(made, clock());
      }
    }
    // Each rotation brought a key into use, and the one before the first.
    expect(kids.size).toBe(ROTATIONS + 1);
  });

  it('T14 nothing signed by the old key is sent after the rotation', async () => {
    const clock = fakeClock(Date.UTC(2030, 0, 1));
    const keyring = await openKeyring({
      source: { storage: keyDirectory(directory) },
      algorithms: ['EdDSA'],
      longestTtlMs: TTL_MS,
      clock,
      log: recordingLog(),
    });
    const { minter } = testMinter(keyring, { clock });
    const old = await minter.mint(testToken(), mintingRoute());
    await rotateKeys(
      { storage: keyDirectory(directory), clock, longestTtlMs: TTL_MS },
      { algorithm: null, force: true },
    );
    await keyring.reload();
    expect((await minter.mint(testToken(), mintingRoute())).kid).not.toBe(old.kid);
  });
});
