/** Which target takes the next request. Pure: what is known of the targets comes in, one of them comes out. */
import type { Balance } from '../core/upstream.ts';

/** A target as balancing sees it. */
export interface Candidate {
  /** What active health checks say; true where there are none. */
  readonly isHealthy: boolean;
  /** Requests and tunnels under way. */
  readonly activeRequests: number;
}

/**
 * One of the candidates; undefined where there are none. `turn` rises with each pick: it is the position of round
 * robin, and it decides between targets that are equally busy, so that the first one is not always it.
 */
export function pickTarget<T extends Candidate>(
  balance: Balance,
  candidates: readonly T[],
  turn: number,
): T | undefined {
  const best = balance === 'roundRobin' ? candidates : leastBusy(candidates);
  return best[turn % best.length];
}

function leastBusy<T extends Candidate>(candidates: readonly T[]): readonly T[] {
  const fewest = Math.min(...candidates.map(({ activeRequests }) => activeRequests));
  return candidates.filter(({ activeRequests }) => activeRequests === fewest);
}

/**
 * Those of the available targets that are best for the next attempt. Where all are unhealthy they are tried all the
 * same: a wrong health path must not take down what works, and where nothing listens the breaker fails fast.
 *
 * `tried`: targets that failed this request. They are not asked again, unless `mayRepeat` and no healthy one is left.
 */
export function bestCandidates<T extends Candidate>(
  available: readonly T[],
  tried: ReadonlySet<T>,
  mayRepeat: boolean,
): readonly T[] {
  const untried = tried.size === 0 ? available : available.filter((target) => !tried.has(target));
  const fresh = healthy(untried);
  if (fresh.length > 0) return fresh;
  const again = mayRepeat ? healthy(available) : [];
  if (again.length > 0) return again;
  return untried.length > 0 || !mayRepeat ? untried : available;
}

function healthy<T extends Candidate>(targets: readonly T[]): readonly T[] {
  return targets.filter(({ isHealthy }) => isHealthy);
}
