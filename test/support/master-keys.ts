/** Processes with master keys of their own on one database, as app/ opens them. */

import { createTokenSigning } from '../../src/app/token-signing.ts';
import { openTokenStore, type TokenStore } from '../../src/app/token-store.ts';
import type { StoreSettings } from '../../src/config/compile/token-service.ts';
import { newRefreshTokenValue } from '../../src/tokens/refresh-token-value.ts';
import type { FakeClock } from './clock.ts';
import { type ComposedTokenService, composeTokenService } from './compose-token-service.ts';
import { type StoreKind, silentLog } from './open-store.ts';
import { recordingLog } from './verifier.ts';

/** 32 bytes each, named by their letter. */
export const masterKey = (letter: string): Uint8Array => Buffer.alloc(32, letter);

export interface KeysOfProcess {
  /** Letters. */
  readonly masterKey: string;
  readonly previous?: readonly string[];
}

export interface KeyedProcess extends ComposedTokenService {
  readonly opened: TokenStore;
  readonly log: ReturnType<typeof recordingLog>;
  close(): Promise<void>;
}

/** @throws MasterKeyError where one is missing */
export async function processWith(
  kind: StoreKind,
  address: string,
  keys: KeysOfProcess,
  clock: FakeClock,
): Promise<KeyedProcess> {
  const tokenService = {
    store: storeAt(kind, address),
    masterKey: masterKey(keys.masterKey),
    previousMasterKeys: (keys.previous ?? []).map(masterKey),
  };
  const opened = await openTokenStore({ tokenService, dataDir: '/nowhere' }, { clock, log: silentLog });
  if (opened === null) throw new Error('There is a token service');
  const { store, sealer } = opened;
  const log = recordingLog();
  const parts = { sealer, ...createTokenSigning(sealer), log };
  const composed = await composeTokenService(store, clock, { parts });
  return { ...composed, opened, log, close: () => store.close() };
}

function storeAt(kind: StoreKind, address: string): StoreSettings {
  return kind === 'sqlite' ? { driver: 'sqlite', file: address } : { driver: 'postgres', url: address };
}

/** Sessions like the one of the id, written in the time of a few. */
export async function addSessions(
  service: KeyedProcess['service'],
  id: string,
  count: number,
): Promise<void> {
  const record = await service.store.refreshTokens.get(id);
  if (record === null) throw new Error('The session is not there');
  await service.store.transaction(async ({ refreshTokens }) => {
    for (let index = 0; index < count; index += 1) {
      const another = service.random.uuid();
      await refreshTokens.insert({ ...record, id: another, ...newRefreshTokenValue(service, another) });
    }
  });
}
