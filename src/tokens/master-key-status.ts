/** Which master keys the store still needs: every sealed value is opened and counted, and nothing is changed. */

import type { UsedMasterKey } from './master-key-table.ts';
import { previousOnes } from './master-keys.ts';
import { reseal } from './reseal-value.ts';
import { SEALED_PLACES, type SealedPlace } from './sealed-values.ts';
import type { TokenService } from './service.ts';

/** Rows read at a time. */
const PAGE_MAX = 1000;

export interface MasterKeyNeed {
  readonly place: SealedPlace;
  /** Of a previous master key. */
  readonly keyId: string;
  readonly values: number;
}

export interface MasterKeyStatus {
  /** Keys under which something may be sealed, as processes have said. */
  readonly used: readonly UsedMasterKey[];
  readonly needs: readonly MasterKeyNeed[];
  /** Values that open with no key of the configuration. */
  readonly lost: readonly Omit<MasterKeyNeed, 'keyId'>[];
  /** No previous key is needed, nor will be. */
  readonly isSettled: boolean;
}

/** @throws StoreUnavailableError */
export async function masterKeyStatus(
  service: Pick<TokenService, 'store' | 'sealer'>,
): Promise<MasterKeyStatus> {
  const used = await service.store.masterKeys.list();
  const counts = await Promise.all(SEALED_PLACES.map((place) => countIn(service, place)));
  const needs = counts.flatMap(({ place, byKey }) =>
    [...byKey].map(([keyId, values]) => ({ place, keyId, values })),
  );
  const lost = counts.filter(({ values }) => values > 0).map(({ place, values }) => ({ place, values }));
  return { used, needs, lost, isSettled: needs.length + previousOnes(used, service.sealer).length === 0 };
}

interface Count {
  readonly place: SealedPlace;
  readonly byKey: ReadonlyMap<string, number>;
  /** That open with no key. */
  readonly values: number;
}

async function countIn(
  { store, sealer }: Pick<TokenService, 'store' | 'sealer'>,
  place: SealedPlace,
): Promise<Count> {
  const byKey = new Map<string, number>();
  let values = 0;
  let after = '';
  for (;;) {
    const page = await store.sealedValues.page(place, after, PAGE_MAX);
    for (const value of page) {
      const found = reseal(sealer, place, value);
      if (found === null) values += 1;
      else for (const id of new Set(found.previousKeyIds)) byKey.set(id, (byKey.get(id) ?? 0) + 1);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_MAX) return { place, byKey, values };
    after = last.id;
  }
}
