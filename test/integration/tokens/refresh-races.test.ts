import { describe, expect, it } from 'vitest';
import {
  type RefreshRaces,
  raceInGrace,
  raceRefreshes,
  raceReplayAgainstOwner,
  raceReplays,
  raceRevocation,
  raceUnderJumpingClock,
} from '../../../scripts/torture/refresh-races.ts';
import { eachStore } from '../../support/store.ts';

/** `npm run torture -- refresh` does the same thousands of times. */
const ROUNDS = 6;
const PATIENCE_MS = 120_000;

describe('refresh(), many calls at once', () => {
  eachStore((kind, _open, address) => {
    describe.each([1, 2])('by %d services', (services) => {
      const races = (contenders: number): RefreshRaces => ({
        kind,
        address: address(),
        services,
        rounds: ROUNDS,
        contenders,
      });

      it.each([2, 8, 32])(
        'gives exactly one of %d calls a successor (security.md T01, JWT-C96)',
        async (contenders) => expect(await raceRefreshes(races(contenders))).toEqual([]),
        PATIENCE_MS,
      );

      it(
        'ends the session of a value that several present (security.md T02, JWT-P49)',
        async () => expect(await raceReplays(races(8))).toEqual([]),
        PATIENCE_MS,
      );

      it(
        'gives all of them one successor within the grace (security.md T07, JWT-P48)',
        async () => expect(await raceInGrace(races(8))).toEqual([]),
        PATIENCE_MS,
      );

      it(
        'gives one of them a successor while the clock jumps an hour back and forth (security.md T06)',
        async () => expect(await raceUnderJumpingClock(races(8))).toEqual([]),
        PATIENCE_MS,
      );

      it(
        'leaves no chain alive when an old value comes while its owner goes on (security.md T03)',
        async () => expect(await raceReplayAgainstOwner(races(2))).toEqual([]),
        PATIENCE_MS,
      );

      it(
        'leaves nothing alive of a session that is revoked among refreshes (security.md T04)',
        async () => expect(await raceRevocation(races(6))).toEqual([]),
        PATIENCE_MS,
      );
    });
  });
});
