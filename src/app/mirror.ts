/** Gauges that mirror state: looked up when somebody asks, not kept. */
import { showTargets } from './observe.ts';
import { keySetStatuses } from './readiness.ts';
import type { Runtime } from './runtime.ts';
import type { Snapshot } from './snapshot.ts';

/** Sets the gauges of the snapshot in use before each scrape. */
export function mirrorState(
  live: { readonly current: Pick<Snapshot, 'realms' | 'verifier' | 'upstreams'> },
  { clock, metrics }: Pick<Runtime, 'clock' | 'metrics'>,
): void {
  metrics.onScrape(() => {
    const { verifier, upstreams, realms } = live.current;
    metrics.set('token_cache_size', verifier.cacheSize);
    showTargets(metrics, upstreams.status());
    // Those of an older configuration are forgotten.
    for (const gauge of ['jwks_keys', 'jwks_stale', 'jwks_age_seconds'] as const) metrics.clear(gauge);
    for (const { realms: names, kids, fetchedAt, state } of keySetStatuses(realms)) {
      const name = [names[0] ?? 'unnamed'];
      metrics.set('jwks_keys', kids.length, name);
      metrics.set('jwks_stale', state === 'stale' || state === 'expired' ? 1 : 0, name);
      if (fetchedAt !== null) metrics.set('jwks_age_seconds', (clock() - Date.parse(fetchedAt)) / 1000, name);
    }
  });
}
