/** Gauges of what is in use, after a reload too. */
import { describe, expect, it } from 'vitest';
import { mirrorState } from '../../../src/app/mirror.ts';
import type { BoundRealm } from '../../../src/app/realms.ts';
import type { KeySetStatus } from '../../../src/jwt/verification-key.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { fakeClock } from '../../support/clock.ts';
import { testRealm } from '../../support/policy.ts';

const STALE: KeySetStatus = {
  url: 'https://idp.test/jwks',
  state: 'stale',
  kids: ['k1', 'k2'],
  rejected: [],
  fetchedAtMs: Date.parse('2026-01-01'),
  nextFetchAtMs: null,
  lastError: null,
};

function realmNamed(name: string): BoundRealm {
  const remote = { status: () => STALE } as unknown as NonNullable<BoundRealm['remote']>;
  return { realm: testRealm({ name }), signingKeys: [], keySet: remote, remote };
}

describe('mirrorState', () => {
  it('forgets the key sets of realms that a reload has taken away', async () => {
    const metrics = createMetrics('countersign_');
    const parts = { verifier: { cacheSize: 0 } as never, upstreams: { status: () => [] } as never };
    const live = { current: { ...parts, realms: [realmNamed('old')] } };
    mirrorState(live, { clock: fakeClock(), metrics });
    const lines = async () =>
      (await metrics.scrape()).body
        .split('\n')
        .filter((line) => /_jwks_(keys|stale|age)[a-z_]*\{/.test(line));
    expect((await lines()).filter((line) => line.includes('"old"'))).toHaveLength(3);
    live.current.realms = [realmNamed('new')];
    expect((await lines()).filter((line) => line.includes('"old"'))).toEqual([]);
    expect((await lines()).filter((line) => line.includes('"new"'))).toHaveLength(3);
  });
});
