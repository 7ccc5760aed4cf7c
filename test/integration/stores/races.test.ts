import { describe, expect, it } from 'vitest';
import { killDuringRotations } from '../../../scripts/torture/store-kills.ts';
import { raceRevocations, raceRotations } from '../../../scripts/torture/store-races.ts';
import { eachStore } from '../../support/store.ts';
import { aSuccessor, NOW_MS, storedRefreshToken } from '../../support/stored-objects.ts';

/** `npm run torture -- refresh` does the same ten thousand times. */
const [ROTATION_ROUNDS, REVOCATION_ROUNDS, KILLS] = [40, 500, 6];
const PATIENCE_MS = 120_000;

describe('one refresh token, many rotations at once', () => {
  eachStore((kind, open, address) => {
    it('T01 exactly one of two wins, in one process', async () => {
      const stores = [await open(), await open()];
      for (let round = 0; round < 100; round++) {
        const token = await storedRefreshToken(stores[0]!);
        const won = await Promise.all(
          stores.map((store) => store.refreshTokens.rotate(token.id, token.lookup, aSuccessor(), NOW_MS)),
        );
        expect(won.filter(Boolean)).toHaveLength(1);
      }
    });

    it.each([1, 4, 16])(
      'T01 JWT-C96 exactly one wins of %d in each of two processes',
      async (contenders) => {
        const races = { kind, address: address(), rounds: ROTATION_ROUNDS, processes: 2, contenders };
        expect(await raceRotations(races)).toEqual([]);
      },
      PATIENCE_MS,
    );

    it(
      'T03 T04 rotation against revocation never leaves a live token, nor an access token that is not revoked',
      async () => {
        expect(await raceRevocations({ kind, address: address(), rounds: REVOCATION_ROUNDS })).toEqual([]);
      },
      PATIENCE_MS,
    );

    it(
      'T05 a process that is killed loses nothing that was answered, and leaves no second value',
      async () => {
        const { acknowledged, wrong } = await killDuringRotations({
          kind,
          address: address(),
          rounds: KILLS,
        });
        expect(wrong).toEqual([]);
        expect(acknowledged).toBeGreaterThan(0);
      },
      PATIENCE_MS,
    );
  });
});
