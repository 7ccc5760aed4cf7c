/** Removes what has ended by itself: refresh tokens past their life, pending links, old login records; and what hangs on what was deleted. */
import { DAY_MS, MINUTE_MS, type Scheduler, SECOND_MS } from '../core/time.ts';
import { removeLeftovers } from './objects/removal.ts';
import { policyInForce } from './refresh-policy.ts';
import type { TokenService } from './service.ts';

type HousekeepingService = Pick<TokenService, 'store' | 'catalog' | 'clock' | 'log'>;

/** Nothing depends on it: what has ended is refused whether its row is there or not. */
const EVERY_MS = 10 * MINUTE_MS;
/** Rows of one statement: a longer one would hold the writer. */
const BATCH_MAX = 1000;
/** Batches of one kind a round, so that each kind has its turn; the rest is the next round's. */
const BATCHES_MAX = 100;
/** Until the next round where one was cut short: a hundred thousand sessions of an application end faster than rounds come. */
const CUT_SHORT_PAUSE_MS = SECOND_MS;
/** Where someone came from is no one's business after three months. */
const LOGIN_RECORDS_KEPT_MS = 90 * DAY_MS;

/** Gives back its end. */
export function startHousekeeping(service: HousekeepingService, schedule: Scheduler): () => void {
  let isEnded = false;
  let cancel = schedule(run, EVERY_MS);
  function run(): void {
    void pauseAfterRound(service).then((pauseMs) => {
      if (!isEnded) cancel = schedule(run, pauseMs);
    });
  }
  return () => {
    isEnded = true;
    cancel();
  };
}

/** Never rejects. */
async function pauseAfterRound(service: HousekeepingService): Promise<number> {
  try {
    if (await keepHouse(service)) return EVERY_MS;
    service.log.info('More has ended than one round of housekeeping removes; it goes on');
    return CUT_SHORT_PAUSE_MS;
  } catch (error) {
    const cause = error instanceof Error ? error.message : 'unknown';
    service.log.warn('Ended sessions could not be removed; the next round tries again', { cause });
    return EVERY_MS;
  }
}

/** One round. False: it was cut short, more is left. @throws StoreUnavailableError */
export async function keepHouse(service: HousekeepingService): Promise<boolean> {
  const { store, clock } = service;
  const now = clock();
  await store.pendingLinks.deleteEnded(now);
  const removeEnded = ({ applicationId, startedBefore }: EndedSessions) =>
    inBatches(() => store.refreshTokens.deleteStartedBefore(applicationId, startedBefore, now, BATCH_MAX));
  const tasks = [
    ...endedSessions(service, now).map((ended) => () => removeEnded(ended)),
    () => removeLeftovers(service),
    () => inBatches(() => store.loginRecords.trim(now - LOGIN_RECORDS_KEPT_MS, BATCH_MAX)),
  ];
  let isDone = true;
  for (const task of tasks) if (!(await task())) isDone = false;
  return isDone;
}

interface EndedSessions {
  /** Null: sessions without application. */
  readonly applicationId: string | null;
  /** Milliseconds. */
  readonly startedBefore: number;
}

/** Each application by the policy in force; sessions without one by the longest of all tenants. */
function endedSessions({ catalog }: HousekeepingService, now: number): readonly EndedSessions[] {
  const { applications, tenants } = catalog();
  const ofApplications = [...applications.values()].flatMap((application) => {
    const tenant = tenants.get(application.tenantId);
    if (tenant === undefined) return [];
    const { refreshTokenTimeToLiveInMinutes: minutes } = policyInForce(tenant, application);
    return [{ applicationId: application.id, startedBefore: now - minutes * MINUTE_MS }];
  });
  const longest = Math.max(
    0,
    ...[...tenants.values()].map(({ jwtConfiguration }) => jwtConfiguration.refreshTokenTimeToLiveInMinutes),
  );
  const without = { applicationId: null, startedBefore: now - longest * MINUTE_MS };
  return tenants.size === 0 ? ofApplications : [...ofApplications, without];
}

/** False: there may be more. */
async function inBatches(removeBatch: () => Promise<number>): Promise<boolean> {
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) if ((await removeBatch()) < BATCH_MAX) return true;
  return false;
}
