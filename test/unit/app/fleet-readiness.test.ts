import { describe, expect, it } from 'vitest';
import { type FleetReadinessInput, fleetReadiness } from '../../../src/app/readiness.ts';
import type { Readiness } from '../../../src/http/ops.ts';

const READY: Readiness = {
  isReady: true,
  causes: [],
  unsignedRealms: ['open'],
  keySets: [{ state: 'fresh' }],
};
const LOADING: Readiness = {
  ...READY,
  isReady: false,
  causes: ['key set of corp is not loaded'],
  keySets: [{ state: 'loading' }],
};
const STALE: Readiness = { ...READY, causes: ['key set of corp is stale'], keySets: [{ state: 'stale' }] };

function readiness(workers: readonly (Readiness | null)[], more: Partial<FleetReadinessInput> = {}) {
  const numbered = workers.map((one, index) => ({ number: index + 1, readiness: one }));
  return fleetReadiness({ workers: numbered, missing: [], isStopping: false, reloadError: null, ...more });
}

describe('fleetReadiness', () => {
  it('is ready when every worker is', () => {
    expect(readiness([READY, READY])).toEqual(READY);
  });

  it('is not ready while one is not, and shows why once', () => {
    expect(readiness([READY, LOADING, LOADING])).toEqual(LOADING);
  });

  it.each([
    ['worker 2 does not answer', readiness([READY, null])],
    ['worker 2 is being replaced', readiness([READY], { missing: [2] })],
    ['shutting down', readiness([READY, READY], { isStopping: true })],
  ])('is not ready: %s', (cause, result) => {
    expect(result).toMatchObject({ isReady: false, causes: [cause] });
  });

  it('is degraded, and ready, by a stale key set of one worker or a refused file', () => {
    expect(readiness([READY, STALE], { reloadError: 'line 3' })).toEqual({
      ...STALE,
      causes: ['key set of corp is stale', 'the last reload failed: line 3'],
    });
  });
});
