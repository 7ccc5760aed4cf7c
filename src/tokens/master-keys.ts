/** Master keys of a process meet those of the store: none that is still needed is missing, and all make the same look-ups. */

import type { Clock } from '../core/time.ts';
import { MINUTE_MS } from '../core/time.ts';
import type { UsedMasterKey } from './master-key-table.ts';
import type { Sealer } from './ports.ts';
import { LOOKUP_KEY_CONTEXT } from './sealed-values.ts';
import type { Records, Store } from './store.ts';

/** What is in the store needs a master key that the configuration does not have. For the operator; names keys by ids. */
export class MasterKeyError extends Error {
  override readonly name = 'MasterKeyError';
}

/**
 * So long after a process has last said that it seals with a key, another may still: it says so each minute, clocks differ
 * by up to one, and a store that was away may have kept it from saying so.
 */
export const IN_USE_MS = 5 * MINUTE_MS;

export function isInUse({ usedInstant }: UsedMasterKey, nowMs: number): boolean {
  return usedInstant >= nowMs - IN_USE_MS;
}

/** Of `list()`, those that do not seal here. */
export function previousOnes(
  used: readonly UsedMasterKey[],
  { keyId }: Pick<Sealer, 'keyId'>,
): readonly UsedMasterKey[] {
  return used.filter(({ id }) => id !== keyId);
}

/** Of `list()`, those that the configuration does not have. */
export function unknownOnes(
  used: readonly UsedMasterKey[],
  { keyId, previousKeyIds }: Pick<Sealer, 'keyId' | 'previousKeyIds'>,
): readonly UsedMasterKey[] {
  return used.filter(({ id }) => id !== keyId && !previousKeyIds.includes(id));
}

export interface MasterKeyParts {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly clock: Clock;
  /** Where the store has no key of look-ups yet: what they were made with so far. Base64url. */
  readonly firstLookupKey: string;
}

/**
 * Before anything is sealed: from now on the store knows of the key. Gives back what look-ups are made with, base64url.
 *
 * @throws MasterKeyError; StoreUnavailableError
 */
export async function joinMasterKeys({
  store,
  sealer,
  clock,
  firstLookupKey,
}: MasterKeyParts): Promise<string> {
  return await store.transaction(async (records) => {
    const used = await records.masterKeys.list();
    requireKnown(used, sealer);
    await records.masterKeys.use(sealer.keyId, clock());
    // Versions before have said nothing of the keys that they sealed with.
    if (used.length === 0) for (const id of sealer.previousKeyIds) await records.masterKeys.note(id);
    return await lookupKeyIn(records, sealer, firstLookupKey);
  });
}

function requireKnown(used: readonly UsedMasterKey[], sealer: Sealer): void {
  const missing = unknownOnes(used, sealer).map(
    ({ id, usedInstant }) => `${id} (last used ${new Date(usedInstant).toISOString()})`,
  );
  if (missing.length === 0) return;
  throw new MasterKeyError(
    `The store holds what is sealed under master key ${missing.join(' and ')}, which the configuration does not have ` +
      `(masterKey is ${sealer.keyId}): secrets.previousMasterKeys must hold it until ` +
      '`countersign master-key status` says that it can go',
  );
}

/**
 * The same for a look: nothing is written.
 *
 * @throws MasterKeyError; StoreUnavailableError
 */
export async function knownLookupKey({ store, sealer, firstLookupKey }: MasterKeyParts): Promise<string> {
  requireKnown(await store.masterKeys.list(), sealer);
  return openLookupKey(sealer, await store.masterKeys.lookupKey()) ?? firstLookupKey;
}

async function lookupKeyIn({ masterKeys }: Records, sealer: Sealer, first: string): Promise<string> {
  const present = openLookupKey(sealer, await masterKeys.lookupKey());
  if (present !== null) return present;
  await masterKeys.insertLookupKey(sealer.seal(first, LOOKUP_KEY_CONTEXT));
  // Of two that start together, one has made it.
  return openLookupKey(sealer, await masterKeys.lookupKey()) ?? first;
}

/** Null: there is none. @throws MasterKeyError */
function openLookupKey(sealer: Pick<Sealer, 'unseal'>, sealedKey: string | null): string | null {
  if (sealedKey === null) return null;
  const unsealed = sealer.unseal(sealedKey, LOOKUP_KEY_CONTEXT);
  if (unsealed !== null) return unsealed.plaintext;
  throw new MasterKeyError(
    'The key of look-ups does not open: it was altered, or sealed under a master key that the configuration does not have',
  );
}
