import { describe, expect, it } from 'vitest';
import { tortureReload, tortureRestart } from '../../scripts/torture/run.ts';

/** The short form of `npm run torture`. */
const REQUESTS_PER_SECOND = 300;
/** Gateways start one after another, on a machine that may do other things. */
const TIMEOUT_MS = 90_000;

describe('a gateway under load', () => {
  it('loses nothing while it reloads twenty times, mistakes among them (GW-C02, Y02, I11)', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const result = await tortureReload({ times: 25, requestsPerSecond: REQUESTS_PER_SECOND });
    expect(result.lost).toEqual([]);
    expect(result).toMatchObject({ reloads: 20, refused: 5, streams: 1 });
    expect(result.requests).toBeGreaterThan(100);
  });

  it('loses nothing while it is replaced three times behind a front (GW-C14)', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const result = await tortureRestart({ times: 3, requestsPerSecond: REQUESTS_PER_SECOND });
    expect(result.lost).toEqual([]);
    expect(result.exitCodes).toEqual([0, 0, 0, 0]);
    expect(result.requests).toBeGreaterThan(100);
  });
});
