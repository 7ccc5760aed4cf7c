/** What the CLI does with master keys: in the store, whether a gateway runs on it or not. */
import { setTimeout as wait } from 'node:timers/promises';
import { SECOND_MS } from '../core/time.ts';
import { type MasterKeyStatus, masterKeyStatus } from '../tokens/master-key-status.ts';
import { type ResealReport, resealRound } from '../tokens/resealing.ts';
import type { Configuration } from './configuration.ts';
import { createQuietRuntime, type Runtime } from './runtime.ts';
import { lookAtMasterKeys, openTokenStore, type TokenStore } from './token-store.ts';

/** There is nothing to do that for. For the operator. */
export class MasterKeyCommandError extends Error {
  override readonly name = 'MasterKeyCommandError';
}

/** Another process is at it: so long until its next batches are looked at. */
const BUSY_MS = SECOND_MS;

export interface MasterKeyReport extends MasterKeyStatus {
  /** Ids of the configured keys: `masterKey`, then `previousMasterKeys` in their order. */
  readonly configured: readonly string[];
}

/** Changes nothing. */
export async function reportMasterKeys(configuration: Configuration): Promise<MasterKeyReport> {
  return await withStore(configuration, lookAtMasterKeys, async (opened) => {
    const { keyId, previousKeyIds } = opened.sealer;
    return { ...(await masterKeyStatus(opened)), configured: [keyId, ...previousKeyIds] };
  });
}

export interface ResealEnd extends Pick<ResealReport, 'resealed'> {
  readonly state: Exclude<ResealReport['state'], 'busy' | 'more'>;
}

/**
 * Seals everything anew until nothing is left, or a process seals with another key; also under previous keys of which
 * nobody has told the store.
 */
export async function resealNow(configuration: Configuration): Promise<ResealEnd> {
  return await withStore(configuration, openTokenStore, async (opened, runtime) => {
    for (const id of opened.sealer.previousKeyIds) await opened.store.masterKeys.note(id);
    let resealed = 0;
    for (;;) {
      const report = await resealRound({ ...opened, ...runtime });
      resealed += report.resealed;
      if (report.state === 'busy') await wait(BUSY_MS);
      else if (report.state !== 'more') return { state: report.state, resealed };
    }
  });
}

/** The store needs the key no longer, although something may be sealed under it: it is lost. */
export async function forgetMasterKey(configuration: Configuration, id: string): Promise<void> {
  await withStore(configuration, lookAtMasterKeys, async ({ store, sealer }) => {
    if (id === sealer.keyId || sealer.previousKeyIds.includes(id))
      throw new MasterKeyCommandError('the configuration has this key: what it sealed can be sealed anew');
    if (!(await store.masterKeys.forget(id, Number.MAX_SAFE_INTEGER)))
      throw new MasterKeyCommandError('the store knows no such key');
  });
}

async function withStore<T>(
  { compiled }: Configuration,
  open: typeof openTokenStore,
  run: (opened: TokenStore, runtime: Pick<Runtime, 'clock' | 'log'>) => Promise<T>,
): Promise<T> {
  const runtime = createQuietRuntime(compiled);
  const opened = await open(compiled, runtime);
  if (opened === null)
    throw new MasterKeyCommandError('the configuration has no tokenService block: nothing is sealed');
  try {
    return await run(opened, runtime);
  } finally {
    await opened.store.close();
  }
}
