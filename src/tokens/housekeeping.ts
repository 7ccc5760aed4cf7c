/** Removes what has ended by itself: refresh tokens past their life, pending links, old login records; and what hangs on what was deleted. */
import { DAY_MS, MINUTE_MS, type Scheduler } from '../core/time.ts';
import { removeLeftovers } from './objects/removal.ts';
import { policyInForce } from './refresh-policy.ts';
import type { TokenService } from './service.ts';

type HousekeepingService = Pick<TokenService, 'store' | 'catalog' | 'clock' | 'log'>;

/** Nothing depends on it: what has ended is refused whether its row is there or not. */
const EVERY_MS = 10 * MINUTE_MS;
/** Rows of one statement: a longer one would hold the writer. */
const BATCH_MAX = 1000;
/** Batches of one kind a round; the rest waits for the next. */
const BATCHES_MAX = 100;
/** Where someone came from is no one's business after three months. */
const LOGIN_RECORDS_KEPT_MS = 90 * DAY_MS;

/** Gives back its end. */
export function startHousekeeping(service: HousekeepingService, schedule: Scheduler): () => void {
  let isEnded = false;
  let cancel = schedule(run, EVERY_MS);
  function run(): void {
    void keepHouse(service)
      .catch((error: unknown) => {
        const cause = error instanceof Error ? error.message : 'unknown';
        service.log.warn('Ended sessions could not be removed; the next round tries again', { cause });
      })
      .finally(() => {
        if (!isEnded) cancel = schedule(run, EVERY_MS);
      });
  }
  return () => {
    isEnded = true;
    cancel();
  };
}

/** One round. @throws StoreUnavailableError */
export async function keepHouse(service: HousekeepingService): Promise<void> {
  const { store, clock } = service;
  const now = clock();
  for (const { applicationId, startedBefore } of endedSessions(service, now))
    await inBatches(() =>
      store.refreshTokens.deleteStartedBefore(applicationId, startedBefore, now, BATCH_MAX),
    );
  await removeLeftovers(service);
  await store.pendingLinks.deleteEnded(now);
  await inBatches(() => store.loginRecords.trim(now - LOGIN_RECORDS_KEPT_MS, BATCH_MAX));
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

async function inBatches(removeBatch: () => Promise<number>): Promise<void> {
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) if ((await removeBatch()) < BATCH_MAX) return;
}
