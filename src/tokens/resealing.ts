/**
 * After a change of the master key: what a previous one sealed is sealed again, in batches, while everything runs. Nobody
 * begins while a process still seals with another key: two would undo each other's work, and an end could not be told.
 */
import type { Logger } from '../core/log.ts';
import { MINUTE_MS, type Scheduler, SECOND_MS } from '../core/time.ts';
import { IN_USE_MS, isInUse, previousOnes, unknownOnes } from './master-keys.ts';
import { reseal } from './reseal-value.ts';
import { type ResealedValue, SEALED_PLACES, type SealedPlace } from './sealed-values.ts';
import type { TokenService } from './service.ts';
import { StoreUnavailableError } from './store.ts';

type ResealingService = Pick<TokenService, 'store' | 'sealer' | 'clock' | 'log'>;

/** How often a process says that it seals with its key. */
const EVERY_MS = MINUTE_MS;
/** A start has told the store already, and has other things to do. */
const FIRST_MS = SECOND_MS;
/** Rows of one transaction: their locks are held for some milliseconds. */
const BATCH_MAX = 100;
/** A batch takes some 6 ms of processor time: what is served meanwhile gets the rest. */
const PAUSE_MS = 20;
/** Of one round: 100,000 values. */
const BATCHES_MAX = 1000;

/** Where resealing stands after a round. */
export type ResealState =
  /** Nothing is sealed under a previous key. */
  | 'done'
  /** More is left for the next round. */
  | 'more'
  /** Another process is at it, or began again. */
  | 'busy'
  /** A process seals with another key, or did a moment ago. */
  | 'inUse'
  /** A key is needed that the configuration does not have. */
  | 'unknownKey';

export interface ResealReport {
  readonly state: ResealState;
  /** Keys beside the present one under which something may be sealed. */
  readonly previousKeys: number;
  /** Values that were sealed anew. */
  readonly resealed: number;
}

/** Told after each round. */
export type ResealObserver = (report: ResealReport) => void;

/** Keeps the store told of the present key, and seals anew what previous ones sealed. Gives back its end. */
export function startResealing(
  service: ResealingService,
  schedule: Scheduler,
  observe: ResealObserver,
): () => Promise<void> {
  let isEnded = false;
  let running: Promise<void> = Promise.resolve();
  let cancel = schedule(run, FIRST_MS);
  let before: ResealState = 'done';
  function run(): void {
    running = round()
      .catch((error: unknown) => logFailure(service.log, error))
      .finally(() => {
        if (!isEnded) cancel = schedule(run, EVERY_MS);
      });
  }
  async function round(): Promise<void> {
    await service.store.masterKeys.use(service.sealer.keyId, service.clock());
    const pause = () => new Promise<void>((resolve) => void schedule(resolve, PAUSE_MS));
    const report = await resealRound(service, { isStopped: () => isEnded, pause });
    observe(report);
    if (report.state !== before) logWait(service.log, report.state);
    before = report.state;
  }
  return async () => {
    isEnded = true;
    cancel();
    await running;
  };
}

function logWait(log: Logger, state: ResealState): void {
  if (state === 'inUse')
    log.info('A process seals with another master key, or did minutes ago: nothing is sealed anew meanwhile');
  if (state === 'unknownKey')
    log.error('The store needs a master key that the configuration does not have: nothing is sealed anew');
}

function logFailure(log: Logger, error: unknown): void {
  // Who reads the catalog says that the store is away.
  if (error instanceof StoreUnavailableError) return;
  const cause = error instanceof Error ? error.message : 'unknown';
  log.error('What previous master keys sealed could not be sealed anew; the next round tries again', {
    cause,
  });
}

export interface RoundOptions {
  readonly isStopped?: () => boolean;
  /** Between two batches. */
  readonly pause?: () => Promise<void>;
  readonly batchesMax?: number;
}

