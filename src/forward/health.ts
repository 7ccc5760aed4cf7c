/** Active health checks: asks a target at intervals how it is, and says when that has changed. */
import type { Scheduler } from '../core/time.ts';
import type { HealthCheckSettings } from '../core/upstream.ts';

/** True: the target answered as a healthy one does. Never rejects, and ends within the timeout of the check. */
export type Probe = () => Promise<boolean>;

export interface HealthCheckOptions {
  readonly settings: Pick<HealthCheckSettings, 'intervalMs' | 'unhealthyAfter' | 'healthyAfter'>;
  readonly probe: Probe;
  readonly schedule: Scheduler;
  readonly onChange: (isHealthy: boolean) => void;
}

export interface HealthCheck {
  /** True until checks say otherwise: a gateway that starts serves at once. */
  readonly isHealthy: boolean;
  /** Ends the checks. A running one has no effect any more. */
  stop(): void;
}

/** Checks at once, and then each time `intervalMs` after the check before: slow answers make checks rare, never many. */
export function startHealthCheck({ settings, probe, schedule, onChange }: HealthCheckOptions): HealthCheck {
  let isHealthy = true;
  let isStopped = false;
  /** Results in a row that contradict what is believed. */
  let contradictions = 0;

  const note = (isGood: boolean) => {
    contradictions = isGood === isHealthy ? 0 : contradictions + 1;
    const needed = isHealthy ? settings.unhealthyAfter : settings.healthyAfter;
    if (contradictions < needed) return;
    isHealthy = isGood;
    contradictions = 0;
    onChange(isHealthy);
  };
  const check = async () => {
    const isGood = await probe();
    if (isStopped) return;
    note(isGood);
    cancel = schedule(() => void check(), settings.intervalMs);
  };
  let cancel = schedule(() => void check(), 0);

  return {
    get isHealthy() {
      return isHealthy;
    },
    stop: () => {
      isStopped = true;
      cancel();
    },
  };
}
