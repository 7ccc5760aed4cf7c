/** Of the calls of one process that would rotate the same refresh token at once, one does, and the others wait for its end. */
import type { Store } from './store.ts';

const underWay = new WeakMap<Store, Map<string, Promise<unknown>>>();

/**
 * Transactional webhooks are told of a rotation before it is known who wins: whoever is sure to lose must not come so far.
 * Between processes the store decides.
 *
 * @returns null: another call has rotated the token meanwhile, or tried to; it must be looked at anew
 */
export async function rotateAlone<T>(
  store: Store,
  tokenId: string,
  rotate: () => Promise<T>,
): Promise<T | null> {
  const ofStore = rotationsOf(store);
  const other = ofStore.get(tokenId);
  if (other !== undefined) {
    await other.catch(() => undefined); // its caller is told
    return null;
  }
  const rotating = rotate().finally(() => ofStore.delete(tokenId));
  ofStore.set(tokenId, rotating);
  return await rotating;
}

function rotationsOf(store: Store): Map<string, Promise<unknown>> {
  const known = underWay.get(store);
  if (known !== undefined) return known;
  const rotations = new Map<string, Promise<unknown>>();
  underWay.set(store, rotations);
  return rotations;
}