/** One round: a bounded number of batches. @throws StoreUnavailableError */
export async function resealRound(
  service: ResealingService,
  { isStopped = () => false, pause, batchesMax = BATCHES_MAX }: RoundOptions = {},
): Promise<ResealReport> {
  const used = await service.store.masterKeys.list();
  const previousKeys = previousOnes(used, service.sealer);
  const counts = { resealed: 0, lost: 0 };
  let state = stateBefore(service, used);
  for (let batch = 0; state === 'more' && batch < batchesMax && !isStopped(); batch += 1) {
    if (batch > 0) await pause?.();
    state = await resealBatch(service, previousKeys, counts);
  }
  if (counts.lost > 0)
    service.log.error('Sealed values open with no master key of the configuration; they stay as they are', {
      values: counts.lost,
    });
  const left = state === 'done' ? 0 : previousKeys.length;
  return { state, previousKeys: left, resealed: counts.resealed };
}

type UsedKeys = Awaited<ReturnType<ResealingService['store']['masterKeys']['list']>>;

function stateBefore({ sealer, clock }: ResealingService, used: UsedKeys): ResealState {
  const previous = previousOnes(used, sealer);
  if (previous.length === 0) return 'done';
  if (previous.some((key) => isInUse(key, clock()))) return 'inUse';
  return unknownOnes(used, sealer).length > 0 ? 'unknownKey' : 'more';
}

interface Counts {
  resealed: number;
  lost: number;
}

/** The next values in turn, and that they are done, in one transaction: whoever is ended loses a batch at most. */
async function resealBatch(
  service: ResealingService,
  previousKeys: UsedKeys,
  counts: Counts,
): Promise<ResealState> {
  const { store, sealer } = service;
  const progress = await store.masterKeys.progress(sealer.keyId);
  const at = positionOf(progress);
  if (at === null) return await finish(service, previousKeys, progress);
  const { place, after } = at;
  const values = await store.sealedValues.page(place, after, BATCH_MAX);
  const outcomes = values.map((value) => ({ value, outcome: reseal(sealer, place, value) }));
  const next = outcomes.flatMap(({ value, outcome }): ResealedValue[] =>
    outcome === null || outcome.next === null ? [] : [{ ...value, next: outcome.next }],
  );
  const to = positionText(place, values.length < BATCH_MAX ? null : (values.at(-1)?.id ?? null));
  const replaced = await store.transaction(async (records) => {
    const isOurs = await records.masterKeys.advance(sealer.keyId, progress, to);
    return isOurs ? await records.sealedValues.replace(place, next) : null;
  });
  if (replaced === null) return 'busy';
  counts.resealed += replaced;
  counts.lost += outcomes.filter(({ outcome }) => outcome === null).length;
  return 'more';
}

/** Forgets the previous keys, unless one of them was used meanwhile: then there is more to seal. */
async function finish(
  { store, sealer, clock, log }: ResealingService,
  previousKeys: UsedKeys,
  progress: string,
): Promise<ResealState> {
  const usedBefore = clock() - IN_USE_MS;
  const forgotten = await store.transaction(async ({ masterKeys }) => {
    if (!(await masterKeys.advance(sealer.keyId, progress, BEGIN))) return null;
    const ids: string[] = [];
    for (const { id } of previousKeys) if (await masterKeys.forget(id, usedBefore)) ids.push(id);
    return ids;
  });
  if (forgotten === null) return 'busy';
  if (forgotten.length < previousKeys.length) return 'inUse';
  log.info(
    'All that is sealed is sealed with the present master key: secrets.previousMasterKeys can be emptied',
    {
      previousKeys: forgotten,
    },
  );
  return 'done';
}

const BEGIN = '';
const END = 'end';

interface Position {
  readonly place: SealedPlace;
  /** Id of the last value that is done. */
  readonly after: string;
}

/** Null: at the end. What it does not know, another version wrote: everything is looked at again. */
function positionOf(progress: string): Position | null {
  if (progress === END) return null;
  const [name, ...words] = progress.split(' ');
  const place = SEALED_PLACES.find((one) => one === name);
  return place === undefined ? { place: SEALED_PLACES[0], after: '' } : { place, after: words.join(' ') };
}

/** `after`: the last value that is done; null: all of the place is. */
function positionText(place: SealedPlace, after: string | null): string {
  if (after !== null) return `${place} ${after}`;
  return SEALED_PLACES[SEALED_PLACES.indexOf(place) + 1] ?? END;
}
