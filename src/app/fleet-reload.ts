/** A configuration for all workers or for none: each prepares it, and when all have, each begins to use it. */
import type { Logger } from '../core/log.ts';
import { MINUTE_MS, SECOND_MS } from '../core/time.ts';
import type { FileContents } from './configuration-files.ts';
import { LinkClosedError } from './link.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Key sets that are new are fetched meanwhile: twice what one may take at most (`jwks.timeout`). */
const PREPARE_MS = 2 * MINUTE_MS;
/** A swap of one reference: a worker that takes longer hangs. */
const COMMIT_MS = 10 * SECOND_MS;

interface Serving {
  readonly number: number;
  readonly worker: WorkerProcess;
}

export interface FleetReload {
  readonly serving: readonly Serving[];
  readonly files: FileContents;
  readonly log: Logger;
  /** What is done once for all of them, when all can use the configuration and none does yet. */
  readonly onPrepared: () => Promise<void>;
}

/**
 * Workers that end meanwhile do not count: those that take their places are given what is in use then.
 *
 * @throws Error where a worker cannot use the configuration; what `onPrepared` throws. All go on with what they have.
 */
export async function reloadAll({ serving, files, log, onPrepared }: FleetReload): Promise<void> {
  try {
    await prepareAll(serving, files);
    await onPrepared();
  } catch (error) {
    await Promise.allSettled(serving.map(({ worker }) => worker.link.call('discard', null, COMMIT_MS)));
    throw error;
  }
  await Promise.all(serving.map((one) => commit(one, log)));
}

async function prepareAll(serving: readonly Serving[], files: FileContents): Promise<void> {
  const prepared = await Promise.allSettled(
    serving.map(({ worker }) => worker.link.call('prepare', files, PREPARE_MS)),
  );
  const refused = prepared.findIndex(isRefusal);
  if (refused !== -1) throw new Error(`worker ${serving[refused]?.number}: ${causeOf(prepared[refused])}`);
}

/** All others use it already: one that does not is ended, and replaced by one that does. */
async function commit({ number, worker }: Serving, log: Logger): Promise<void> {
  try {
    await worker.link.call('commit', null, COMMIT_MS);
  } catch (error) {
    if (error instanceof LinkClosedError) return;
    log.error('A worker does not use the new configuration and is ended', { worker: number });
    worker.kill();
  }
}

function isRefusal(outcome: PromiseSettledResult<void>): boolean {
  return outcome.status === 'rejected' && !(outcome.reason instanceof LinkClosedError);
}

function causeOf(outcome: PromiseSettledResult<void> | undefined): string {
  if (outcome?.status !== 'rejected') return 'unknown';
  return outcome.reason instanceof Error ? outcome.reason.message : String(outcome.reason);
}
