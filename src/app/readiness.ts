/** Whether this instance can serve: every key set was loaded once. Later outages degrade, they do not unready. */

import type { Readiness } from '../http/ops.ts';
import { acceptsUnsigned } from '../jwt/realm-binding.ts';
import type { BoundRealm } from './realms.ts';

export interface ReadinessInput {
  readonly realms: readonly BoundRealm[];
  readonly isStopping: boolean;
  /** Of the last reload that failed; null after a good one. */
  readonly reloadError: string | null;
  /** False: the token service does not reach its store, or cannot read what it holds. Null: there is none. */
  readonly isCatalogCurrent: boolean | null;
}

export function readinessOf({
  realms,
  isStopping,
  reloadError,
  isCatalogCurrent,
}: ReadinessInput): Readiness {
  const keySets = keySetStatuses(realms);
  const blocking = keySets
    .filter(({ state }) => state === 'loading')
    .map(
      ({ realms: names, lastError }) =>
        `key set of ${names.join(', ')} is not loaded: ${lastError ?? 'first fetch is running'}`,
    );
  if (isStopping) blocking.push('shutting down');
  if (isCatalogCurrent === false)
    blocking.push('the store of the token service does not answer, or cannot be read');
  const degraded = keySets
    .filter(({ state }) => state === 'expired' || state === 'stale')
    .map(
      ({ realms: names, state, lastError }) =>
        `key set of ${names.join(', ')} is ${state}: ${lastError ?? 'unknown'}`,
    );
  if (reloadError !== null) degraded.push(`the last reload failed: ${reloadError}`);
  return {
    isReady: blocking.length === 0,
    causes: [...blocking, ...degraded],
    unsignedRealms: realms.filter(acceptsUnsigned).map(({ realm }) => realm.name),
    keySets,
  };
}

export interface KeySetReport {
  readonly realms: readonly string[];
  readonly url: string;
  readonly state: string;
  readonly kids: readonly string[];
  readonly rejected: readonly string[];
  readonly fetchedAt: string | null;
  readonly nextFetchAt: string | null;
  readonly lastError: string | null;
}

/** One report for each key set, with the realms that use it. */
export function keySetStatuses(
  realms: readonly BoundRealm[],
): (KeySetReport & { readonly [member: string]: string | null | readonly string[] })[] {
  const sets = new Set(realms.map(({ remote }) => remote).filter((remote) => remote !== null));
  return [...sets].map((keySet) => {
    const status = keySet.status();
    return {
      realms: realms.filter((bound) => bound.remote === keySet).map(({ realm }) => realm.name),
      url: status.url,
      state: status.state,
      kids: status.kids,
      rejected: status.rejected.map(({ kid, reason }) => `${kid ?? 'without kid'}: ${reason}`),
      fetchedAt: timeText(status.fetchedAtMs),
      nextFetchAt: timeText(status.nextFetchAtMs),
      lastError: status.lastError,
    };
  });
}

function timeText(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}

/** What a supervisor knows of its workers. */
export interface FleetReadinessInput {
  /** Null: the worker did not answer. */
  readonly workers: readonly { readonly number: number; readonly readiness: Readiness | null }[];
  /** Numbers of the workers that are being replaced. */
  readonly missing: readonly number[];
  readonly isStopping: boolean;
  readonly reloadError: string | null;
}

/** Ready when every worker is. */
export function fleetReadiness({
  workers,
  missing,
  isStopping,
  reloadError,
}: FleetReadinessInput): Readiness {
  const answers = workers.map(({ readiness }) => readiness).filter((readiness) => readiness !== null);
  const silent = workers.filter(({ readiness }) => readiness === null);
  const own = [
    ...missing.map((number) => `worker ${number} is being replaced`),
    ...silent.map(({ number }) => `worker ${number} does not answer`),
    ...(isStopping ? ['shutting down'] : []),
  ];
  const degraded = reloadError === null ? [] : [`the last reload failed: ${reloadError}`];
  return {
    isReady: own.length === 0 && answers.every(({ isReady }) => isReady),
    causes: [...new Set([...own, ...answers.flatMap(({ causes }) => causes), ...degraded])],
    unsignedRealms: answers[0]?.unsignedRealms ?? [],
    keySets: leastReady(answers)?.keySets ?? [],
  };
}

/** All have the same key sets; shown are those of the worker that has the most to say against serving. */
function leastReady(answers: readonly Readiness[]): Readiness | undefined {
  return [...answers].sort(
    (a, b) => Number(a.isReady) - Number(b.isReady) || b.causes.length - a.causes.length,
  )[0];
}
