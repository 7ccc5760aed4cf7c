/**
 * What hangs on a deleted object may be much: users, registrations, links. Without the object it is of no use at once; it
 * goes in batches, so that other calls have their turn, and whoever ends in between leaves the rest to the next round.
 */
import { MINUTE_MS } from '../../core/time.ts';
import type { Removal, RemovalKind } from '../removal-table.ts';
import type { TokenService } from '../service.ts';
import type { Records } from '../store.ts';

/** Of one kind of object. */
interface Rest {
  /** Rows of one transaction: some ten milliseconds of the only writer of SQLite. */
  readonly batchMax: number;
  /** Gives back how many went. */
  removeSome(records: Records, id: string, nowMs: number, maxCount: number): Promise<number>;
}

const REST: Readonly<Record<RemovalKind, Rest>> = {
  tenants: {
    batchMax: 100,
    removeSome: ({ users }, id, nowMs, maxCount) => users.deleteOfTenant(id, nowMs, maxCount),
  },
  applications: {
    batchMax: 500,
    async removeSome({ users, refreshTokens }, applicationId, nowMs, maxCount) {
      await refreshTokens.revoke({ applicationId }, nowMs);
      return await users.deleteRegistrationsOf(applicationId, maxCount);
    },
  },
  identityProviders: {
    batchMax: 500,
    removeSome: ({ links }, id, _nowMs, maxCount) => links.deleteOfProvider(id, maxCount),
  },
};

/** Of one call and of one round of housekeeping; what is left goes with the next round. */
const BATCHES_MAX = 1000;
/** What a call that was under way wrote after the object was gone is there by then. */
const SETTLED_AFTER_MS = MINUTE_MS;

type RemovalService = Pick<TokenService, 'store' | 'clock'>;

/** After the transaction that deleted the object and noted its removal. True: nothing is left. */
export async function removeRest(
  { store, clock }: RemovalService,
  { kind, id }: Pick<Removal, 'kind' | 'id'>,
): Promise<boolean> {
  const { batchMax, removeSome } = REST[kind];
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
    const count = await store.transaction((records) => removeSome(records, id, clock(), batchMax));
    if (count < batchMax) return true;
  }
  return false;
}

/** What is left of all that was deleted, and what came after. A round of housekeeping. False: more is left. */
export async function removeLeftovers(service: RemovalService): Promise<boolean> {
  const { store, clock } = service;
  let isDone = true;
  for (const { kind, id, removedInstant } of await store.removals.list()) {
    const isEmpty = await removeRest(service, { kind, id });
    if (isEmpty && clock() - removedInstant > SETTLED_AFTER_MS) await store.removals.delete(kind, id);
    isDone &&= isEmpty;
  }
  return isDone;
}

/** Within the transaction that makes an object: one that had this id, and was deleted, leaves it nothing. */
export async function finishRemoval(
  records: Records,
  kind: RemovalKind,
  id: string,
  nowMs: number,
): Promise<void> {
  const { batchMax, removeSome } = REST[kind];
  let isLeft = await records.removals.delete(kind, id);
  while (isLeft) isLeft = (await removeSome(records, id, nowMs, batchMax)) === batchMax;
}
